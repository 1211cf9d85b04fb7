// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_EXPOSITION_H
#define VERIMAIL_RECORDER_EXPOSITION_H

#include <stdint.h>

#include "events/counters.h"
#include "events/recorder_setup.h"

/* Writes the Prometheus text format, version 0.0.4. The caller frees the text. NULL when out of
 * memory. `unix_now`: Unix seconds. */
char *counters_exposition(
        enum recorder_daemon daemon, const struct counters *counters, uint64_t unix_now);

#endif
