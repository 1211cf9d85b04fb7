// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "events/event.h"
#include "exact.h"
#include "unit.h"

static const struct event plain = {
        .time = 1763930000123,
        .verdict = VERDICT_ALLOW,
        .reason = REASON_TESTING,
        .would_be = REASON_REFUSED,
        .cause = {"domain", 6},
        .user = {"alice%40x+y@example.org", 23},
        .host = {"mail.example.org", 16},
        .receiving = {"example.net,example.com", 23},
        .ip = {"2001:db8::1", 11},
        .asker = {"192.0.2.1", 9},
        .stamp = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", 32},
        .issued = 1763930000,
        .digest = {"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", 43},
        .listed = true,
        .sealed = true,
        .changed = true,
        .milliseconds = UINT32_MAX,
};

static struct text encode(const struct event *event, char buffer[EVENT_OCTETS_MAX])
{
    struct writer w = writer_of(buffer, EVENT_OCTETS_MAX);

    assert_true(event_encode(event, &w));
    return writer_text(&w);
}

static bool decodes(struct text octets, struct event *event_r)
{
    const struct text copy = exact_copy(octets);
    const bool done = event_decode(copy, event_r);

    exact_free(copy);
    return done;
}

static void same_text(const char *what, struct text got, struct text want)
{
    if (!text_equal(got, want))
        fail_msg("%s: got `%.*s`, want `%.*s`", what, (int)got.len, got.at, (int)want.len, want.at);
}

static void same(const struct event *got, const struct event *want)
{
    assert_int_equal(got->time, want->time);
    assert_int_equal(got->verdict, want->verdict);
    assert_int_equal(got->reason, want->reason);
    assert_int_equal(got->would_be, want->would_be);
    assert_int_equal(got->listed, want->listed);
    assert_int_equal(got->sealed, want->sealed);
    assert_int_equal(got->changed, want->changed);
    assert_int_equal(got->left_out, want->left_out);
    assert_int_equal(got->issued, want->issued);
    assert_int_equal(got->milliseconds, want->milliseconds);
    same_text("cause", got->cause, want->cause);
    same_text("user", got->user, want->user);
    same_text("host", got->host, want->host);
    same_text("receiving", got->receiving, want->receiving);
    same_text("ip", got->ip, want->ip);
    same_text("asker", got->asker, want->asker);
    same_text("stamp", got->stamp, want->stamp);
    same_text("digest", got->digest, want->digest);
}

TEST(events_arrive_as_they_were)
{
    const struct event empty = {.verdict = VERDICT_YES};
    struct event odd = plain;
    char buffer[EVENT_OCTETS_MAX];
    struct event back;

    assert_true(event_decode(encode(&plain, buffer), &back));
    same(&back, &plain);
    assert_true(event_decode(encode(&empty, buffer), &back));
    same(&back, &empty);
    odd.time = odd.issued = INT64_MAX;
    odd.left_out = true;
    odd.changed = odd.listed = odd.sealed = false;
    odd.verdict = VERDICT_NO;
    odd.reason = REASON_REFUSED;
    assert_true(event_decode(encode(&odd, buffer), &back));
    same(&back, &odd);
}

TEST(what_is_too_long_is_cut)
{
    static char longest[4096];
    struct event event = plain;
    char buffer[EVENT_OCTETS_MAX];
    struct event back;

    memset(longest, 'x', sizeof longest);
    event.cause = event.user = event.host = event.ip = event.asker = event.stamp = event.digest =
            (struct text){longest, sizeof longest};
    event.receiving = (struct text){longest, EVENT_RECEIVING_MAX};
    assert_true(event_decode(encode(&event, buffer), &back));
    assert_int_equal(back.cause.len, EVENT_CAUSE_MAX);
    assert_int_equal(back.user.len, ADDRESS_MAX);
    assert_int_equal(back.host.len, DOMAIN_MAX);
    assert_int_equal(back.receiving.len, EVENT_RECEIVING_MAX);
    assert_int_equal(back.stamp.len, EVENT_STAMP);
    assert_int_equal(back.digest.len, DIGEST_TEXT);
}

/* Lists of receiving domains lose whole domains. */
TEST(lists_are_cut_between_domains)
{
    static const struct {
        size_t comma;
        size_t len;
        size_t want;
    } table[] = {{511, 600, 511}, {512, 600, 512}, {513, 600, 0}, {10, 600, 10}, {10, 512, 512},
            {10, 513, 10}, {0, 600, 0}};
    char list[600];
    char buffer[EVENT_OCTETS_MAX];
    struct event event = plain;
    struct event back;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        memset(list, 'd', sizeof list);
        list[table[i].comma] = ',';
        const struct text copy = exact_copy((struct text){list, table[i].len});
        event.receiving = copy;
        assert_true(event_decode(encode(&event, buffer), &back));
        if (back.receiving.len != table[i].want)
            fail_msg("comma at %zu of %zu: got %zu octets, want %zu", table[i].comma, table[i].len,
                    back.receiving.len, table[i].want);
        exact_free(copy);
    }
}

TEST(no_room_is_an_error)
{
    char buffer[EVENT_OCTETS_MAX];

    const size_t len = encode(&plain, buffer).len;
    for (size_t size = 0; size < len; size++) {
        struct writer w = writer_of(buffer, size);
        assert_false(event_encode(&plain, &w));
    }
}

TEST(parts_of_an_event_are_none)
{
    char buffer[EVENT_OCTETS_MAX + 1];
    struct event back;

    const struct text whole = encode(&plain, buffer);
    assert_true(decodes(whole, &back));
    for (size_t len = 0; len < whole.len; len++)
        assert_false(decodes((struct text){buffer, len}, &back));
    buffer[whole.len] = 'x';
    assert_false(decodes((struct text){buffer, whole.len + 1}, &back));
}

/* An octet at a place where only some will do. */
TEST(nonsense_is_no_event)
{
    static const struct {
        const char *what;
        size_t at;
        unsigned char octet;
    } table[] = {
            {"form", 0, 0},
            {"form", 0, 2},
            {"verdict", 1, VERDICT_NONE},
            {"verdict", 1, 255},
            {"reason", 2, REASON_REFUSED + 1},
            {"would_be", 3, REASON_REFUSED + 1},
            {"flags", 4, 16},
            {"time", 12, 0x80},
            {"issued", 20, 0x80},
            {"length of the cause", 25, EVENT_CAUSE_MAX + 1},
            {"length of the cause", 26, 255},
            {"length of the cause", 25, 5},
            {"cause", 27, 0},
            {"cause", 27, '\n'},
            {"cause", 27, 0x7f},
            {"cause", 27, 0x80},
            {"cause", 27, 0xff},
    };
    char buffer[EVENT_OCTETS_MAX];
    struct event back;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text whole = encode(&plain, buffer);
        buffer[table[i].at] = (char)table[i].octet;
        if (decodes(whole, &back))
            fail_msg("%s %u: got an event, want none", table[i].what, table[i].octet);
    }
}

TEST(domains_of_users)
{
    static const struct {
        const char *user;
        const char *domain;
    } table[] = {{"alice@example.org", "example.org"}, {"a@b@c", "c"}, {"", ""}, {"alice", ""},
            {"alice@", ""}, {"@x", "x"}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct event event = {.user = text_of(table[i].user)};
        same_text(table[i].user, event_domain(&event), text_of(table[i].domain));
    }
}
