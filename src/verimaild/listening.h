// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_LISTENING_H
#define VERIMAIL_VERIMAILD_LISTENING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"
#include "config/config.h"
#include "config/problems.h"
#include "process/identity.h"

/* The listening sockets of one generation of workers: for each address one for each worker. The
 * supervisor keeps all of them open, so that what is queued at a dead worker's socket waits for its
 * successor. A generation has duplicates of the sockets of the one before, with the same queues:
 * closing those of one generation takes nothing from the other. */
struct listening;

/* Opens what `service` asks for and `before` (may be NULL) does not have. An address never gets
 * fewer sockets than before: connections may wait at each. Sockets that systemd handed over are
 * used instead of the configuration's addresses.
 *
 * An address where another program listens is refused. `ours`: all that processes of this service
 * may still listen at, NULL among them.
 *
 * NULL when a socket cannot be opened: `problems` then says which. */
struct listening *listening_open(const struct config_service *service, size_t workers,
        const struct listening *before, const struct listening *const *ours, size_t ours_count,
        struct problems *problems);
void listening_close(struct listening **listening);
/* Closes the sockets of this process. The addresses stay known: workers may still listen there. */
void listening_release(struct listening *listening);

/* The sockets of one of the workers: at most `size` are written; returns how many there are. */
size_t listening_of_worker(
        const struct listening *listening, size_t worker, size_t workers, int *fds_r, size_t size);
/* For each of those, in the same order: whether `other` listens at its address too. */
void listening_kept(const struct listening *listening, size_t worker, size_t workers,
        const struct listening *other, bool *kept_r, size_t size);

/* Whether several workers wait at one socket. */
bool listening_is_shared(const struct listening *listening);
/* A log line for each address. */
void listening_log(const struct listening *listening);

#endif
