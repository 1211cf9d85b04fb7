// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "recorder/texts.h"
#include "unit.h"

#define LIMIT 20
#define NOW UINT64_C(3600000)

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

/* A question about stamp number `stamp` with text number `text`; 0: the text it was made for. */
static void note(struct texts *texts, unsigned stamp, unsigned text)
{
    char name[EVENT_STAMP + 1];
    char digest[DIGEST_TEXT + 1];

    snprintf(name, sizeof name, "%032u", stamp);
    snprintf(digest, sizeof digest, "%043u", text);
    const struct event event = {.verdict = VERDICT_ALLOW,
            .reason = REASON_CHANGED,
            .user = text_of("alice@example.org"),
            .stamp = text_of(name),
            .issued = 1780271000,
            .digest = text_of(digest),
            .changed = text > 0};
    texts_note(texts, &event, NOW);
}

static struct texts *make(size_t limit, size_t octets)
{
    struct texts *texts = texts_init(limit, octets);

    assert_non_null(texts);
    return texts;
}

static unsigned alarms(struct texts *texts)
{
    struct texts_alarm alarm;
    unsigned count = 0;

    while (texts_next(texts, &alarm))
        count++;
    return count;
}

TEST(one_alarm_for_a_payload)
{
    struct texts *texts = make(LIMIT, TEXTS_OCTETS);
    struct texts_alarm alarm;

    for (unsigned text = 1; text <= LIMIT; text++)
        for (int times = 0; times < 3; times++)
            note(texts, 7, text);
    note(texts, 7, 0);
    assert_false(texts_next(texts, &alarm));
    for (unsigned text = LIMIT + 1; text <= 500; text++)
        note(texts, 7, text);
    assert_true(texts_next(texts, &alarm));
    assert_string_equal(alarm.stamp, "00000000000000000000000000000007");
    assert_string_equal(alarm.user, "alice@example.org");
    assert_int_equal(alarm.issued, 1780271000);
    assert_false(texts_next(texts, &alarm));
    texts_free(&texts);
    assert_null(texts);
    texts_free(&texts);
}

TEST(what_has_no_stamp_does_not_count)
{
    struct texts *texts = make(1, TEXTS_OCTETS);
    struct event event = {.verdict = VERDICT_NO, .changed = true};

    for (int i = 0; i < 10; i++) {
        const char digest[] = {(char)('a' + i), '\0'};
        event.digest = text_of(digest);
        texts_note(texts, &event, NOW);
    }
    assert_int_equal(alarms(texts), 0);
    texts_free(&texts);
}

/* Strangers' stamps do not push out one with many texts. */
TEST(memory_is_bounded)
{
    struct texts *texts = make(LIMIT, 64 * 1024);

    for (unsigned text = 1; text <= LIMIT; text++)
        note(texts, 1, text);
    for (unsigned stamp = 2; stamp < 20000; stamp++)
        note(texts, stamp, 1);
    note(texts, 1, LIMIT + 1);
    assert_int_equal(alarms(texts), 1);
    /* More alarms at once than can wait: the next text of each tries again. */
    for (unsigned stamp = 100; stamp < 100 + 2 * TEXTS_WAITING; stamp++)
        for (unsigned text = 1; text <= LIMIT + 1; text++)
            note(texts, stamp, text);
    assert_int_equal(alarms(texts), TEXTS_WAITING);
    for (unsigned stamp = 100; stamp < 100 + 2 * TEXTS_WAITING; stamp++)
        note(texts, stamp, LIMIT + 2);
    assert_int_equal(alarms(texts), TEXTS_WAITING);
    texts_free(&texts);
}

/* What lists and forwarders make of one message, to be asked about by all their members. */
static unsigned personalised(unsigned member)
{
    return member + 1;
}

static unsigned same_footer(unsigned member)
{
    (void)member;
    return 1;
}

static unsigned unchanged(unsigned member)
{
    (void)member;
    return 0;
}

/* A list that changes each copy is not told from somebody who forges: this is what it costs. */
TEST(alarms_on_lists)
{
    static const struct {
        const char *name;
        unsigned (*text)(unsigned member);
        unsigned members;
        unsigned wanted;
    } table[] = {
            {"personalised list", personalised, 10, 0},
            {"personalised list", personalised, 20, 0},
            {"personalised list", personalised, 21, 1},
            {"personalised list", personalised, 10000, 1},
            {"list with a footer", same_footer, 10000, 0},
            {"forwarder", unchanged, 10000, 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct texts *texts = make(LIMIT, TEXTS_OCTETS);
        for (unsigned member = 0; member < table[i].members; member++)
            note(texts, 1, table[i].text(member));
        const unsigned got = alarms(texts);
        print_message("# %s of %u members, one message: %u alarm%s\n", table[i].name,
                table[i].members, got, got == 1 ? "" : "s");
        assert_int_equal(got, table[i].wanted);
        texts_free(&texts);
    }
}
