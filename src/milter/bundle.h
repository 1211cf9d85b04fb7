// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_BUNDLE_H
#define VERIMAIL_MILTER_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/problems.h"
#include "filter/policy.h"

/* What a snapshot is made of, as it lies in files: whoever shut himself in is handed it over a
 * socket pair. Texts have a NUL behind them, the key need not. */
struct bundle {
    char *path;   /* of the configuration, for messages */
    char *config; /* the configuration file */
    size_t config_len;
    char *key; /* the host's key file, in guarded memory; NULL: nothing is stamped */
    size_t key_len;
    char *logins; /* the table of logins; NULL: there is none */
    size_t logins_len;
};

/* Reads the configuration file and the files that it names. False when one cannot be read:
 * `problems` says which, and on which line it is named. `*config_r` is NULL when the configuration
 * itself is wrong or has no section `milter`, and is the caller's otherwise, so that he can look
 * for more that is wrong. */
bool bundle_read(const char *path, struct bundle *material_r, struct config **config_r,
        struct problems *problems) __attribute__((warn_unused_result));
/* The configuration alone; NULL when it is wrong or has no section `milter`. */
struct config *bundle_parse(const struct bundle *material, struct problems *problems);
/* The files that the configuration names; borrowed. */
struct policy_files bundle_files(const struct bundle *material);
/* Wipes the key. */
void bundle_clear(struct bundle *material);

/* Over a stream socket, all of it. False with errno when the other side is gone, or says what is no
 * material (EPROTO). */
bool bundle_send(int fd, const struct bundle *material) __attribute__((warn_unused_result));
bool bundle_receive(int fd, struct bundle *material_r) __attribute__((warn_unused_result));

#endif
