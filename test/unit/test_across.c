// SPDX-License-Identifier: ISC
#include "config/across.h"

#include "conf.h"
#include "unit.h"

#define NOW 1798761600 /* 2027-01-01T00:00:00Z */
#define KEY "host-public:KuXk54zNpa0nj6n5otT_egBNRiPkIRdLLPHpmLa1Ln7j-THk"
#define SERVICE "service { keys = /k }\n"
#define HOST(options) "host m.example.org { keys = \"" KEY "\" " options " }\n"
#define DOMAIN(options) "domain example.org { hosts = m.example.org " options " }\n"
#define USER "user \"*\" { }"

static const struct {
    struct unit_row row;
    const char *config;
    const char *want;
} services[] = {
        {{"nothing wrong"}, SERVICE HOST("") DOMAIN(USER), ""},
        {{"an end that is far"}, SERVICE HOST("expires = 2027-01-31") DOMAIN(USER), ""},
        {{"an end that is near"}, SERVICE HOST("expires = \"2027-01-30\"") DOMAIN(USER),
                "f:2: warning: the stamps of a host are permitted until 2027-01-31T00:00:00Z: "
                "m.example.org: expected a later `expires`, or the host's section removed\n"},
        {{"an end that was"}, SERVICE HOST("expires = \"2026-12-31T12:00+01:00\"") DOMAIN(USER),
                "f:2: warning: the stamps of a host are no more permitted since "
                "2026-12-31T11:00:00Z: m.example.org: expected a later `expires`, or the host's "
                "section removed\n"},
};

TEST_EACH(between_the_sections_of_a_service, services)
{
    struct conf conf = conf_of(row->config);
    struct problems *warnings = problems_init("f");

    assert_string_equal(problems_text(conf.problems), "");
    assert_non_null(warnings);
    across_warn_service(conf.config, NOW, warnings);
    assert_string_equal(problems_text(warnings), row->want);
    problems_free(&warnings);
    conf_free(&conf);
}
