// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "exact.h"
#include "redis/slot.h"
#include <cmocka.h>

/* Of the Redis cluster specification, its appendix, and what a Redis 7 answers to CLUSTER KEYSLOT.
 */
static void slots(void **state)
{
    static const struct {
        const char *key;
        uint16_t slot;
    } table[] = {
            {"", 0},
            {"123456789", 0x31c3},
            {"foo", 12182},
            {"{foo}", 12182},
            {"{user1000}.following", 3443},
            {"{user1000}.followers", 3443},
            {"user1000", 3443},
            {"foo{}{bar}", 8363},
            {"foo{{bar}}zap", 4015},
            {"{bar", 4015},
            {"foo{bar}{zap}", 5061},
            {"bar", 5061},
            {"}bar{", 1498},
            {"verimail:{1.x}", 10467},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text key = exact_copy(text_of(table[i].key));
        const uint16_t got = slot_of(key);
        exact_free(key);
        if (got != table[i].slot)
            fail_msg("%s: got %u, want %u", table[i].key, got, table[i].slot);
    }
}

static void crc(void **state)
{
    (void)state;
    assert_int_equal(slot_crc16(text_of("123456789")), 0x31c3);
    assert_int_equal(slot_crc16((struct text){NULL, 0}), 0);
    assert_int_equal(slot_crc16(text_of("A")), 0x58e5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(slots),
            cmocka_unit_test(crc),
    };
    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
