// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_OUTPUT_H
#define VERIMAIL_REPLAY_REDIS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

#define REDIS_OUTPUT_MAX (4UL * 1024 * 1024) /* octets that a server has not taken */

/* What a server is yet to be sent, a password among it. All zero: empty. */
struct redis_output {
    char *at;
    size_t size;
    size_t begin;
    size_t end;
};

/* False when there is no room. */
bool redis_output_put(struct redis_output *output, struct text t)
        __attribute__((warn_unused_result));
struct text redis_output_rest(const struct redis_output *output);
/* So many octets of the rest were sent. */
void redis_output_sent(struct redis_output *output, size_t len);
/* Leaves nothing of it in memory. */
void redis_output_wipe(struct redis_output *output);

#endif
