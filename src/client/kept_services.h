// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_KEPT_SERVICES_H
#define VERIMAIL_CLIENT_KEPT_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/discovery.h"

#define KEPT_SERVICES_MAX 10000
#define KEPT_SERVICES_SECONDS (UINT64_C(7) * 86400)

/* What discovery found of services that gave a valid answer (design, section 6). It is used when a
 * look-up fails: so who blocks the DNS gains nothing. Threads may use it at once. Times are
 * unix_now().
 *
 * It may lie in a file, which is mapped: it survives the process, needs no system call later, and
 * has a fixed size. Each record has a check, so that what a power failure left half written is
 * dropped. */
struct kept_services;

/* At most `max` domains. `path`: of the file, for this process alone; NULL: none. A file that
 * cannot be used is said in the log, and the memory takes its place; a damaged one is set aside as
 * PATH.damaged. NULL when out of memory. */
struct kept_services *kept_services_init(const char *path, size_t max, uint64_t now);
void kept_services_free(struct kept_services **kept);

/* Keeps what was found for `answer->domain`, without the targets' names. With `max` domains, the
 * one that was not used for the longest time goes. When out of memory nothing is kept. */
void kept_services_put(
        struct kept_services *kept, const struct discovery_answer *answer, uint64_t now);
/* What is kept of exactly this domain for no longer than KEPT_SERVICES_SECONDS. */
bool kept_services_get(struct kept_services *kept, struct text domain, uint64_t now,
        struct discovery_answer *answer_r) __attribute__((warn_unused_result));
/* A look-up failed: what is kept of `answer->domain` takes the place of `answer`. Else only whether
 * mail of the organizational domain is to wait: the author's own might have another service. */
void kept_services_stand_in(struct kept_services *kept, struct text organization, uint64_t now,
        struct discovery_answer *answer);
/* The domain gave Verimail up. */
void kept_services_drop(struct kept_services *kept, struct text domain);

#endif
