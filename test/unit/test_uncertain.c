// SPDX-License-Identifier: ISC
#include "base/charset.h"
#include "client/uncertain.h"
#include "fixture_client.h"
#include "unit.h"

static void add_names(void)
{
    static const char *const without[] = {"none.test", "a.test", "b.test", "c.test", "d.test",
            "e.test", "f.test", "g.test", "h.test"};

    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        fake_dns_name(without[i], DISCOVERY_NONE);
    fake_dns_name("legit.test", DISCOVERY_FOUND);
    fake_dns_name("short.test", DISCOVERY_SHORTAGE);
    fake_dns_name("lost.test", DISCOVERY_ERROR);
}

#define MANY "x@a.test,x@b.test,x@c.test,x@d.test,x@e.test,x@f.test,x@g.test,"

static const struct row {
    const char *from; /* fields From with LF between two; NULL: none */
    const char *sender;
    bool has_ours;
    enum uncertain_result want;
    const char *domain;
} rows[] = {
        {"x@y..none.test", "", false, UNCERTAIN_UNKNOWN, "y.none.test"},
        {"x@none.test, y@a.test", "<x@legit.test>", true, UNCERTAIN_NONE, ""},
        {"x@none.test, y@legit.test", "", true, UNCERTAIN_SERVICE, "legit.test"},
        {"x@none.test\ny@legit.test", "", true, UNCERTAIN_SERVICE, "legit.test"},
        {"x@lost.test, y@legit.test", "", true, UNCERTAIN_SERVICE, "legit.test"},
        {"x@lost.test, y@none.test", "", true, UNCERTAIN_UNKNOWN, "lost.test"},
        {"x@lost.test, y@short.test", "", true, UNCERTAIN_SHORTAGE, "short.test"},
        {"x@none.test, y@own.test", "", true, UNCERTAIN_OURS, "own.test"},
        {"x@none.test, y@mail.own.test", "", true, UNCERTAIN_OURS, "mail.own.test"},
        {"x@none.test, y@notown.test", "", true, UNCERTAIN_UNKNOWN, "notown.test"},
        /* our own domains and the sender's, where a mailbox has none */
        {"ceo", "", true, UNCERTAIN_OURS, "own.test"},
        {"ceo", "", false, UNCERTAIN_NONE, ""},
        {"ceo", "<x@none.test>", false, UNCERTAIN_NONE, ""},
        {"ceo", "<x@legit.test>", false, UNCERTAIN_SERVICE, "legit.test"},
        {"The Boss <ceo>", "x@legit.test", false, UNCERTAIN_SERVICE, "legit.test"},
        {NULL, "<x@legit.test>", false, UNCERTAIN_SERVICE, "legit.test"},
        {NULL, "<x@lost.test>", false, UNCERTAIN_UNKNOWN, "lost.test"},
        {NULL, "<>", false, UNCERTAIN_NONE, ""},
        {NULL, "<>", true, UNCERTAIN_OURS, "own.test"},
        /* what cannot be read, and many */
        {"x@none.test =?utf-7?q?a?=", "", true, UNCERTAIN_UNREADABLE, ""},
        {MANY "x@h.test", "", true, UNCERTAIN_NONE, ""},
        {MANY "x@h.test,x@none.test", "", true, UNCERTAIN_MANY, ""},
        {MANY "x@h.test,x@legit.test", "", true, UNCERTAIN_MANY, ""},
        {MANY "x@legit.test,x@none.test", "", true, UNCERTAIN_SERVICE, "legit.test"},
        {MANY "x@lost.test,x@none.test", "", true, UNCERTAIN_UNKNOWN, "lost.test"},
};

TEST(what_becomes_of_it)
{
    const struct text own[] = {text_of("own.test")};
    struct fixture_client here = fixture_client_begin();
    size_t wrong = 0;

    add_names();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        const struct uncertain_ours ours = {own, row->has_ours};
        struct candidates candidates = {.lacks_domain = row->from == NULL};
        struct reader fields = reader_of(text_of(row->from != NULL ? row->from : ""));
        char domain[DOMAIN_MAX + 1];
        while (fields.rest.len > 0)
            candidates_add_from(&candidates, reader_field(&fields, '\n'), charset_decode);
        const enum uncertain_result got = uncertain_judge(here.client, &here.policy, &ours,
                text_of(row->sender), text_of(""), &candidates, domain);
        if (got == row->want && strcmp(domain, row->domain) == 0)
            continue;
        wrong++;
        print_error("%s, sender %s: got %s %s, want %s %s\n", row->from, row->sender,
                uncertain_word(got), domain, uncertain_word(row->want), row->domain);
    }
    assert_int_equal(wrong, 0);
    fixture_client_end(&here);
}

TEST(out_of_memory_is_no_way_in)
{
    const struct uncertain_ours nothing = {NULL, 0};
    struct candidates candidates = {.is_out_of_memory = true};
    struct fixture_client here = fixture_client_begin();
    char domain[DOMAIN_MAX + 1];

    assert_int_equal(uncertain_judge(here.client, &here.policy, &nothing, text_of(""), text_of(""),
                             &candidates, domain),
            UNCERTAIN_SHORTAGE);
    fixture_client_end(&here);
}

TEST(every_result_has_words_of_its_own)
{
    for (unsigned i = UNCERTAIN_NONE; i <= UNCERTAIN_SHORTAGE; i++) {
        for (unsigned other = UNCERTAIN_NONE; other < i; other++) {
            assert_string_not_equal(uncertain_word(i), uncertain_word(other));
            assert_string_not_equal(uncertain_text(i), uncertain_text(other));
        }
    }
}
