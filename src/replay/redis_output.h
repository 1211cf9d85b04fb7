// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_OUTPUT_H
#define VERIMAIL_REPLAY_REDIS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

#define REDISOUTPUT_MAX (4UL * 1024 * 1024) /* octets that a server has not taken */

/* What a server is yet to be sent, a password among it. All zero: empty. */
struct redisoutput {
    char *at;
    size_t size;
    size_t begin;
    size_t end;
};

/* False when there is no room. */
bool redisoutput_put(struct redisoutput *output, struct text t) __attribute__((warn_unused_result));
struct text redisoutput_rest(const struct redisoutput *output);
/* So many octets of the rest were sent. */
void redisoutput_sent(struct redisoutput *output, size_t len);
/* Leaves nothing of it in memory. */
void redisoutput_wipe(struct redisoutput *output);

#endif
