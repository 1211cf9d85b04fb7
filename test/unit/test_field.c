// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/field.h"
#include "unit.h"

TEST(well_formed)
{
    static const struct {
        const char *name;
        const char *value;
        bool want;
    } table[] = {
            {"From", " a@b.example", true},
            {"X", "", true},
            {"!~", "\t", true},
            {"From ", " a@b.example", true}, /* no reader agrees on it, but it is a field */
            {"From\t", "", true},
            {"X", " a\r\n b\n\tc", true},
            {"X", "\n ", true},
            {"X", " a\r", true}, /* the CR is found elsewhere */
            {"", " a", false},
            {" ", " a", false},
            {"this is no field", "", false},
            {" From", " a", false},
            {"Fr\xf6m", " a", false},
            {"Fr\x7fm", " a", false},
            {"From:", " a", false},
            {"X: a\nFrom", " a", false},
            {"X", " a\nFrom: ceo@bank.example", false},
            {"X", " a\r\nFrom: ceo@bank.example", false},
            {"X", " a\n b\nc", false},
            {"X", " a\n\n b", false},
            {"X", " a\n\r\n b", false},
            {"X", "\n", false},
            {"X", " a\r\n", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text name = exact_copy(text_of(table[i].name));
        const struct text value = exact_copy(text_of(table[i].value));
        const struct field field = field_of(name, value);
        if (field_is_well_formed(&field) != table[i].want)
            fail_msg("row %zu: want %d", i, table[i].want);
        exact_free(name);
        exact_free(value);
    }
}

TEST(names)
{
    static const struct {
        const char *name;
        enum field_name want;
    } table[] = {
            {"From", FIELD_FROM},
            {"fROM", FIELD_FROM},
            {"Sender", FIELD_SENDER},
            {"Reply-To", FIELD_REPLY_TO},
            {"TO", FIELD_TO},
            {"Cc", FIELD_CC},
            {"Subject", FIELD_SUBJECT},
            {"Date", FIELD_DATE},
            {"Message-ID", FIELD_MESSAGE_ID},
            {"MIME-Version", FIELD_MIME_VERSION},
            {"Content-Type", FIELD_CONTENT_TYPE},
            {"Content-Transfer-Encoding", FIELD_CONTENT_TRANSFER_ENCODING},
            {"mail-followup-to", FIELD_MAIL_FOLLOWUP_TO},
            {"Mail-Reply-To", FIELD_MAIL_REPLY_TO},
            {"In-Reply-To", FIELD_IN_REPLY_TO},
            {"References", FIELD_REFERENCES},
            {"Content-Disposition", FIELD_CONTENT_DISPOSITION},
            {"Content-ID", FIELD_CONTENT_ID},
            {"Content-Location", FIELD_CONTENT_LOCATION},
            {"List-Post", FIELD_LIST_POST},
            {"List-Unsubscribe", FIELD_LIST_UNSUBSCRIBE},
            {"List-Unsubscribe-Post", FIELD_LIST_UNSUBSCRIBE_POST},
            {"Disposition-Notification-To", FIELD_DISPOSITION_NOTIFICATION_TO},
            {"AutoCrypt", FIELD_AUTOCRYPT},
            {"Resent-From", FIELD_RESENT_FROM},
            {"Resent-Sender", FIELD_RESENT_SENDER},
            {"Resent-To", FIELD_OTHER},
            {"List-Help", FIELD_OTHER},
            {"Verimail", FIELD_VERIMAIL},
            {"Authentication-Results", FIELD_AUTHENTICATION_RESULTS},
            {"Received", FIELD_RECEIVED},
            {"Bcc", FIELD_OTHER},
            {"Fro", FIELD_OTHER},
            {"From ", FIELD_OTHER},
            {"From:", FIELD_OTHER},
            {"X-From", FIELD_OTHER},
            {"Verimai", FIELD_OTHER},
            {"X-Verimail", FIELD_OTHER},
            {"", FIELD_OTHER},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text name = exact_copy(text_of(table[i].name));
        const enum field_name got = field_name_of(name);
        if (got != table[i].want) {
            print_error("%s: got %d, want %d\n", table[i].name, (int)got, (int)table[i].want);
            fail();
        }
        if (got != FIELD_OTHER)
            assert_true(text_equal_fold(text_of(field_name_text(got)), name));
        exact_free(name);
    }
}

TEST(fields)
{
    static const struct {
        const char *name;
        const char *want; /* without what stood before the colon */
        enum field_name known;
    } table[] = {
            {"To", "To", FIELD_TO},
            {"to ", "to", FIELD_TO},
            {"TO\t \r\n ", "TO", FIELD_TO},
            {" to", " to", FIELD_OTHER},
            {"too", "too", FIELD_OTHER},
            {" ", "", FIELD_OTHER},
            {"", "", FIELD_OTHER},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text name = exact_copy(text_of(table[i].name));
        const struct field field = field_of(name, text_of(" a@b.c"));
        if (!text_equal(field.name, text_of(table[i].want)) || field.known != table[i].known ||
                field.space_before_colon != (field.name.len < name.len)) {
            print_error("row %zu: got \"%.*s\", %d\n", i, (int)field.name.len, field.name.at,
                    (int)field.known);
            fail();
        }
        assert_true(text_equal(field.value, text_of(" a@b.c")));
        assert_int_equal(field.len, name.len + strlen(": a@b.c\r\n"));
        assert_int_equal(field.offset, 0);
        exact_free(name);
    }
}

TEST(lines)
{
    static const struct {
        const char *name;
        const char *value;
        size_t longest_line;
        bool has_bare_cr;
    } table[] = {
            {"To", " a@b.c", 9, false},
            {"To", "", 3, false},
            {"", "", 1, false},
            {"To ", " a@b.c\r\n", 10, false},
            {"To", " a,\r\n b", 6, false},
            {"To", " a,\n b12345", 7, false},
            {"To", "\n\n\n", 3, false},
            {"To\r\n    ", "b", 6, false},
            {"To\r\n ", "b\r\n c", 3, false},
            {"To", " a\rb", 7, true},
            {"To", " a\r", 6, true},
            {"To", " a\r\r\n b", 6, true},
            {"To\r ", " a", 7, true},
            {"X", "\r", 3, true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text name = exact_copy(text_of(table[i].name));
        const struct text value = exact_copy(text_of(table[i].value));
        const struct field field = field_of(name, value);
        if (field.longest_line != table[i].longest_line ||
                field.has_bare_cr != table[i].has_bare_cr) {
            print_error("row %zu: got %zu, %d\n", i, field.longest_line, field.has_bare_cr);
            fail();
        }
        exact_free(name);
        exact_free(value);
    }
}
