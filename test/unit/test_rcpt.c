// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "protocol/rcpt.h"
#include "unit.h"

#define DOMAINS_MAX 4

TEST(each_domain_once)
{
    static const struct {
        const char *domains[DOMAINS_MAX];
        const char *want;
    } table[] = {
            {{NULL}, ""},
            {{"a.example"}, "a.example"},
            {{"a.example", "b.example", "a.example"}, "a.example,b.example"},
            {{"b.a.example", "a.example", "b.a.example"}, "b.a.example,a.example"},
            {{"*"}, "*"},
            {{"a.example", "*"}, "*"},
            {{"*", "a.example"}, "*"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rcpt rcpt = {0};
        for (size_t k = 0; k < DOMAINS_MAX && table[i].domains[k] != NULL; k++)
            rcpt_add(&rcpt, text_of(table[i].domains[k]));
        if (!text_equal(rcpt_text(&rcpt), text_of(table[i].want))) {
            print_error("row %zu: got %.*s, want %s\n", i, (int)rcpt_text(&rcpt).len,
                    rcpt_text(&rcpt).at, table[i].want);
            fail();
        }
    }
}

/* Domains of 7 octets and a comma, and then one of `last` octets. */
static void fill(struct rcpt *rcpt, size_t last)
{
    char domain[64];

    for (unsigned i = 0; i < RCPT_MAX / 8 - 1; i++) {
        (void)snprintf(domain, sizeof domain, "d%03u.ef", i);
        rcpt_add(rcpt, text_of(domain));
    }
    memset(domain, 'x', sizeof domain);
    rcpt_add(rcpt, (struct text){domain, last});
}

TEST(as_long_as_they_fit)
{
    struct rcpt rcpt = {0};

    fill(&rcpt, 8);
    assert_int_equal(rcpt_text(&rcpt).len, RCPT_MAX);
    assert_true(rcpt_is_valid(rcpt_text(&rcpt)));
    rcpt_add(&rcpt, text_of("d001.ef"));
    assert_int_equal(rcpt_text(&rcpt).len, RCPT_MAX);
    rcpt_add(&rcpt, text_of("y"));
    assert_true(text_equal(rcpt_text(&rcpt), text_of("*")));
    rcpt = (struct rcpt){0};
    fill(&rcpt, 9);
    assert_true(text_equal(rcpt_text(&rcpt), text_of("*")));
}

TEST(values)
{
    static const struct {
        const char *value;
        bool want;
    } table[] = {
            {"*", true},
            {"a.example", true},
            {"A.example,b", true},
            {"a.example,a.example", true},
            {",", false},
            {",a", false},
            {"a,", false},
            {"a,,b", false},
            {"a,*", false},
            {"**", false},
            {"a b", false},
            {"a\r\n", false},
            {"-a", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text value = exact_copy(text_of(table[i].value));
        if (rcpt_is_valid(value) != table[i].want) {
            print_error("%s: want %d\n", table[i].value, table[i].want);
            fail();
        }
        exact_free(value);
    }
}
