// SPDX-License-Identifier: ISC
#include "base/date.h"

#include <string.h>
#include <time.h>

#define YEAR_10000 253402300800U /* Unix seconds at its beginning */

void date_format(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX])
{
    const time_t at = (time_t)unix_seconds;
    struct tm parts;

    text_r[0] = '\0';
    if (unix_seconds < YEAR_10000 && gmtime_r(&at, &parts) != NULL)
        (void)strftime(text_r, DATE_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void date_format_date(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX])
{
    const time_t at = (time_t)unix_seconds;
    struct tm parts;

    text_r[0] = '\0';
    if (localtime_r(&at, &parts) != NULL)
        (void)strftime(text_r, DATE_TEXT_MAX, "%a, %d %b %Y %H:%M:%S %z", &parts);
}

/* So many digits, which are a number from `least` to `most`. */
static int date_take_number(struct reader *r, size_t digits, int least, int most)
{
    int number = 0;

    for (size_t i = 0; i < digits && !r->failed; i++) {
        r->failed = r->rest.len == 0 || !text_is_digit(r->rest.at[0]);
        if (r->failed)
            break;
        number = number * 10 + (r->rest.at[0] - '0');
        r->rest = (struct text){r->rest.at + 1, r->rest.len - 1};
    }
    r->failed = r->failed || number < least || number > most;
    return number;
}

/* One of `octets`, if it is next; 0 if not. */
static char date_take_octet(struct reader *r, const char *octets)
{
    if (r->failed || r->rest.len == 0 || strchr(octets, r->rest.at[0]) == NULL ||
            r->rest.at[0] == '\0')
        return '\0';
    const char octet = r->rest.at[0];
    r->rest = (struct text){r->rest.at + 1, r->rest.len - 1};
    return octet;
}

static void date_need_octet(struct reader *r, const char *octets)
{
    if (date_take_octet(r, octets) == '\0')
        r->failed = true;
}

static void date_take_day(struct reader *r, bool hyphens, struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (hyphens)
        date_need_octet(r, "-");
    const int month = date_take_number(r, 2, 1, 12);
    if (hyphens)
        date_need_octet(r, "-");
    if (r->failed)
        return;
    const int year = tm->tm_year + 1900;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    tm->tm_mon = month - 1;
    tm->tm_mday = date_take_number(r, 2, 1, days[month - 1] + (month == 2 && leap));
}

/* Returns 1 for a fraction of a second, and 0 without one. */
static int date_take_time(struct reader *r, bool colons, struct tm *tm)
{
    if (colons)
        date_need_octet(r, "Tt ");
    tm->tm_hour = date_take_number(r, 2, 0, 23);
    if (colons)
        date_need_octet(r, ":");
    tm->tm_min = date_take_number(r, 2, 0, 59);
    const bool seconds = colons ? date_take_octet(r, ":") != '\0'
                                : r->rest.len > 0 && text_is_digit(r->rest.at[0]);
    if (!seconds)
        return 0;
    tm->tm_sec = date_take_number(r, 2, 0, 59);
    if (date_take_octet(r, ".,") == '\0')
        return 0;
    bool any = date_take_number(r, 1, 0, 9) > 0;
    while (!r->failed && r->rest.len > 0 && text_is_digit(r->rest.at[0]))
        any = date_take_number(r, 1, 0, 9) > 0 || any;
    return any;
}

/* Seconds by which the time is ahead of UTC. */
static int date_take_offset(struct reader *r)
{
    const char sign = date_take_octet(r, "Zz+-");
    int minutes = 0;

    if (sign != '+' && sign != '-')
        return 0;
    const int hours = date_take_number(r, 2, 0, 23);
    if (date_take_octet(r, ":") != '\0' || r->rest.len > 0)
        minutes = date_take_number(r, 2, 0, 59);
    return (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
}

bool date_parse(struct text t, uint64_t *unix_seconds_r)
{
    struct reader r = reader_of(t);
    struct tm tm = {.tm_year = date_take_number(&r, 4, 0, 9999) - 1900};
    const bool punctuated = r.rest.len > 0 && r.rest.at[0] == '-';

    date_take_day(&r, punctuated, &tm);
    const int fraction = date_take_time(&r, punctuated, &tm);
    const int offset = date_take_offset(&r);
    if (r.failed || r.rest.len > 0)
        return false;
    const time_t at = timegm(&tm) - offset + fraction;
    if (at < 0 || (uint64_t)at >= YEAR_10000)
        return false;
    *unix_seconds_r = (uint64_t)at;
    return true;
}
