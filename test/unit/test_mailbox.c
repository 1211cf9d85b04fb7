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
            {"\"a:b\"@example.org", MAILBOX_PLAIN, "a:b@example.org"},
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
        char room[ADDRESS_MAX + 1];
        struct text key = {"(none)", 6};
        const enum mailbox_kind kind = mailbox_read(value, room, &key);
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
