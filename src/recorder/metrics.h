// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_METRICS_H
#define VERIMAIL_RECORDER_METRICS_H

#include <stdint.h>

#include "events/counters.h"
#include "events/recorder_setup.h"

#define METRICS_CONNECTIONS 32 /* at once; a further one closes the oldest */
#define METRICS_TIMEOUT 10     /* seconds of silence until a connection is closed */
#define METRICS_FINISH 500     /* milliseconds that open connections get at the end */

/* Serves the counters over HTTP: GET /metrics. It has its own thread, so that clients can delay
 * only this thread. */
struct metrics;

/* `of`: whose counters. `listener`: a listening socket, borrowed. Other processes may accept from
 * it too. It stays open and listening after metrics_stop(). NULL with errno. */
struct metrics *metrics_start(
        int listener, enum recorder_daemon of, const struct counters *counters);
void metrics_stop(struct metrics **metrics);

/* Writes the Prometheus text format, version 0.0.4 (exposition.c). The caller frees the text. NULL
 * when out of memory. `unix_now`: Unix seconds. */
char *metrics_exposition(
        enum recorder_daemon daemon, const struct counters *counters, uint64_t unix_now);

#endif
