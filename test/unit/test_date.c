// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "exact.h"
#include "unit.h"

TEST(moments)
{
    static const struct {
        uint64_t at;
        const char *text;
        const char *date;
    } table[] = {
            {0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 05:30:00 +0530"},
            {1700000000, "2023-11-14T22:13:20Z", "Wed, 15 Nov 2023 03:43:20 +0530"},
            {951782400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 05:30:00 +0530"},
            {253402300799, "9999-12-31T23:59:59Z", NULL},
            {253402300800, "", NULL},
            {UINT64_MAX, "", NULL},
    };

    assert_int_equal(setenv("TZ", "XXX-5:30", 1), 0);
    tzset();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[DATE_TEXT_MAX];
        date_format(table[i].at, text);
        assert_string_equal(text, table[i].text);
        if (table[i].date == NULL)
            continue;
        date_format_date(table[i].at, text);
        assert_string_equal(text, table[i].date);
    }
}

#define BAD UINT64_MAX

TEST(dates_are_read)
{
    static const struct {
        const char *text;
        uint64_t at; /* BAD: refused */
    } table[] = {
            {"2023-11-14T22:13:20Z", 1700000000},
            {"2023-11-14t22:13:20z", 1700000000},
            {"2023-11-14T22:13:20", 1700000000},
            {"2023-11-14 22:13:20", 1700000000},
            {"2023-11-14T22:13", 1699999980},
            {"2023-11-14T22:13Z", 1699999980},
            {"2023-11-14T23:13:20+01:00", 1700000000},
            {"2023-11-14T23:13:20+0100", 1700000000},
            {"2023-11-14T23:13:20+01", 1700000000},
            {"2023-11-15T03:43:20+05:30", 1700000000},
            {"2023-11-14T12:13:20-10:00", 1700000000},
            {"2023-11-14T22:13:20-00:00", 1700000000},
            {"2023-11-14T22:13:20.0Z", 1700000000},
            {"2023-11-14T22:13:19.000001Z", 1700000000},
            {"2023-11-14T22:13:19.9", 1700000000},
            {"20231114221320Z", 1700000000},
            {"20231114221320.0Z", 1700000000},
            {"20231114221319,5Z", 1700000000},
            {"202311142213Z", 1699999980},
            {"20231114231320+0100", 1700000000},
            {"1970-01-01T00:00Z", 0},
            {"1970-01-01T01:00+01:00", 0},
            {"2000-02-29T00:00:00Z", 951782400},
            {"2024-02-29T00:00:00Z", 1709164800},
            {"9999-12-31T23:59:59Z", 253402300799},
            {"", BAD},
            {"2023", BAD},
            {"2023-11-14", BAD},
            {"2023-11-14T", BAD},
            {"2023-11-14T22", BAD},
            {"2023-11-14T22:1", BAD},
            {"2023-11-14T22:13:", BAD},
            {"2023-11-14T22:13:2", BAD},
            {"2023-11-14T22:13:20.", BAD},
            {"2023-11-14T22:13:20.Z", BAD},
            {"2023-11-14T22:13:20+", BAD},
            {"2023-11-14T22:13:20+1", BAD},
            {"2023-11-14T22:13:20+01:", BAD},
            {"2023-11-14T22:13:20+24:00", BAD},
            {"2023-11-14T22:13:20Zx", BAD},
            {"2023-11-14T22:13:20 Z", BAD},
            {" 2023-11-14T22:13:20Z", BAD},
            {"2023-11-14_22:13:20Z", BAD},
            {"2023-1114T22:13:20Z", BAD},
            {"20231114", BAD},
            {"2023111422Z", BAD},
            {"20231114T221320Z", BAD},
            {"2023-00-14T22:13Z", BAD},
            {"2023-13-14T22:13Z", BAD},
            {"2023-11-00T22:13Z", BAD},
            {"2023-11-31T22:13Z", BAD},
            {"2023-02-29T22:13Z", BAD},
            {"1900-02-29T22:13Z", BAD},
            {"2023-11-14T24:00Z", BAD},
            {"2023-11-14T22:60Z", BAD},
            {"2023-11-14T22:13:60Z", BAD},
            {"1969-12-31T23:59:59Z", BAD},
            {"1970-01-01T00:00+00:01", BAD},
            {"9999-12-31T23:59:59-00:01", BAD},
            {"+023-11-14T22:13Z", BAD},
            {"yesterday", BAD},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text copy = exact_copy(text_of(table[i].text));
        uint64_t got = BAD;
        if (!date_parse(copy, &got))
            got = BAD;
        exact_free(copy);
        if (got != table[i].at)
            fail_msg("%s: got %llu, want %llu", table[i].text, (unsigned long long)got,
                    (unsigned long long)table[i].at);
    }
}
