// SPDX-License-Identifier: ISC
#include "exact.h"
#include "replay/redis_slot.h"
#include "unit.h"

/* Of the Redis cluster specification, its appendix, and what a Redis 7 answers to CLUSTER KEYSLOT.
 */
TEST(slots)
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

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text key = exact_copy(text_of(table[i].key));
        const uint16_t got = redis_slot_of(key);
        exact_free(key);
        if (got != table[i].slot)
            fail_msg("%s: got %u, want %u", table[i].key, got, table[i].slot);
    }
}

TEST(crc)
{
    assert_int_equal(redis_slot_crc16(text_of("123456789")), 0x31c3);
    assert_int_equal(redis_slot_crc16((struct text){NULL, 0}), 0);
    assert_int_equal(redis_slot_crc16(text_of("A")), 0x58e5);
}
