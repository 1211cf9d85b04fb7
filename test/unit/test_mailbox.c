// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "unit.h"
#include "users/mailbox.h"

#define L64 "a234567890123456789012345678901234567890123456789012345678901234"

static const char *name_of(enum mailbox_kind kind)
{
    static const char *const names[] = {
            [MAILBOX_PLAIN] = "plain",
            [MAILBOX_PRIMARY] = "primary",
            [MAILBOX_OTHER] = "other",
            [MAILBOX_FOREIGN] = "foreign",
            [MAILBOX_BAD] = "bad",
    };

    return names[kind];
}

TEST(values_are_understood)
{
    static const struct {
        const char *value;
        enum mailbox_kind kind;
        const char *key; /* NULL: none */
    } rows[] = {
            {"alice@example.org", MAILBOX_PLAIN, "alice@example.org"},
            {" Alice@Example.ORG ", MAILBOX_PLAIN, "alice@example.org"},
            {"alice+news@example.org", MAILBOX_PLAIN, "alice+news@example.org"},
            {"\"a b\"@example.org", MAILBOX_PLAIN, "a%20b@example.org"},
            {"\"a:b\"@example.org", MAILBOX_BAD, NULL},
            {"a%b@example.org", MAILBOX_PLAIN, "a%25b@example.org"},
            {"m\xc3\xbcller@b\xc3\xbc"
             "cher.example",
                    MAILBOX_PLAIN, "m%C3%BCller@xn--bcher-kva.example"},
            {"SMTP:Alice@example.org", MAILBOX_PRIMARY, "alice@example.org"},
            {"smtp:alice@example.org", MAILBOX_OTHER, "alice@example.org"},
            {"Smtp:alice@example.org", MAILBOX_OTHER, "alice@example.org"},
            {"SMTP:\"a b\"@example.org", MAILBOX_PRIMARY, "a%20b@example.org"},
            {"X400:c=us;a= ;p=x;o=y;s=alice;", MAILBOX_FOREIGN, NULL},
            {"x500:/o=Example/cn=alice", MAILBOX_FOREIGN, NULL},
            {"SIP:alice@example.org", MAILBOX_FOREIGN, NULL},
            {"EUM:1234;phone-context=x", MAILBOX_FOREIGN, NULL},
            {"SMTPS:alice@example.org", MAILBOX_FOREIGN, NULL},
            {"NOTES:", MAILBOX_FOREIGN, NULL},
            {"SMTP:", MAILBOX_BAD, NULL},
            {"SMTP:alice", MAILBOX_BAD, NULL},
            {"SMTP: X400:alice", MAILBOX_BAD, NULL},
            {"SMTP:smtp:alice@example.org", MAILBOX_BAD, NULL},
            {":alice@example.org", MAILBOX_BAD, NULL},
            {"alice@example.org:25", MAILBOX_BAD, NULL},
            {"", MAILBOX_BAD, NULL},
            {"alice", MAILBOX_BAD, NULL},
            {"@example.org", MAILBOX_BAD, NULL},
            {"*@example.org", MAILBOX_BAD, NULL},
            {"SMTP:*@example.org", MAILBOX_BAD, NULL},
            {"+news@example.org", MAILBOX_BAD, NULL},
            {"<alice@example.org>", MAILBOX_BAD, NULL},
            {"Alice <alice@example.org>", MAILBOX_BAD, NULL},
            {"alice@example.org (Alice)", MAILBOX_BAD, NULL},
            {"alice@example.org, bob@example.org", MAILBOX_BAD, NULL},
            {"alice@example.org;bob@example.org", MAILBOX_BAD, NULL},
            {"alice@[192.0.2.1]", MAILBOX_BAD, NULL},
            {"alice@example_org.org", MAILBOX_BAD, NULL},
            {"a b@example.org", MAILBOX_BAD, NULL},
            {L64 "@example.org", MAILBOX_PLAIN, L64 "@example.org"},
            {L64 "x@example.org", MAILBOX_BAD, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text value = exact_copy(text_of(rows[i].value));
        char buffer[ADDRESS_MAX + 1];
        struct text key = {"(none)", 6};
        const enum mailbox_kind kind = mailbox_read(value, buffer, &key);
        exact_free(value);
        if (kind != rows[i].kind ||
                !text_equal(key, text_of(rows[i].key != NULL ? rows[i].key : "(none)"))) {
            print_error("\"%s\": got %s %.*s, want %s %s\n", rows[i].value, name_of(kind),
                    (int)key.len, key.at, name_of(rows[i].kind),
                    rows[i].key != NULL ? rows[i].key : "(none)");
            fail();
        }
    }
}

/* Values of the first attribute, `|`, values of the second, and so on; a space between two. */
static void add_all(struct account *person, const char *values)
{
    struct reader attributes = reader_of(text_of(values));

    for (size_t rank = 0; attributes.rest.len > 0; rank++) {
        struct reader r = reader_of(reader_field(&attributes, '|'));
        while (r.rest.len > 0) {
            const struct text exact = exact_copy(reader_field(&r, ' '));
            assert_int_not_equal(account_add(person, exact, rank), ACCOUNT_NO_MEMORY);
            exact_free(exact);
        }
    }
}

static struct text join(struct account *person, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);
    const size_t count = account_settle(person);

    for (size_t i = 0; i < count; i++) {
        writer_string(&w, i > 0 ? " " : "");
        writer_put(&w, account_address(person, i));
    }
    return writer_text(&w);
}

TEST(the_primary_address_comes_first)
{
    static const struct {
        const char *values;
        const char *want;
    } rows[] = {
            {"", ""},
            {"a@b.c", "a@b.c"},
            {"b@x.y a@x.y", "a@x.y b@x.y"}, /* whatever order they come in */
            {"a@x.y b@x.y", "a@x.y b@x.y"},
            {"z@x.y|a@x.y", "z@x.y a@x.y"}, /* of the first attribute */
            {"|a@x.y z@x.y", "a@x.y z@x.y"},
            {"a@x.y|SMTP:z@x.y smtp:b@x.y", "z@x.y a@x.y b@x.y"}, /* marked */
            {"a@x.y|SMTP:A@X.Y smtp:b@x.y", "a@x.y b@x.y"},
            {"SMTP:z@x.y SMTP:m@x.y smtp:a@x.y", "m@x.y a@x.y z@x.y"},
            {"smtp:a@x.y|b@x.y", "a@x.y b@x.y"},
            {"smtp:a@x.y SMTP:a@x.y SMTP:b@x.y", "a@x.y b@x.y"},
            {"a@x.y A@x.y a@X.Y|a@x.y smtp:a@x.y", "a@x.y"},
            {"X400:x SIP:a@x.y no|smtp:b@x.y", "b@x.y"},
            {"SIP:a@x.y", ""},
    };
    struct account *person = account_init();

    assert_non_null(person);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[256];
        account_clear(person);
        add_all(person, rows[i].values);
        const struct text got = join(person, buffer, sizeof buffer);
        if (!text_equal(got, text_of(rows[i].want)))
            fail_msg("\"%s\": got \"%.*s\", want \"%s\"", rows[i].values, (int)got.len, got.at,
                    rows[i].want);
    }
    account_free(&person);
    account_free(&person);
}

TEST(what_was_added_is_said)
{
    struct account *person = account_init();

    assert_non_null(person);
    assert_int_equal(account_add(person, text_of("a@x.y"), 0), ACCOUNT_TAKEN);
    assert_int_equal(account_add(person, text_of("SIP:a@x.y"), 0), ACCOUNT_FOREIGN);
    assert_int_equal(account_add(person, text_of("a"), 0), ACCOUNT_BAD);
    assert_int_equal(account_settle(person), 1);
    account_free(&person);
}

TEST(any_number_of_addresses)
{
    struct account *person = account_init();
    char value[32];

    assert_non_null(person);
    for (int i = 0; i < 5000; i++) {
        sprintf(value, "%s:u%04d@x.y", i == 4321 ? "SMTP" : "smtp", 4999 - i);
        assert_int_equal(account_add(person, text_of(value), 0), ACCOUNT_TAKEN);
    }
    assert_int_equal(account_settle(person), 5000);
    assert_true(text_equal(account_address(person, 0), text_of("u0678@x.y")));
    assert_true(text_equal(account_address(person, 1), text_of("u0000@x.y")));
    assert_true(text_equal(account_address(person, 678), text_of("u0677@x.y")));
    assert_true(text_equal(account_address(person, 679), text_of("u0679@x.y")));
    assert_true(text_equal(account_address(person, 4999), text_of("u4999@x.y")));
    account_free(&person);
}
