// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_METRICS_H
#define VERIMAIL_EVENTS_METRICS_H

#include "events/counters.h"

#define METRICS_CONNECTIONS 32 /* at once; the oldest makes room for one more */
#define METRICS_TIMEOUT 10     /* seconds of silence in a connection */
#define METRICS_FINISH 500     /* milliseconds for who is connected at the end */

/* The counters over HTTP: GET /metrics. A thread of its own answers, and what comes over the socket
 * can delay only itself. */
struct metrics;

/* `listener`: a socket that listens, borrowed; other processes may accept from it too, and it goes
 * on listening when this is over. NULL with errno. */
struct metrics *metrics_start(int listener, const struct counters *counters);
void metrics_stop(struct metrics **metrics);

#endif
