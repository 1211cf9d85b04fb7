// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
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
