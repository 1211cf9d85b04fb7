// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_BACKOFF_H
#define VERIMAIL_BASE_BACKOFF_H

#include <stdint.h>

/* When to try again what failed: after a pause that doubles with each failure in a row. The caller
 * has the clock: `mono_ms` and `until` are its milliseconds. */
struct backoff {
    uint32_t first;    /* milliseconds: the first pause */
    uint32_t max;      /* milliseconds: the longest */
    uint32_t free;     /* failures in a row that cost no pause */
    uint32_t failures; /* in a row */
    uint64_t until;    /* the next attempt's time */
};

/* One more failure. Sets `until`, and returns the pause. */
uint64_t backoff_failed(struct backoff *backoff, uint64_t mono_ms);
/* It works: the next failure is the first again. What waits may be tried at once. */
void backoff_reset(struct backoff *backoff);

#endif
