// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SNAPSHOT_H
#define VERIMAIL_MILTER_SNAPSHOT_H

#include <stdatomic.h>

#include "filter/policy.h"
#include "milter/bundle.h"

/* One configuration and the policy made of it. Connections that began under it keep it; the last
 * one to release it frees it (design, section 7: reload). */
struct snapshot {
    struct config *config;
    struct policy policy; /* borrows from `config` */
    atomic_uint count;
};

/* NULL when anything is wrong: `problems` then says what, and where, except for a file that the
 * bundle lacks: bundle_read() has said that. The bundle stays the caller's, and may be freed. The
 * count is one. */
struct snapshot *snapshot_init(const struct bundle *bundle, struct problems *problems);
struct snapshot *snapshot_hold(struct snapshot *snapshot);
/* Lowers the count and nulls the pointer; NULL is allowed. */
void snapshot_release(struct snapshot **snapshot);

#endif
