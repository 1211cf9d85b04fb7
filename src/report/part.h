// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_PART_H
#define VERIMAIL_REPORT_PART_H

#include "report/scope.h"

/* The parts of a report, as JSON. `oldest`: the time of the oldest event, in Unix milliseconds. */

/* What was asked about our users, and what the service answered. */
json_t *service_report(struct scope *scope, uint64_t oldest);
/* What the milter did with mail: what came in and was verified, and what users sent. */
json_t *mail_report(struct scope *scope, uint64_t oldest);

/* Questions that were answered NO, or would be if their domain were not under test. They are one's
 * own mail or forgeries. */
struct refused {
    const char *condition; /* SQL: which questions */
    const char *reason;    /* SQL: the reason of the NO */
};

/* The networks that mail came from which was answered YES: an object with their counts. */
json_t *refused_genuine_networks(struct scope *scope);

/* An object with two members.
 *
 * `own`: one's own mail. `stamped`: a host of ours made the stamp, and a rule refuses it.
 * `networks`: it came from a network that genuine mail also came from (`genuine`: how many
 * questions about it were answered YES).
 *
 * `forgeries`: all other. `users`, `networks` and `receiving`: whose addresses, from where and to
 * where. Mail from a network that also sends genuine mail is never among them. */
json_t *refused_put(struct scope *scope, const struct refused *refused, const json_t *genuine);

#endif
