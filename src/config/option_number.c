// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "config/option_type.h"
#include "protocol/answer.h"
#include "protocol/text.h"

/* Numbers, times, sizes, dates and modes. */

struct unit {
    char letter;
    uint64_t factor;
};

/* Largest first; the end has no letter. */
static const struct unit times[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}, {0}};
static const struct unit sizes[] = {{'T', UINT64_C(1) << 40}, {'G', UINT64_C(1) << 30},
        {'M', UINT64_C(1) << 20}, {'K', UINT64_C(1) << 10}, {0}};

static bool parse_number(const struct option_type *type, const char *value, void *at_r)
{
    uint64_t number = 0;

    if (!text_decimal(text_of(value), type->max, &number) || number < type->min)
        return false;
    *(uint64_t *)at_r = number;
    return true;
}

static bool parse_with_unit(const struct option_type *type, const struct unit *unit,
        const char *value, uint64_t *number_r)
{
    struct text digits = text_of(value);
    uint64_t number = 0;

    while (unit->letter != '\0' && (digits.len == 0 || digits.at[digits.len - 1] != unit->letter))
        unit++;
    const uint64_t factor = unit->letter != '\0' ? unit->factor : 1;
    digits.len -= unit->letter != '\0';
    if (!text_decimal(digits, type->max / factor, &number) || number * factor < type->min)
        return false;
    *number_r = number * factor;
    return true;
}

static bool parse_duration(const struct option_type *type, const char *value, void *at_r)
{
    return parse_with_unit(type, times, value, at_r);
}

static bool parse_size(const struct option_type *type, const char *value, void *at_r)
{
    return parse_with_unit(type, sizes, value, at_r);
}

static bool parse_date(const struct option_type *type, const char *value, void *at_r)
{
    uint64_t seconds = 0;

    if (!date_parse(text_of(value), &seconds) || seconds < type->min)
        return false;
    *(uint64_t *)at_r = seconds;
    return true;
}

/* A date alone means its end. */
static bool parse_end(const struct option_type *type, const char *value, void *at_r)
{
    char begin[sizeof "2027-06-30T00:00"];
    uint64_t seconds = 0;

    if (parse_date(type, value, at_r))
        return true;
    if (strlen(value) != strlen("2027-06-30"))
        return false;
    snprintf(begin, sizeof begin, "%.10sT00:00", value);
    if (!date_parse(text_of(begin), &seconds))
        return false;
    *(uint64_t *)at_r = seconds + 86400;
    return true;
}

static bool parse_octal(const struct option_type *type, const char *value, void *at_r)
{
    char *end = NULL;
    const unsigned long mode = strtoul(value, &end, 8);

    if (!text_is_digit(value[0]) || *end != '\0' || mode < type->min || mode > type->max)
        return false;
    *(uint64_t *)at_r = mode;
    return true;
}

static const char *print_number(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    snprintf(buffer_r, OPTION_TYPE_PRINT_MAX, "%" PRIu64, *(const uint64_t *)at);
    return buffer_r;
}

static const char *print_octal(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    snprintf(buffer_r, OPTION_TYPE_PRINT_MAX, "%04" PRIo64, *(const uint64_t *)at);
    return buffer_r;
}

/* In the largest unit that divides it; 0 in the smallest. */
static const char *print_with_unit(
        const struct unit *unit, uint64_t number, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    while (unit[1].letter != '\0' && (number == 0 || number % unit->factor != 0))
        unit++;
    snprintf(buffer_r, OPTION_TYPE_PRINT_MAX, "%" PRIu64 "%c", number / unit->factor, unit->letter);
    return buffer_r;
}

static const char *print_duration(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    return print_with_unit(times, *(const uint64_t *)at, buffer_r);
}

static const char *print_size(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    const uint64_t octets = *(const uint64_t *)at;

    return octets % 1024 == 0 ? print_with_unit(sizes, octets, buffer_r)
                              : print_number(at, buffer_r);
}

_Static_assert(OPTION_TYPE_PRINT_MAX >= sizeof "2026-11-30T12:00:00Z", "a date has room");

static const char *print_date(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    char date[DATE_TEXT_MAX];

    date_format(*(const uint64_t *)at, date);
    snprintf(buffer_r, OPTION_TYPE_PRINT_MAX, "%.20s", date);
    return buffer_r;
}

#define NUMBER_TYPE(form, words, least, most)                                                      \
    {                                                                                              \
        .value = OPTION_TYPE_NUMBER, .parse = parse_##form, .print = print_##form,                 \
        .expected = (words), .min = (least), .max = (most)                                         \
    }

const struct option_type option_type_alarm =
        NUMBER_TYPE(number, "a number from 1 to 1000000 an hour, or 0 for no alarm", 0, 1000000);
const struct option_type option_type_alarm_texts =
        NUMBER_TYPE(number, "a number from 1 to 1000, or 0 for no alarm", 0, 1000);
const struct option_type option_type_budget =
        NUMBER_TYPE(number, "a number from 1 to 1000000 a minute", 1, 1000000);
const struct option_type option_type_checks =
        NUMBER_TYPE(number, "a number from 1 to 1000", 1, 1000);
const struct option_type option_type_connections =
        NUMBER_TYPE(number, "a number from 1 to 100000", 1, 100000);
const struct option_type option_type_timeout =
        NUMBER_TYPE(duration, "a time from 1s to 1h, as in 90s, 15m", 1, 3600);
const struct option_type option_type_workers =
        NUMBER_TYPE(number, "a number from 1 to 256", 1, 256);
const struct option_type option_type_keep =
        NUMBER_TYPE(duration, "a time from 1h to 3650d, as in 12h, 90d", 3600, 315360000);
const struct option_type option_type_record_size = NUMBER_TYPE(size,
        "a size from 32M to 1000T, as in 500M, 10G", UINT64_C(32) << 20, UINT64_C(1000) << 40);
const struct option_type option_type_lifetime =
        NUMBER_TYPE(duration, "a time from 1m to 365d, as in 90s, 15m, 12h, 7d", 60, 31536000);
const struct option_type option_type_ttl =
        NUMBER_TYPE(duration, "a time from 0s to 1h, as in 90s, 15m", 0, ANSWER_TTL_MAX);
const struct option_type option_type_socket_mode = {.value = OPTION_TYPE_NUMBER,
        .parse = parse_octal,
        .print = print_octal,
        .expected = "an octal mode from 0600 to 0777",
        .min = 0600,
        .max = 0777,
        .is_text_in_json = true};

const struct option_type option_type_date = {.value = OPTION_TYPE_NUMBER,
        .parse = parse_date,
        .print = print_date,
        .expected = "a date with its time, as in 2026-11-30T12:00 (UTC) or 2026-11-30T12:00+01:00",
        .min = 1, /* 0 is no date */
        .is_text_in_json = true};
const struct option_type option_type_end = {.value = OPTION_TYPE_NUMBER,
        .parse = parse_end,
        .print = print_date,
        .expected = "a date, which counts to its end in UTC, as in 2027-06-30; or one with its "
                    "time, as in 2027-06-30T12:00+02:00",
        .min = 1,
        .is_text_in_json = true};
