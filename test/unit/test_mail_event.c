// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "events/codec.h"
#include "events/mail_event.h"
#include "exact.h"
#include "unit.h"

static const struct mail_event whole = {
        .time = 1763930000123,
        .direction = MAIL_DIRECTION_IN,
        .action = MAIL_ACTION_PASSED,
        .would_be = MAIL_ACTION_REJECTED,
        .verdict = VERDICT_NO,
        .source = MAIL_SOURCE_CACHE,
        .secure = true,
        .sealed = true,
        .authenticated = true,
        .reason = {"unstamped", 9},
        .queue = {"4cXyZ12345", 10},
        .message = {"a.b@example.org", 15},
        .author = {"alice%40x+y@example.org", 23},
        .login = {"alice", 5},
        .ip = {"2001:db8::1", 11},
        .receiving = {"example.net,example.com", 23},
        .service = {"192.0.2.7:26", 12},
        .lookup = {"_verimail._tcp.example.org", 26},
        .stamp = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", 32},
        .milliseconds = UINT32_MAX,
};

static struct text encode(const struct mail_event *event, char buffer[MAIL_EVENT_OCTETS_MAX])
{
    struct writer w = writer_of(buffer, MAIL_EVENT_OCTETS_MAX);

    assert_true(mail_event_encode(event, &w));
    return writer_text(&w);
}

static bool decodes(struct text octets, struct mail_event *event_r)
{
    const struct text copy = exact_copy(octets);
    const bool done = mail_event_decode(copy, event_r);

    exact_free(copy);
    return done;
}

static void same_text(const char *what, struct text got, struct text want)
{
    if (!text_equal(got, want))
        fail_msg("%s: got `%.*s`, want `%.*s`", what, (int)got.len, got.at, (int)want.len, want.at);
}

static void same(const struct mail_event *got, const struct mail_event *want)
{
    assert_int_equal(got->time, want->time);
    assert_int_equal(got->direction, want->direction);
    assert_int_equal(got->action, want->action);
    assert_int_equal(got->would_be, want->would_be);
    assert_int_equal(got->verdict, want->verdict);
    assert_int_equal(got->source, want->source);
    assert_int_equal(got->secure, want->secure);
    assert_int_equal(got->sealed, want->sealed);
    assert_int_equal(got->authenticated, want->authenticated);
    assert_int_equal(got->left_out, want->left_out);
    assert_int_equal(got->milliseconds, want->milliseconds);
    same_text("reason", got->reason, want->reason);
    same_text("queue", got->queue, want->queue);
    same_text("message", got->message, want->message);
    same_text("author", got->author, want->author);
    same_text("login", got->login, want->login);
    same_text("ip", got->ip, want->ip);
    same_text("receiving", got->receiving, want->receiving);
    same_text("service", got->service, want->service);
    same_text("lookup", got->lookup, want->lookup);
    same_text("stamp", got->stamp, want->stamp);
}

TEST(mail_events_arrive_as_they_were)
{
    const struct mail_event least = {
            .direction = MAIL_DIRECTION_OUT, .action = MAIL_ACTION_STAMPED};
    struct mail_event odd = whole;
    char buffer[MAIL_EVENT_OCTETS_MAX];
    struct mail_event back;

    assert_true(mail_event_decode(encode(&whole, buffer), &back));
    same(&back, &whole);
    assert_true(mail_event_decode(encode(&least, buffer), &back));
    same(&back, &least);
    odd.time = INT64_MAX;
    odd.left_out = true;
    odd.secure = odd.sealed = odd.authenticated = false;
    odd.verdict = VERDICT_PERMERROR;
    odd.action = MAIL_ACTION_DEFERRED;
    odd.source = MAIL_SOURCE_PEER;
    assert_true(mail_event_decode(encode(&odd, buffer), &back));
    same(&back, &odd);
}

/* What mail servers and strangers write arrives as printable ASCII. */
TEST(foreign_octets_are_escaped)
{
    static const struct {
        struct text from;
        struct text want;
    } table[] = {
            {{"a b%c", 5}, {"a b%c", 5}},
            {{"a\tb\r\nc", 6}, {"a%09b%0D%0Ac", 12}},
            {{"\0", 1}, {"%00", 3}},
            {{"\x1b[2J", 4}, {"%1B[2J", 6}},
            {{"\x7f\xc3\xa4\xff", 4}, {"%7F%C3%A4%FF", 12}},
    };
    char buffer[MAIL_EVENT_OCTETS_MAX];
    struct mail_event back;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mail_event event = whole;
        const struct text copy = exact_copy(table[i].from);
        event.queue = event.message = event.login = event.author = copy;
        assert_true(mail_event_decode(encode(&event, buffer), &back));
        same_text("queue", back.queue, table[i].want);
        same_text("message", back.message, table[i].want);
        same_text("login", back.login, table[i].want);
        same_text("author", back.author, table[i].want);
        exact_free(copy);
    }
}

/* Each octet at each place of a text, as long as a few words of the machine. */
TEST(one_octet_makes_a_text_foreign)
{
    char octets[20];

    for (size_t len = 0; len <= sizeof octets; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 256; c++) {
                memset(octets, at % 2 == 0 ? ' ' : '~', sizeof octets);
                octets[at] = (char)(unsigned char)c;
                const struct text copy = exact_copy((struct text){octets, len});
                if (codec_is_plain(copy) != (c >= ' ' && c <= '~'))
                    fail_msg("octet %u at %zu of %zu", c, at, len);
                exact_free(copy);
            }
        }
    }
    assert_true(codec_is_plain((struct text){NULL, 0}));
}

/* The largest event fits, whatever its octets are; no escape is cut in two. */
TEST(what_is_too_long_in_mail_is_cut)
{
    static char longest[65536];
    char buffer[MAIL_EVENT_OCTETS_MAX];
    struct mail_event event = whole;
    struct mail_event back;

    for (int c = 'x'; c >= 0; c -= 'x') {
        memset(longest, c, sizeof longest);
        const size_t octets = c == 0 ? 3 : 1;
        event.reason = event.queue = event.message = event.author = event.login = event.ip =
                event.service = event.lookup = event.stamp = (struct text){longest, sizeof longest};
        assert_true(mail_event_decode(encode(&event, buffer), &back));
        assert_int_equal(back.reason.len, MAIL_EVENT_REASON_MAX / octets * octets);
        assert_int_equal(back.queue.len, MAIL_EVENT_QUEUE_MAX / octets * octets);
        assert_int_equal(back.message.len, MAIL_EVENT_MESSAGE_MAX / octets * octets);
        assert_int_equal(back.author.len, ADDRESS_MAX / octets * octets);
        assert_int_equal(back.login.len, MAIL_EVENT_LOGIN_MAX / octets * octets);
        assert_int_equal(back.ip.len, MAIL_EVENT_IP_MAX / octets * octets);
        assert_int_equal(back.service.len, MAIL_EVENT_SERVICE_MAX / octets * octets);
        assert_int_equal(back.lookup.len, MAIL_EVENT_LOOKUP_MAX / octets * octets);
        assert_int_equal(back.stamp.len, MAIL_EVENT_STAMP / octets * octets);
    }
}

TEST(no_room_for_a_mail_event_is_an_error)
{
    char buffer[MAIL_EVENT_OCTETS_MAX];

    const size_t len = encode(&whole, buffer).len;
    for (size_t size = 0; size < len; size++) {
        struct writer w = writer_of(buffer, size);
        assert_false(mail_event_encode(&whole, &w));
    }
}

TEST(parts_of_a_mail_event_are_none)
{
    char buffer[MAIL_EVENT_OCTETS_MAX + 1];
    struct mail_event back;

    const struct text octets = encode(&whole, buffer);
    assert_true(decodes(octets, &back));
    for (size_t len = 0; len < octets.len; len++)
        assert_false(decodes((struct text){buffer, len}, &back));
    buffer[octets.len] = 'x';
    assert_false(decodes((struct text){buffer, octets.len + 1}, &back));
}

/* An octet at a place where only some will do. */
TEST(nonsense_is_no_mail_event)
{
    static const struct {
        const char *what;
        size_t at;
        unsigned char octet;
    } table[] = {
            {"form", 0, 0},
            {"form", 0, 2},
            {"direction", 1, MAIL_DIRECTION_OUT + 1},
            {"action", 2, MAIL_ACTION_NONE},
            {"action", 2, MAIL_ACTION_DEFERRED + 1},
            {"would_be", 3, MAIL_ACTION_DEFERRED + 1},
            {"verdict", 4, VERDICT_PERMERROR + 1},
            {"source", 5, MAIL_SOURCE_PEER + 1},
            {"flags", 6, 16},
            {"time", 14, 0x80},
            {"length of the reason", 19, MAIL_EVENT_REASON_MAX + 1},
            {"length of the reason", 20, 255},
            {"length of the reason", 19, 10},
            {"reason", 21, 0},
            {"reason", 21, '\n'},
            {"reason", 21, 0x7f},
            {"reason", 21, 0x80},
    };
    char buffer[MAIL_EVENT_OCTETS_MAX];
    struct mail_event back;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text octets = encode(&whole, buffer);
        buffer[table[i].at] = (char)table[i].octet;
        if (decodes(octets, &back))
            fail_msg("%s %u: got an event, want none", table[i].what, table[i].octet);
    }
}
