// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "replay/count_request.h"
#include "unit.h"

#define ISSUED 1767225600
#define LIFETIME 604800
#define MOST 8 /* entries that a row of the table has room for */

/* An entry that is wanted: the domain in lower case, and its allowance. */
struct wanted {
    const char *domain;
    uint32_t allowance;
};

static void make(const char *receiving, const char *rcpt, uint32_t per_recipient,
        struct count_request *item_r)
{
    const struct text exact_receiving = exact_copy(text_of(receiving));
    const struct text exact_rcpt = exact_copy(text_of(rcpt));
    struct payload_opened payload = {
            .is = {.receiving = exact_receiving, .issued = ISSUED},
    };

    for (size_t i = 0; i < sizeof payload.nonce; i++)
        payload.nonce[i] = (unsigned char)(i + 1);
    memset(item_r, 0x55, sizeof *item_r);
    count_request_make(&payload, exact_rcpt, per_recipient, LIFETIME, item_r);
    assert_memory_equal(item_r->nonce, payload.nonce, sizeof payload.nonce);
    exact_free(exact_receiving);
    exact_free(exact_rcpt);
}

static bool is(const struct replay_entry *entry, const struct wanted *wanted)
{
    unsigned char hash[crypto_generichash_BYTES_MIN];

    crypto_generichash(hash, sizeof hash, (const unsigned char *)wanted->domain,
            strlen(wanted->domain), NULL, 0);
    return memcmp(entry->domain, hash, REPLAY_DOMAIN) == 0 && entry->allowance == wanted->allowance;
}

TEST(what_is_counted_against_which_allowance)
{
    static const struct {
        const char *receiving;
        const char *rcpt;
        uint32_t per_recipient;
        struct wanted wanted[MOST];
    } table[] = {
            {"example.net:1", "example.net", 4, {{"example.net", 4}}},
            {"example.net:3", "example.net", 4, {{"example.net", 12}}},
            {"example.net:1", "Example.NET", 4, {{"example.net", 4}}},
            {"a.net:1,b.net:2", "b.net", 4, {{"b.net", 8}}},
            {"a.net:1,b.net:2", "b.net,a.net", 4, {{"b.net", 8}, {"a.net", 4}}},
            {"a.net:1,b.net:2", "a.net,A.net,b.net,a.NET", 4, {{"a.net", 4}, {"b.net", 8}}},
            /* Without rcpt= it is the whole that counts, under `*`. */
            {"example.net:1", "", 4, {{"*", 4}}},
            {"a.net:1,b.net:2,c.net:10", "", 4, {{"*", 52}}},
            {"*:7", "", 4, {{"*", 28}}},
            /* And so it is for a payload for any domain. */
            {"*:7", "*", 4, {{"*", 28}}},
            {"*:7", "example.net", 4, {{"*", 28}}},
            {"*:7", "a.net,b.net", 4, {{"*", 28}}},
            /* checks_per_recipient */
            {"example.net:2", "example.net", 1, {{"example.net", 2}}},
            {"example.net:1000000", "example.net", 1000, {{"example.net", 1000000000}}},
            {"example.net:1000000", "example.net", UINT32_MAX, {{"example.net", UINT32_MAX}}},
            {"a.net:500000,b.net:500000", "", 4295, {{"*", UINT32_MAX}}},
            {"a.net:500000,b.net:500000", "", 4294, {{"*", 4294000000}}},
    };
    static struct count_request item;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t count = 0;
        make(table[i].receiving, table[i].rcpt, table[i].per_recipient, &item);
        while (count < MOST && table[i].wanted[count].domain != NULL)
            count++;
        bool ok = item.entries_count == count && item.issued == ISSUED &&
                  item.expires == ISSUED + LIFETIME + JUDGE_FUTURE && item.result == REPLAY_PENDING;
        for (size_t k = 0; ok && k < count; k++)
            ok = is(&item.entries[k], &table[i].wanted[k]);
        if (!ok)
            fail_msg("%s asked about with rcpt=%s: got %zu entries, the first with %u; want %zu, "
                     "%s with %u",
                    table[i].receiving, table[i].rcpt, item.entries_count,
                    item.entries[0].allowance, count, table[i].wanted[0].domain,
                    table[i].wanted[0].allowance);
    }
}

/* As many domains as a payload can name, all of them asked about. */
TEST(the_longest_list_has_room)
{
    static struct count_request item;
    char receiving[RECEIVING_MAX + 1] = "";
    char rcpt[RECEIVING_MAX + 1] = "";
    size_t count = 0;

    for (char a = 'a'; a <= 'z' && strlen(receiving) + 5 <= RECEIVING_MAX; a++) {
        for (char b = 'a'; b <= 'c' && strlen(receiving) + 5 <= RECEIVING_MAX; b++, count++) {
            const size_t at = strlen(receiving);
            snprintf(receiving + at, sizeof receiving - at, "%s%c%c:1", count > 0 ? "," : "", a, b);
            snprintf(rcpt + strlen(rcpt), sizeof rcpt - strlen(rcpt), "%s%c%c",
                    count > 0 ? "," : "", a, b);
        }
    }
    assert_true(receiving_is_valid(text_of(receiving)));
    assert_true(count >= 59);
    make(receiving, rcpt, 4, &item);
    assert_int_equal(item.entries_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(item.entries[i].allowance, 4);
}

/* One that nobody should hand in: the entries end at their room. */
TEST(a_list_that_is_too_long_stays_in_its_room)
{
    static struct count_request item;
    char rcpt[2048] = "";

    for (int i = 0; i < 400; i++)
        snprintf(rcpt + strlen(rcpt), sizeof rcpt - strlen(rcpt), "%s%d", i > 0 ? "," : "", i);
    make("a:1", rcpt, 4, &item);
    assert_int_equal(item.entries_count, REPLAY_ENTRIES_MAX);
}
