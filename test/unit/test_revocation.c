// SPDX-License-Identifier: ISC
#include "command/revoke.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define NOW UINT64_C(1796101872)
#define DATE "2026-12-01T05:11:12Z"
#define NOTE "/* revoked " DATE
#define AFTER "\"2026-12-01T05:11:13Z\""

static const struct revocation all = {"example.org", "bob", NOW, false};
static const struct revocation sent = {"example.org", "bob", NOW, true};

static struct edit *edit_of(const char *text)
{
    struct edit *edit = edit_init(text_of(text));

    assert_non_null(edit);
    return edit;
}

static void assert_text(const struct edit *edit, const char *wanted)
{
    const struct text got = edit_text(edit);

    if (got.len != strlen(wanted) || memcmp(got.at, wanted, got.len) != 0)
        fail_msg("got:\n%.*s\nwanted:\n%s", (int)got.len, got.at, wanted);
}

/* The text, what becomes of it, and what it is after it was undone; NULL: the text again. */
static const struct {
    struct unit_row row;
    const struct revocation *revocation;
    const char *text;
    const char *wanted;
    const char *undone;
} changes[] = {
        {{.name = "the domain's hosts"}, &all,
                "domain example.org {\n    user \"bob\" { } # b\n}\n",
                "domain example.org {\n    user \"bob\" { hosts = {} " NOTE " */ } # b\n}\n"},
        {{.name = "hosts of its own"}, &all,
                "domain example.org { user bob { hosts = {a.b, \"c.d\"} } }",
                "domain example.org { user bob { hosts = {} " NOTE
                ", was: hosts = {a.b, \"c.d\"} */ } }"},
        {{.name = "a list of several lines"}, &all,
                "domain example.org {\n  user bob {\n    hosts = {a.b, # one\n      c.d}\n  }\n}\n",
                "domain example.org {\n  user bob {\n    hosts = {} " NOTE
                ", was: hosts = {a.b, # one\n      c.d} */\n  }\n}\n"},
        {{.name = "may send from anywhere"}, &all,
                "domain example.org { user bob { allow_unauthorized = true } }",
                "domain example.org { user bob { " NOTE ", without: allow_unauthorized = true */ "
                "hosts = {} " NOTE " */ } }"},
        {{.name = "on lines of their own"}, &all,
                "domain example.org {\n  user bob {\n    # why\n    more_hosts = {a.b}\n"
                "    not_before = \"2026-01-01T00:00\"\n  }\n}\n",
                "domain example.org {\n  user bob {\n    # why\n    " NOTE
                ", without: more_hosts = {a.b} */\n    not_before = \"2026-01-01T00:00\"\n"
                "      hosts = {} " NOTE " */\n  }\n}\n"},
        {{.name = "a date before what is taken out"}, &all,
                "domain example.org { user bob { not_before = \"2026-01-01T00:00\" "
                "allow_unauthorized = yes } }",
                "domain example.org { user bob { not_before = \"2026-01-01T00:00\" " NOTE
                ", without: allow_unauthorized = yes */ hosts = {} " NOTE " */ } }"},
        {{.name = "what was sent"}, &sent, "domain example.org { user bob { } }",
                "domain example.org { user bob { not_before = " AFTER " " NOTE " */ } }"},
        {{.name = "what was sent, once more"}, &sent,
                "domain example.org { user bob { not_before = \"2026-01-01T00:00\" } }",
                "domain example.org { user bob { not_before = " AFTER " " NOTE
                ", was: not_before = \"2026-01-01T00:00\" */ } }"},
        {{.name = "what was sent, after it was revoked"}, &sent,
                "domain example.org { user bob { not_before = \"2026-01-01T00:00\" /* revoked "
                "2025-12-31T23:59:59Z, was: not_before = x */ } }",
                "domain example.org { user bob { not_before = " AFTER " /* revoked "
                "2025-12-31T23:59:59Z, was: not_before = x */ } }",
                "domain example.org { user bob { not_before = x } }"},
};

TEST_EACH(a_section_is_revoked_and_restored, changes)
{
    struct edit *edit = edit_of(row->text);

    assert_int_equal(revocation_change(edit, row->revocation), REVOCATION_DONE);
    assert_text(edit, row->wanted);
    assert_int_equal(revocation_undo(edit, row->revocation), REVOCATION_DONE);
    assert_text(edit, row->undone != NULL ? row->undone : row->text);
    assert_int_equal(revocation_undo(edit, row->revocation), REVOCATION_NOTHING);
    edit_free(&edit);
}

TEST(both_are_undone_together)
{
    static const char text[] =
            "domain example.org { user bob { hosts = {a.b} not_before = \"x\" } }";
    struct edit *edit = edit_of(text);

    assert_int_equal(revocation_change(edit, &sent), REVOCATION_DONE);
    assert_int_equal(revocation_change(edit, &all), REVOCATION_DONE);
    assert_int_equal(revocation_change(edit, &all), REVOCATION_NOTHING);
    assert_int_equal(revocation_undo(edit, &all), REVOCATION_DONE);
    assert_text(edit, text);
    edit_free(&edit);
}

TEST(comments_in_a_value_are_left_to_a_person)
{
    static const char text[] = "domain example.org { user bob { hosts = {a.b /* one */} } }";
    struct edit *edit = edit_of(text);

    assert_int_equal(revocation_change(edit, &all), REVOCATION_BY_HAND);
    assert_text(edit, text);
    edit_free(&edit);
}

static const char *const two_hosts[] = {"a.example.org", "b.example.org"};

static const struct {
    struct unit_row row;
    const struct revocation *revocation;
    struct rule rule;
    const char *wanted;
} additions[] = {
        {{.name = "all"}, &all, {.mode = RULE_HOSTS_DOMAIN},
                "user \"bob\" { hosts = {} " NOTE ", had no section */ }"},
        {{.name = "what was sent"}, &sent, {.mode = RULE_HOSTS_DOMAIN},
                "user \"bob\" { not_before = " AFTER " " NOTE ", had no section */ }"},
        {{.name = "what was sent, the rest stays"}, &sent,
                {.mode = RULE_HOSTS_MORE, .hosts = {two_hosts, 2}, .allow_unauthorized = true},
                "user \"bob\" { more_hosts = {\"a.example.org\", \"b.example.org\"} "
                "allow_unauthorized = true not_before = " AFTER " " NOTE ", had no section */ }"},
        {{.name = "what was sent, by nobody"}, &sent, {.mode = RULE_HOSTS_ONLY},
                "user \"bob\" { hosts = {} not_before = " AFTER " " NOTE ", had no section */ }"},
};

TEST_EACH(a_user_without_a_section_gets_one, additions)
{
    static const char text[] = "domain example.org {\n    user \"*\" { }\n}\n";
    char wanted[512];
    struct edit *edit = edit_of(text);

    snprintf(wanted, sizeof wanted, "domain example.org {\n    user \"*\" { }\n    %s\n}\n",
            row->wanted);
    assert_int_equal(revocation_add(edit, row->revocation, &row->rule), REVOCATION_DONE);
    assert_text(edit, wanted);
    assert_int_equal(revocation_undo(edit, row->revocation), REVOCATION_DONE);
    assert_text(edit, text);
    edit_free(&edit);
}
