// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_milter.h"
#include "unit.h"

/* One line for each edit. */
static void client_check_edits(const struct milter_client *client, const char *wanted)
{
    static const char types[] = {
            [MILTER_CLIENT_INSERT] = 'i',
            [MILTER_CLIENT_ADD] = 'a',
            [MILTER_CLIENT_CHANGE] = 'c',
            [MILTER_CLIENT_REMOVE] = 'r',
    };
    char got[1024] = "";
    size_t len = 0;

    for (size_t i = 0; i < milter_client_edits(client); i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        len += (size_t)snprintf(got + len, sizeof got - len, "%c%u %s:%s|", types[edit.type],
                edit.index, edit.name, edit.value);
    }
    assert_string_equal(got, wanted);
}

struct packet {
    char kind; /* 0: none */
    size_t len;
    const char *data;
};
#define PACKET(kind, data)                                                                         \
    {                                                                                              \
        kind, sizeof data - 1, data                                                                \
    }

static const struct end_row {
    struct unit_row unit;
    struct packet says[7]; /* after the terms and the answers before the end; a kind of 0 ends it */
    enum milter_client_verdict verdict;
    const char *reply;
    const char *reason; /* of a quarantine */
    const char *edits;
    const char *error; /* a part of it */
} end_rows[] = {
        {{"accept"}, {PACKET('c', "")}, MILTER_CLIENT_ACCEPT, "", "", "", NULL},
        {{"accept at once"}, {PACKET('a', "")}, MILTER_CLIENT_ACCEPT, "", "", "", NULL},
        {{"edits"},
                {PACKET('m', "\0\0\0\2A\0\0"), PACKET('m', "\0\0\0\1B\0 x\0"),
                        PACKET('h', "C\0 y\n\tz\0"), PACKET('p', ""),
                        PACKET('i', "\0\0\0\0D\0 w\0"), PACKET('c', "")},
                MILTER_CLIENT_ACCEPT, "", "", "r2 A:|c1 B: x|a0 C: y\n\tz|i0 D: w|", NULL},
        {{"quarantine"}, {PACKET('q', "why\0"), PACKET('c', "")}, MILTER_CLIENT_ACCEPT, "", "why",
                "", NULL},
        {{"reject"}, {PACKET('y', "550 5.7.1 No\0")}, MILTER_CLIENT_REJECT, "550 5.7.1 No", "", "",
                NULL},
        {{"reject without a text"}, {PACKET('r', "")}, MILTER_CLIENT_REJECT,
                "550 5.7.1 Refused by the mail filter", "", "", NULL},
        {{"defer"}, {PACKET('y', "451 4.7.1 Later\0")}, MILTER_CLIENT_TEMPFAIL, "451 4.7.1 Later",
                "", "", NULL},
        {{"defer without a text"}, {PACKET('t', "")}, MILTER_CLIENT_TEMPFAIL,
                "451 4.7.1 Deferred by the mail filter", "", "", NULL},
        {{"text without a NUL"}, {PACKET('y', "550 No")}, MILTER_CLIENT_REJECT, "550 No", "", "",
                NULL},
#define FAILS(name, error, ...)                                                                    \
    {                                                                                              \
        {name}, {__VA_ARGS__}, MILTER_CLIENT_TEMPFAIL,                                             \
                "451 4.7.1 The mail filter (Verimail) is not available; try again later", NULL,    \
                NULL, error                                                                        \
    }
        FAILS("end of the connection", "the connection was closed", {0}),
        FAILS("an unknown kind", "unknown kind (0x78)", PACKET('x', "")),
        FAILS("discarding", "unknown kind (0x64)", PACKET('d', "")),
        FAILS("a reply without a code", "no SMTP reply", PACKET('y', "hello\0")),
        FAILS("a reply with a good code", "no SMTP reply", PACKET('y', "250 ok\0")),
        FAILS("a reply of two lines", "no SMTP reply", PACKET('y', "550-a\r\n550 b\0")),
        FAILS("a reply with a line end", "no SMTP reply", PACKET('y', "550 a\nb\0")),
        FAILS("a reply with a NUL", "no SMTP reply", PACKET('y', "550 a\0b\0")),
        FAILS("a short edit", "too short", PACKET('h', "A\0")),
        FAILS("an edit without a value", "makes no field", PACKET('h', "ABC\0")),
        FAILS("an edit without its last NUL", "makes no field", PACKET('h', "A\0 b")),
        FAILS("an edit with more behind", "makes no field", PACKET('h', "A\0 b\0c\0")),
        FAILS("an edit without a name", "makes no field", PACKET('h', "\0 b\0")),
        FAILS("a name with a blank", "makes no field", PACKET('h', "A B\0 b\0")),
        FAILS("a name with a colon", "makes no field", PACKET('h', "A:\0 b\0")),
        FAILS("a value with a second field", "makes no field", PACKET('h', "A\0 b\nC: d\0")),
        FAILS("a value with CR", "makes no field", PACKET('h', "A\0 b\r\n c\0")),
        FAILS("a value that ends with LF", "makes no field", PACKET('h', "A\0 b\n\0")),
        FAILS("field number 0", "makes no field", PACKET('m', "\0\0\0\0A\0\0")),
        FAILS("a short number", "too short", PACKET('i', "\0\0\0")),
        FAILS("a quarantine without a text", "without a reason", PACKET('q', "\n\0")),
};

static void end_run(const struct end_row *row)
{
    for (const struct packet *packet = row->says; packet->kind != '\0'; packet++)
        fake_milter_say(packet->kind, packet->data, packet->len);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), row->verdict);
    assert_string_equal(milter_client_reply(client), row->reply);
    if (row->error != NULL) {
        fake_milter_check_error(client, row->error);
    } else {
        const char *reason = milter_client_quarantine(client);
        assert_null(milter_client_error(client));
        assert_string_equal(reason != NULL ? reason : "", row->reason);
        client_check_edits(client, row->edits);
    }
    fake_milter_end(&client);
}

TEST_EACH(ends, end_rows)
{
    fake_milter_reset(FAKE_MILTER_ENDS);
    fake_milter_say_welcome();
    end_run(row);
    /* With an answer to each step: connection, MAIL, RCPT, field, end of the header, body. */
    fake_milter_reset(FAKE_MILTER_ENDS);
    fake_milter_say('O', FAKE_MILTER_TERMS_ANSWERED, 12);
    for (int i = 0; i < 6; i++)
        fake_milter_say('c', "", 0);
    end_run(row);
}

/* A packet of the client: its length, its kind and its data. */
#define SAID(len, data) "\0\0\0" len data

static void check_heard(const char *wanted, size_t len)
{
    size_t got_len = 0, same = 0;
    const char *got = fake_milter_heard(&got_len);

    while (same < len && same < got_len && got[same] == wanted[same])
        same++;
    if (got_len != len || same != len)
        fail_msg("got %zu octets, want %zu, and number %zu differs", got_len, len, same);
}

TEST(what_is_said)
{
    static const char wanted[] = SAID("\15", "O\0\0\0\6\0\0\0\x31\0\x1c\x97\x82")
            SAID("\23", "DC{daemon_name}\00025\0") SAID("\30", "C192.0.2.1\0004\022g192.0.2.1\0")
                    SAID("\50", "DMi\0q\0{auth_type}\0PLAIN\0{auth_authen}\0a\0")
                            SAID("\7", "M<a@b>\0") SAID("\7", "R<c@d>\0")
                                    SAID("\16", "LFrom\0 a@b\n x\0") SAID("\1", "N")
                                            SAID("\4", "Bhi\n") SAID("\1", "E") SAID("\1", "Q");

    fake_milter_reset(FAKE_MILTER_HEARS);
    fake_milter_say_welcome();
    fake_milter_say('c', "", 0);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_ACCEPT);
    fake_milter_end(&client);
    check_heard(wanted, sizeof wanted - 1);
}

TEST(a_local_message)
{
    static const struct milter_client_mail mail = {.direction = "in", .sender = ""};
    static const char wanted[] = SAID("\15", "O\0\0\0\6\0\0\0\x31\0\x1c\x97\x82") SAID("\2", "DC")
            SAID("\14", "Clocalhost\0U") SAID("\32", "DM{verimail_direction}\0in\0")
                    SAID("\4", "M<>\0");

    fake_milter_reset(FAKE_MILTER_HEARS);
    fake_milter_say_welcome();
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    milter_client_mail(client, &mail);
    fake_milter_end(&client);
    check_heard(wanted, sizeof wanted - 1);
}

/* After a decision nothing is said but the end. */
TEST(decided_early)
{
    size_t len = 0;

    fake_milter_reset(FAKE_MILTER_HEARS);
    fake_milter_say('O', FAKE_MILTER_TERMS, 12);
    fake_milter_say('y', "421 4.3.2 Busy", 15);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_false(milter_client_body(client, "more", 4));
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
    assert_string_equal(milter_client_reply(client), "421 4.3.2 Busy");
    assert_null(milter_client_error(client));
    fake_milter_end(&client);
    const char *heard = fake_milter_heard(&len);
    assert_true(len > 12);
    assert_memory_equal(heard + len - 12, "M<a@b>\0\0\0\0\1Q", 12);
}

TEST(a_filter_that_skips_the_body)
{
    size_t len = 0;

    fake_milter_reset(FAKE_MILTER_HEARS);
    fake_milter_say('O', FAKE_MILTER_TERMS_ANSWERED, 12);
    for (int i = 0; i < 5; i++)
        fake_milter_say('c', "", 0);
    fake_milter_say('s', "", 0);
    fake_milter_say('c', "", 0);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_false(milter_client_body(client, "more", 4));
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_ACCEPT);
    fake_milter_end(&client);
    const char *heard = fake_milter_heard(&len);
    assert_null(memmem(heard, len, "more", 4));
}

/* The chunks of the body that were heard, put together. */
static size_t heard_body(char *body_r, size_t size)
{
    size_t len = 0, heard_len = 0;
    const char *heard = fake_milter_heard(&heard_len);
    uint32_t packet = 0;

    for (size_t at = 0; at + 5 <= heard_len; at += packet + 4) {
        memcpy(&packet, heard + at, sizeof packet);
        packet = ntohl(packet);
        assert_true(packet > 0 && packet <= 1u << 20);
        if (heard[at + 4] != 'B')
            continue;
        assert_true(packet - 1 <= 65535 && len + packet - 1 <= size);
        memcpy(body_r + len, heard + at + 5, packet - 1);
        len += packet - 1;
    }
    return len;
}

TEST(long_bodies)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 65535, 65536, 131070, 1000000};
    static char body[1000000], got[1000000];

    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i % 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fake_milter_reset(FAKE_MILTER_HEARS);
        fake_milter_say_welcome();
        fake_milter_say('c', "", 0);
        struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
        milter_client_mail(client, &(struct milter_client_mail){.sender = "a@b"});
        assert_true(milter_client_body(client, body, sizes[i]));
        assert_int_equal(milter_client_end(client), MILTER_CLIENT_ACCEPT);
        fake_milter_end(&client);
        assert_int_equal(heard_body(got, sizeof got), sizes[i]);
        assert_memory_equal(got, body, sizes[i]);
    }
}

TEST(fields_that_cannot_be_sent)
{
    static char value[MILTER_CLIENT_FIELD_MAX];
    static const struct {
        const char *name;
        size_t name_len, value_len;
        char first; /* of the value */
        const char *error;
    } table[] = {
            {"A", 1, MILTER_CLIENT_FIELD_MAX - 1, 'v', NULL},
            {"A", 1, MILTER_CLIENT_FIELD_MAX, 'v', "a field has more than 1048576 octets"},
            {"A", 1, 3, '\0', "a field has a NUL"},
            {"A\0", 2, 3, 'v', "a field has a NUL"},
    };

    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake_milter_reset(FAKE_MILTER_HEARS);
        fake_milter_say_welcome();
        fake_milter_say('c', "", 0);
        struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
        milter_client_mail(client, &(struct milter_client_mail){.sender = "a@b"});
        value[0] = table[i].first;
        milter_client_field(client, table[i].name, table[i].name_len, value, table[i].value_len);
        if (table[i].error == NULL)
            assert_int_equal(milter_client_end(client), MILTER_CLIENT_ACCEPT);
        else
            fake_milter_check_error(client, table[i].error);
        fake_milter_end(&client);
    }
}

static const struct term_row {
    struct unit_row unit;
    size_t len;
    const char *octets;
    const char *error;
} term_rows[] = {
#define ROW(name, octets, error)                                                                   \
    {                                                                                              \
        {name}, sizeof octets - 1, octets, error                                                   \
    }
        ROW("nothing", "", "the connection was closed"),
        ROW("half a length", "\0\0", "the connection was closed"),
        ROW("half a packet", "\0\0\0\15O\0\0\0\6", "the connection was closed"),
        ROW("length 0", "\0\0\0\0O", "a packet of 0 octets"),
        ROW("a length of 4 GiB", "\xff\xff\xff\xffO", "a packet of 4294967295 octets"),
        ROW("kind 0", "\0\0\0\1\0", "a packet of 1 octets, kind 0x00"),
        ROW("SMTP", "220 mx.example.org ESMTP\r\n", "this is no milter"),
        ROW("HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "this is no milter"),
        ROW("a refusal", "\0\0\0\1r", "refuses to negotiate"),
        ROW("short terms", "\0\0\0\11O\0\0\0\6\0\0\0\1", "refuses to negotiate"),
        ROW("actions that were not offered", "\0\0\0\15O\0\0\0\6\0\0\0\2\0\x10\0\0",
                "wants what was not offered"),
        ROW("steps that were not offered", "\0\0\0\15O\0\0\0\6\0\0\0\1\0\x10\0\1",
                "wants what was not offered"),
        ROW("values without their first blank", "\0\0\0\15O\0\0\0\6\0\0\0\1\0\0\0\0",
                "does not take fields as they are"),
        ROW("an edit that was not agreed on",
                "\0\0\0\15O\0\0\0\6\0\0\0\0\0\x10\0\0\0\0\0\1c\0\0\0\1c\0\0\0\1c"
                "\0\0\0\1c\0\0\0\1c\0\0\0\1c\0\0\0\6hA\0 b\0",
                "not agreed on"),
        ROW("a quarantine that was not agreed on",
                "\0\0\0\15O\0\0\0\6\0\0\0\0\0\x10\0\0\0\0\0\1c\0\0\0\1c\0\0\0\1c"
                "\0\0\0\1c\0\0\0\1c\0\0\0\1c\0\0\0\3qa\0",
                "not agreed on"),
};

TEST_EACH(what_is_no_milter, term_rows)
{
    fake_milter_reset(FAKE_MILTER_ENDS);
    fake_milter_say_raw(row->octets, row->len);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
    fake_milter_check_error(client, row->error);
    fake_milter_end(&client);
}

TEST(edits_without_end)
{
    static char edit[1 << 16] = "A\0 ";
    const size_t count = MILTER_CLIENT_REPLIES_MAX / sizeof edit;

    memset(edit + 3, 'v', sizeof edit - 4);
    fake_milter_reset(FAKE_MILTER_HEARS);
    fake_milter_say_welcome();
    for (size_t i = 0; i < count + 1; i++)
        fake_milter_say('h', edit, sizeof edit);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
    fake_milter_check_error(client, "wants more edits than 4194304 octets");
    assert_int_equal(milter_client_edits(client), count - 1);
    fake_milter_end(&client);
}

TEST(out_of_memory)
{
    struct milter_client *client = NULL;

    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
    assert_string_equal(milter_client_error(client), "out of memory");
    assert_int_equal(strncmp(milter_client_reply(client), "451 ", 4), 0);
    assert_int_equal(milter_client_edits(client), 0);
    assert_null(milter_client_quarantine(client));
    milter_client_free(&client);
}
