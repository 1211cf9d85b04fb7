// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_POLICY_H
#define VERIMAIL_FILTER_POLICY_H

#include "base/network.h"
#include "config/config.h"
#include "config/problems.h"
#include "config/relayed.h"
#include "filter/stamper.h"
#include "filter/verifier.h"

struct sender_logins;

struct policy_networks {
    struct network *at;
    size_t count;
};

/* What one configuration says about messages, ready for use. It is not changed after it was made:
 * all threads may use it at once. */
struct policy {
    const struct config *config;        /* borrowed */
    const struct config_milter *milter; /* one of its sections */
    struct stamper *stamper;            /* NULL: no section `stamp` */
    struct verifier *verifier;          /* NULL: no section `verify` */
    struct sender_logins *logins;
    struct policy_networks trusted;
    struct policy_networks relayed; /* those of stamp_relayed; its names are no networks */
    struct relayed_mark mark;       /* `config` has its texts; an empty name: none */
};

/* What the files hold that the configuration names; `at` is NULL for one that was not read. */
struct policy_files {
    struct text key;      /* of the section `stamp` */
    const char *key_path; /* where that was read; not NULL when `key` was read */
    struct text logins;   /* of the option `logins`, if that is a path */
};

/* `config` has the section `milter` and outlives the policy; the files may be freed. False when
 * anything is wrong: `problems` then says what, and where. About a file that was not read it says
 * nothing: that is for the caller. */
bool policy_init(const struct config *config, const struct config_milter *milter,
        const struct policy_files *files, struct problems *problems, struct policy *policy_r)
        __attribute__((warn_unused_result));
void policy_clear(struct policy *policy);

#endif
