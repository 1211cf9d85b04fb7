// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TIME_ARGUMENT_H
#define VERIMAIL_COMMAND_TIME_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_ARGUMENT_EXPECTED                                                                     \
    "expected a time as in 7d, 12h, 2026-11-24 or 2026-11-24T13:05, in UTC"

/* When, as people say it: so long before `now` (`90m`, `12h`, `7d`, `4w`), or a day, or a minute or
 * second of it, in UTC (`2026-11-24`, `2026-11-24T13:05:00Z`; the Z may be missing). */
struct time_argument {
    uint64_t milliseconds; /* Unix */
    bool is_before_now;    /* it was said as a time before now */
};

/* `now`: Unix milliseconds. */
bool time_argument_parse(const char *text, uint64_t now, struct time_argument *instant_r)
        __attribute__((warn_unused_result));

#endif
