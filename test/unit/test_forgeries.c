// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "events/privacy.h"
#include "exact.h"
#include "recorder/forgeries.h"
#include "unit.h"

#define MINUTE UINT64_C(60000)
#define HOUR (60 * MINUTE)
#define START (UINT64_C(1000) * HOUR)

static void note(struct forgeries *forgeries, const char *user, const char *ip, uint64_t now)
{
    const struct text copy = exact_copy(text_of(user));
    const struct event event = {
            .verdict = VERDICT_NO, .reason = REASON_FORGED, .user = copy, .ip = text_of(ip)};

    forgeries_note(forgeries, &event, now);
    exact_free(copy);
}

static void note_many(struct forgeries *forgeries, const char *user, unsigned count, uint64_t now)
{
    for (unsigned i = 0; i < count; i++)
        note(forgeries, user, "", now);
}

/* Whom the next alarm is about; "" when there is none. */
static const char *next(struct forgeries *forgeries)
{
    static struct forgery forgery;

    return forgeries_next(forgeries, &forgery) ? forgery.user : "";
}

static struct forgeries *make(uint64_t limit)
{
    struct forgeries *forgeries = forgeries_init(limit, FORGERIES_USERS);

    assert_non_null(forgeries);
    return forgeries;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(alarm_at_the_one_too_many)
{
    struct forgeries *forgeries = make(100);

    note_many(forgeries, "alice@example.org", 100, START);
    assert_string_equal(next(forgeries), "");
    note_many(forgeries, "bob@example.org", 100, START);
    assert_string_equal(next(forgeries), "");
    note(forgeries, "alice@example.org", "", START);
    assert_string_equal(next(forgeries), "alice@example.org");
    assert_string_equal(next(forgeries), "");
    forgeries_free(&forgeries);
    assert_null(forgeries);
    forgeries_free(&forgeries);
}

TEST(one_alarm_in_an_hour)
{
    struct forgeries *forgeries = make(2);

    note_many(forgeries, "alice@example.org", 3, START);
    assert_string_equal(next(forgeries), "alice@example.org");
    for (uint64_t now = START; now < START + HOUR; now += MINUTE)
        note(forgeries, "alice@example.org", "", now);
    assert_string_equal(next(forgeries), "");
    note(forgeries, "alice@example.org", "", START + HOUR);
    assert_string_equal(next(forgeries), "alice@example.org");
    forgeries_free(&forgeries);
}

/* Ten an hour for a day, and ten minutes more of them, are never more than twelve. */
TEST(an_hour_is_what_counts)
{
    struct forgeries *forgeries = make(12);

    for (uint64_t now = START; now < START + 24 * HOUR; now += HOUR / 10)
        note(forgeries, "alice@example.org", "", now);
    assert_string_equal(next(forgeries), "");
    note_many(forgeries, "alice@example.org", 3, START + 24 * HOUR);
    assert_string_equal(next(forgeries), "alice@example.org");
    forgeries_free(&forgeries);
}

/* Whenever the hour begins. */
TEST(none_within_an_hour_is_missed)
{
    for (uint64_t begin = START; begin < START + 2 * HOUR; begin += MINUTE) {
        struct forgeries *forgeries = make(6);
        for (uint64_t i = 0; i < 7; i++)
            note(forgeries, "alice@example.org", "", begin + i * (HOUR / 6));
        assert_string_equal(next(forgeries), "alice@example.org");
        forgeries_free(&forgeries);
    }
}

TEST(old_ones_are_forgotten)
{
    static const uint64_t pauses[] = {HOUR + 10 * MINUTE, HOUR + 11 * MINUTE, 2 * HOUR, 100 * HOUR};

    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        struct forgeries *forgeries = make(4);
        note_many(forgeries, "alice@example.org", 4, START);
        note_many(forgeries, "alice@example.org", 4, START + pauses[i]);
        assert_string_equal(next(forgeries), "");
        note(forgeries, "alice@example.org", "", START + pauses[i]);
        assert_string_equal(next(forgeries), "alice@example.org");
        forgeries_free(&forgeries);
    }
}

TEST(clock_that_goes_back_is_no_harm)
{
    struct forgeries *forgeries = make(4);

    note_many(forgeries, "alice@example.org", 2, START);
    note_many(forgeries, "alice@example.org", 2, START - 5 * HOUR);
    note_many(forgeries, "alice@example.org", 1, 0);
    assert_string_equal(next(forgeries), "alice@example.org");
    note(forgeries, "alice@example.org", "", UINT64_MAX);
    assert_string_equal(next(forgeries), "");
    forgeries_free(&forgeries);
}

TEST(details_and_case_are_the_same_user)
{
    struct forgeries *forgeries = make(3);

    note(forgeries, "Alice@example.org", "", START);
    note(forgeries, "alice+1@example.org", "", START);
    note(forgeries, "ALICE+2+3@EXAMPLE.org", "", START);
    note(forgeries, "alice@example.net", "", START);
    assert_string_equal(next(forgeries), "");
    note(forgeries, "alice+@example.org", "", START);
    assert_string_equal(next(forgeries), "alice@example.org");
    forgeries_free(&forgeries);
}

TEST(odd_names_are_names)
{
    static const char *const names[] = {"", "@", "+", "+@", "a", "a@b@c", "a+b@c+d@e"};
    char longest[ADDRESS_MAX + 100];

    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct forgeries *forgeries = make(1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        note_many(forgeries, names[i], 2, START);
    note_many(forgeries, longest, 2, START);
    struct forgery forgery;
    size_t last = 0;
    while (forgeries_next(forgeries, &forgery))
        last = strlen(forgery.user);
    assert_int_equal(last, ADDRESS_MAX);
    forgeries_free(&forgeries);
}

TEST(only_forgeries_count)
{
    static const struct {
        enum verdict verdict;
        enum reason reason;
        const char *cause;
        bool counts;
    } cases[] = {
            {VERDICT_YES, REASON_STAMPED, "", false},
            {VERDICT_ALLOW, REASON_UNSTAMPED, "", false},
            {VERDICT_ALLOW, REASON_REPLAYED, "", false},
            {VERDICT_NO, REASON_REFUSED, "domain", false},
            {VERDICT_NO, REASON_REFUSED, "subdomain", true},
            {VERDICT_NO, REASON_REFUSED, "user", true},
            {VERDICT_NO, REASON_UNSTAMPED, "", true},
            {VERDICT_NO, REASON_FORGED, "", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct forgeries *forgeries = make(0);
        const struct event event = {.verdict = cases[i].verdict,
                .reason = cases[i].reason,
                .cause = text_of(cases[i].cause),
                .user = text_of("alice@example.org")};
        struct forgery forgery;
        forgeries_note(forgeries, &event, START);
        if (forgeries_next(forgeries, &forgery) != cases[i].counts) {
            print_error("%s %s %s: got %s, want %s\n", verdict_name(cases[i].verdict),
                    reason_name(cases[i].reason), cases[i].cause,
                    cases[i].counts ? "no alarm" : "an alarm",
                    cases[i].counts ? "an alarm" : "no alarm");
            fail();
        }
        forgeries_free(&forgeries);
    }
}

TEST(network_of_most_is_told)
{
    static const struct {
        const char *ips[6]; /* up to NULL */
        const char *want;
    } cases[] = {
            {{"192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "203.0.113.1", "192.0.2.4"},
                    "192.0.2.0/24"},
            {{"198.51.100.1", "203.0.113.1", "2001:db8:1::1",
                     "2001:db8:1:2::", "2001:db8:1:3::", "2001:db8:1:4::"},
                    "2001:db8:1::/48"},
            {{"192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.2", "198.51.100.2",
                     "203.0.113.2"},
                    ""},
            {{"", "", "", "", "192.0.2.1", "192.0.2.2"}, ""},
            {{"", "", "", "", "", ""}, ""},
    };
    char buffer[PRIVACY_TEXT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct forgeries *forgeries = make(5);
        struct forgery forgery;
        for (size_t k = 0; k < 6; k++)
            note(forgeries, "alice@example.org", cases[i].ips[k], START);
        assert_true(forgeries_next(forgeries, &forgery));
        const struct text got = privacy_prefix_text(forgery.network, buffer);
        if (!text_equal(got, text_of(cases[i].want))) {
            print_error("%zu: got `%.*s`, want `%s`\n", i, (int)got.len, got.at, cases[i].want);
            fail();
        }
        forgeries_free(&forgeries);
    }
}

TEST(alarms_wait_for_their_turn)
{
    struct forgeries *forgeries = make(0);
    char user[32];

    for (unsigned i = 0; i <= FORGERIES_WAITING; i++) {
        snprintf(user, sizeof user, "user%u@example.org", i);
        note(forgeries, user, "", START);
    }
    for (unsigned i = 0; i < FORGERIES_WAITING; i++) {
        snprintf(user, sizeof user, "user%u@example.org", i);
        assert_string_equal(next(forgeries), user);
    }
    /* For whom there was no room, the next forgery is good for an alarm. */
    assert_string_equal(next(forgeries), "");
    snprintf(user, sizeof user, "user%u@example.org", FORGERIES_WAITING);
    note(forgeries, user, "", START);
    assert_string_equal(next(forgeries), user);
    forgeries_free(&forgeries);
}

/* Names that nobody asked about twice do not push out one of whom there are several. */
TEST(flood_of_names_hides_nobody)
{
    struct forgeries *forgeries = forgeries_init(8, 512);
    char user[32];

    assert_non_null(forgeries);
    note_many(forgeries, "alice@example.org", 4, START);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(user, sizeof user, "user%u@example.org", i);
        note(forgeries, user, "", START + i);
    }
    note_many(forgeries, "alice@example.org", 5, START + 100000);
    assert_string_equal(next(forgeries), "alice@example.org");
    assert_string_equal(next(forgeries), "");
    forgeries_free(&forgeries);
}
