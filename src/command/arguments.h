// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ARGUMENTS_H
#define VERIMAIL_COMMAND_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/command.h"

/* What an option may be given again and again with; borrowed texts in an array to be freed. */
struct arguments_values {
    const char **at;
    size_t count;
};

/* An option: exactly one of the three says where it goes, and so what it takes. */
struct arguments_option {
    const char *name;                /* with its `--` */
    bool *flag;                      /* nothing */
    const char **value;              /* a value, once */
    struct arguments_values *values; /* a value, any number of times */
};

/* Reads `--name`, `--name value` and `--name=value` for `options`, which end with a NULL name, and
 * operands in between; `--` ends the options, `-` is an operand. At least `least` operands, at most
 * `most`; `operands_r` has room for these, NULL where there is none. What is not given stays as it
 * was. False after a complaint. */
bool arguments_read(const struct invocation *invocation, const struct arguments_option *options,
        size_t least, size_t most, const char **operands_r) __attribute__((warn_unused_result));

#define TIME_ARGUMENT_EXPECTED                                                                     \
    "expected a time as in 7d, 12h, 2026-11-24 or 2026-11-24T13:05, in UTC"

/* When, as people say it: so long before `now` (`90m`, `12h`, `7d`, `4w`), or a day, or a minute or
 * second of it, in UTC (`2026-11-24`, `2026-11-24T13:05:00Z`; the Z may be missing). */
struct time_argument {
    uint64_t milliseconds; /* Unix */
    bool is_before_now;    /* it was said as a time before now */
};

/* `now`: Unix milliseconds. */
bool time_argument_parse(const char *text, uint64_t now, struct time_argument *time_r)
        __attribute__((warn_unused_result));

#endif
