// SPDX-License-Identifier: ISC
#include "report/phrase.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CUT ".."

static size_t escape(struct text t, char *buffer_r)
{
    size_t len = 0;

    for (size_t i = 0; i < t.len; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        if (c >= ' ' && c < 0x7f && c != '\\')
            buffer_r[len++] = t.at[i];
        else
            len += (size_t)sprintf(buffer_r + len, "\\x%02x", c);
    }
    return len;
}

void phrase_fit(struct text t, size_t columns, char buffer_r[PHRASE_MAX])
{
    char whole[4 * PHRASE_MAX + 1];
    const size_t taken = t.len < PHRASE_MAX ? t.len : PHRASE_MAX;
    const size_t most = columns < PHRASE_MAX ? columns : PHRASE_MAX - 1;
    const size_t len = escape((struct text){t.at, taken}, whole);
    struct writer w = writer_of(buffer_r, PHRASE_MAX - 1);

    if (taken == t.len && len <= most) {
        writer_put(&w, (struct text){whole, len});
    } else {
        const size_t cut = most < strlen(CUT) ? most : strlen(CUT);
        writer_put(&w, (struct text){whole, most - cut});
        writer_put(&w, (struct text){CUT, cut});
    }
    *w.at = '\0';
}

struct text phrase_text(const json_t *string)
{
    const char *at = json_string_value(string);

    return at != NULL ? (struct text){at, json_string_length(string)} : text_of("");
}

void phrase_count(uint64_t count, char buffer_r[PHRASE_MAX])
{
    char digits[TEXT_DECIMAL_MAX + 1];
    struct writer w = writer_of(buffer_r, PHRASE_MAX - 1);
    const size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            writer_char(&w, ',');
        writer_char(&w, digits[i]);
    }
    *w.at = '\0';
}

void phrase_share(uint64_t part, uint64_t whole, char buffer_r[PHRASE_MAX])
{
    const double share = whole > 0 ? 100.0 * (double)part / (double)whole : 0;

    if (part > 0 && share < 0.1)
        snprintf(buffer_r, PHRASE_MAX, "<0.1%%");
    else if (part < whole && share > 99.9)
        snprintf(buffer_r, PHRASE_MAX, ">99.9%%");
    else
        snprintf(buffer_r, PHRASE_MAX, "%.1f%%", share);
}

static bool parts_of(struct text date, struct tm *parts_r)
{
    char zero_terminated[32] = "";

    if (date.len >= sizeof zero_terminated)
        return false;
    memcpy(zero_terminated, date.at, date.len);
    *parts_r = (struct tm){0};
    return strptime(zero_terminated, "%Y-%m-%dT%H:%M:%SZ", parts_r) != NULL;
}

/* Always English, like the rest of the report, whatever the locale. */
static void put_day(const struct tm *parts, struct writer *w)
{
    static const char months[12][4] = {
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    writer_decimal(w, (uint64_t)parts->tm_mday);
    writer_char(w, ' ');
    writer_string(w, months[parts->tm_mon % 12]);
}

static void put_two_digits(int number, struct writer *w)
{
    writer_char(w, (char)('0' + number / 10 % 10));
    writer_char(w, (char)('0' + number % 10));
}

void phrase_step(struct text date, uint64_t step_seconds, char buffer_r[PHRASE_MAX])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    struct writer w = writer_of(buffer_r, PHRASE_MAX - 1);
    struct tm parts;

    if (parts_of(date, &parts)) {
        if (step_seconds >= 86400) {
            writer_string(&w, days[parts.tm_wday % 7]);
            writer_char(&w, ' ');
        }
        put_day(&parts, &w);
        if (step_seconds < 86400) {
            writer_char(&w, ' ');
            put_two_digits(parts.tm_hour, &w);
            writer_string(&w, ":00");
        }
    }
    *w.at = '\0';
}

void phrase_date(struct text date, char buffer_r[PHRASE_MAX])
{
    struct writer w = writer_of(buffer_r, PHRASE_MAX - 1);
    struct tm parts;

    if (parts_of(date, &parts)) {
        put_day(&parts, &w);
        writer_char(&w, ' ');
        writer_decimal(&w, (uint64_t)parts.tm_year + 1900);
        if (parts.tm_hour != 0 || parts.tm_min != 0) {
            writer_char(&w, ' ');
            put_two_digits(parts.tm_hour, &w);
            writer_char(&w, ':');
            put_two_digits(parts.tm_min, &w);
        }
    }
    *w.at = '\0';
}

void phrase_minute(struct text date, char buffer_r[PHRASE_MAX])
{
    struct writer w = writer_of(buffer_r, PHRASE_MAX - 1);
    struct tm parts;

    if (parts_of(date, &parts)) {
        put_day(&parts, &w);
        writer_char(&w, ' ');
        put_two_digits(parts.tm_hour, &w);
        writer_char(&w, ':');
        put_two_digits(parts.tm_min, &w);
    }
    *w.at = '\0';
}
