// SPDX-License-Identifier: ISC
#include "command/arguments.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/text.h"

struct reading {
    const struct invocation *invocation;
    const struct arguments_option *options;
    int next; /* argument */
};

static bool arguments_refuse(const struct reading *reading, const char *what, const char *argument)
{
    const struct invocation *invocation = reading->invocation;

    command_complain(invocation, "%s: %s: see `verimail help %s`", argument, what,
            invocation->command->name);
    return false;
}

static const struct arguments_option *arguments_find(
        const struct arguments_option *options, const char *name, size_t len)
{
    for (const struct arguments_option *o = options; o->name != NULL; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static bool arguments_append(struct arguments_values *values, const char *value)
{
    const char **larger = reallocarray(values->at, values->count + 1, sizeof *larger);

    if (larger == NULL)
        return false;
    values->at = larger;
    values->at[values->count++] = value;
    return true;
}

static bool arguments_store(
        const struct reading *reading, const struct arguments_option *option, const char *value)
{
    if (option->values != NULL)
        return arguments_append(option->values, value) ||
               arguments_refuse(reading, "out of memory", option->name);
    if (*option->value != NULL)
        return arguments_refuse(reading, "given twice", option->name);
    *option->value = value;
    return true;
}

static bool arguments_take_option(struct reading *reading, const char *argument)
{
    const struct invocation *invocation = reading->invocation;
    const char *equals = strchr(argument, '=');
    const size_t len = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    const struct arguments_option *option = arguments_find(reading->options, argument, len);

    if (option == NULL)
        return arguments_refuse(reading, "no such option", argument);
    if (option->flag != NULL) {
        *option->flag = true;
        return equals == NULL || arguments_refuse(reading, "takes no value", argument);
    }
    if (equals != NULL)
        return arguments_store(reading, option, equals + 1);
    if (reading->next == invocation->argc)
        return arguments_refuse(reading, "needs a value", argument);
    return arguments_store(reading, option, invocation->argv[reading->next++]);
}

bool arguments_read(const struct invocation *invocation, const struct arguments_option *options,
        size_t least, size_t most, const char **operands_r)
{
    struct reading reading = {.invocation = invocation, .options = options};
    bool only_operands = false;
    size_t operands = 0;

    for (size_t i = 0; i < most; i++)
        operands_r[i] = NULL;
    while (reading.next < invocation->argc) {
        const char *argument = invocation->argv[reading.next++];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            if (!arguments_take_option(&reading, argument))
                return false;
        } else if (operands == most) {
            return arguments_refuse(&reading, "one argument too many", argument);
        } else {
            operands_r[operands++] = argument;
        }
    }
    if (operands < least)
        return arguments_refuse(&reading, "expected", invocation->command->synopsis);
    return true;
}

#define COUNT_MAX 100000
#define MINUTE UINT64_C(60000) /* milliseconds, as the others */
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static uint64_t arguments_unit_milliseconds(char unit)
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

static bool time_argument_parse_before(struct text text, uint64_t now, uint64_t *milliseconds_r)
{
    uint64_t count;

    if (text.len < 2)
        return false;
    const uint64_t unit = arguments_unit_milliseconds(text.at[text.len - 1]);
    text.len--;
    if (unit == 0 || !text_decimal(text, COUNT_MAX, &count))
        return false;
    *milliseconds_r = count * unit < now ? now - count * unit : 0;
    return true;
}

static bool time_argument_parse_date(const char *text, uint64_t *milliseconds_r)
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

bool time_argument_parse(const char *text, uint64_t now, struct time_argument *time_r)
{
    time_r->is_before_now = time_argument_parse_before(text_of(text), now, &time_r->milliseconds);
    return time_r->is_before_now || time_argument_parse_date(text, &time_r->milliseconds);
}
