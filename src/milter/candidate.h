// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_CANDIDATE_H
#define VERIMAIL_MILTER_CANDIDATE_H

#include "events/metrics_socket.h"
#include "milter/bundle.h"
#include "process/identity.h"

/* What a start or a reload would use: a configuration and the files that it names. */
struct candidate {
    struct bundle *bundles; /* for each section `milter`, in the order of the file */
    size_t count;
    struct config *config; /* the bundles', read; NULL: there is none */
    struct identity identity;
    gid_t groups[CONFIG_MILTERS_MAX]; /* of the sockets */
    struct metrics_socket *metrics;   /* where the counters are shown, if it was opened; NULL */
};

/* Reads and checks all of it, so that all problems are found in one go. False when anything is
 * wrong: `problems` then says what. Clear the candidate in any case. */
bool candidate_read(const char *path, struct candidate *candidate_r, struct problems *problems)
        __attribute__((warn_unused_result));
void candidate_clear(struct candidate *candidate);

/* Warns of options whose change has no effect before a restart. `first`: of the last start. */
void candidate_warn_of_restart(
        const struct candidate *candidate, const struct config *first, struct problems *warnings);

/* Warns of options by which a forgery from outside would be stamped when it is forwarded. */
void candidate_warn_of_relays(const struct candidate *candidate, struct problems *warnings);
/* Warns of names of daemons that strangers' mail bears, too. */
void candidate_warn_of_daemons(const struct candidate *candidate, struct problems *warnings);

/* For -t: checks all of it, prints the problems to standard error, and returns the exit status. */
int candidate_test(const char *config_path);

#endif
