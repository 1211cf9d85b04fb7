// SPDX-License-Identifier: ISC
#include "command/time_argument.h"

#include <string.h>
#include <time.h>

#include "protocol/text.h"

#define COUNT_MAX 100000
#define MINUTE UINT64_C(60000) /* milliseconds, as the others */
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static uint64_t unit_milliseconds(char unit)
{
    switch (unit) {
    case 'm':
        return MINUTE;
    case 'h':
        return HOUR;
    case 'd':
        return DAY;
    case 'w':
        return 7 * DAY;
    default:
        return 0;
    }
}

static bool parse_before(struct text text, uint64_t now, uint64_t *milliseconds_r)
{
    uint64_t count;

    if (text.len < 2)
        return false;
    const uint64_t unit = unit_milliseconds(text.at[text.len - 1]);
    text.len--;
    if (unit == 0 || !text_decimal(text, COUNT_MAX, &count))
        return false;
    *milliseconds_r = count * unit < now ? now - count * unit : 0;
    return true;
}

static bool parse_date(const char *text, uint64_t *milliseconds_r)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"};

    /* strptime() takes white space and a year of fewer digits, which we do not. */
    if (strspn(text, "0123456789-T:Z") != strlen(text) || strcspn(text, "-") != 4)
        return false;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end == NULL || *end != '\0')
            continue;
        const int day = parts.tm_mday;
        const time_t at = timegm(&parts);
        if (at < 0 || parts.tm_mday != day) /* 31 November became 1 December */
            return false;
        *milliseconds_r = (uint64_t)at * 1000;
        return true;
    }
    return false;
}

bool time_argument_parse(const char *text, uint64_t now, struct time_argument *instant_r)
{
    instant_r->is_before_now = parse_before(text_of(text), now, &instant_r->milliseconds);
    return instant_r->is_before_now || parse_date(text, &instant_r->milliseconds);
}
