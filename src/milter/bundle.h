// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_BUNDLE_H
#define VERIMAIL_MILTER_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/problems.h"
#include "filter/policy.h"

/* The files that a snapshot is made of. The supervisor reads them and sends them to the worker,
 * which can open none. Each text has a NUL behind it; the key may have none. */
struct bundle {
    char *path;   /* of the configuration, for what is said of problems */
    char *config; /* the configuration file */
    size_t config_len;
    char *section;  /* the name of the section `milter` that it is for; "": none */
    char *key_path; /* of the host's key file; NULL: nothing is stamped */
    char *key;      /* the host's key file, in guarded memory; NULL: nothing is stamped */
    size_t key_len;
    char *logins; /* the table of logins; NULL: there is none */
    size_t logins_len;
};

/* Reads the configuration file, and the files that it names for the first section `milter`. False
 * when one cannot be read: `problems` says which one, and on which line it is named. `*config_r` is
 * the configuration, which the caller frees also after a failure: there may be further problems in
 * it. It is NULL when the configuration itself is wrong or has no section `milter`. */
bool bundle_read(const char *path, struct bundle *bundle_r, struct config **config_r,
        struct problems *problems) __attribute__((warn_unused_result));
/* The same for another section `milter` of that configuration, of which `bundle` is one. */
bool bundle_read_section(const struct bundle *bundle, const struct config *config,
        const struct config_milter *milter, struct bundle *bundle_r, struct problems *problems)
        __attribute__((warn_unused_result));
/* The configuration alone; NULL when it is wrong or has no such section. */
struct config *bundle_parse(const struct bundle *bundle, struct problems *problems);
/* The files that the configuration names; borrowed. */
struct policy_files bundle_files(const struct bundle *bundle);
/* Wipes the key. */
void bundle_clear(struct bundle *bundle);

/* All of it over a stream socket. False with errno when the other side has closed it, or sent what
 * is no bundle (EPROTO). */
bool bundle_send(int fd, const struct bundle *bundle) __attribute__((warn_unused_result));
bool bundle_receive(int fd, struct bundle *bundle_r) __attribute__((warn_unused_result));

#endif
