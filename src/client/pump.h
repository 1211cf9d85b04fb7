// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_PUMP_H
#define VERIMAIL_CLIENT_PUMP_H

#include <pthread.h>
#include <stdbool.h>
#include <unbound.h>

#define PUMP_NAME_MAX 320 /* octets of a name that is looked up, with a NUL */

/* A context of libunbound and the only thread that calls it. So nobody else can hang with
 * libunbound. All calls are made with the lock that it was made with. */
struct pump;

/* What came of a look-up, under the lock. `error`: of libunbound. Takes over `answer`. */
typedef void pump_on_answer(void *owner, void *lookup, int error, struct ub_result *answer);

/* Takes over the context, and makes the thread. NULL with errno: it took over nothing. */
struct pump *pump_init(
        struct ub_ctx *context, pthread_mutex_t *lock, pump_on_answer *on_answer, void *owner);
/* `type`: the record type, by IANA. False when out of memory. */
bool pump_ask(struct pump *pump, const char *name, int type, void *lookup)
        __attribute__((warn_unused_result));

/* Asks for a name that libunbound answers without the network, unless it was asked for and not
 * answered already. */
void pump_probe(struct pump *pump);
/* Whether that name has not been answered for a second. */
bool pump_hangs(const struct pump *pump);
/* Reports UB_PIPE for each look-up that is not answered, and nothing more. What hangs is left
 * behind: the pump's memory, and the lock, must stay. */
void pump_abandon(struct pump **pump);
/* Ends it, without a report for look-ups that are not answered. Waits for libunbound for some
 * seconds at most; false: it hangs, and was abandoned. */
bool pump_free(struct pump **pump);

#endif
