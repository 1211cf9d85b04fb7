// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_POLICY_H
#define VERIMAIL_FILTER_POLICY_H

#include "base/network.h"
#include "config/config.h"
#include "config/problems.h"
#include "filter/sender_logins.h"
#include "filter/stamper.h"
#include "filter/verifier.h"
#include "milter/bundle.h"

struct networks {
    struct network *at;
    size_t count;
};

/* One configuration, ready for use. It is not changed after it was made; sessions that began under
 * it keep it, and the last to let go frees it (design, section 7: reload). */
struct snapshot {
    struct config *config;
    const struct config_milter *milter; /* in `config` */
    struct stamper *stamper;            /* NULL: no section `stamp` */
    struct verifier *verifier;          /* NULL: no section `verify` */
    struct sender_logins *logins;
    struct networks trusted;
    struct networks relayed;
};

/* NULL when anything is wrong: `problems` then says what, and where, but for a file that the
 * material lacks: bundle_read() has said that. The material stays the caller's, and may be freed.
 * The count is one. */
struct snapshot *snapshot_init(const struct bundle *material, struct problems *problems);
struct snapshot *snapshot_hold(struct snapshot *snapshot);
/* Lets go of one count, and nulls the pointer. */
void snapshot_release(struct snapshot **snapshot);

#endif
