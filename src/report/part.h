// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_PART_H
#define VERIMAIL_REPORT_PART_H

#include "report/scope.h"

/* The parts of a report, as JSON. `oldest`: the time of the oldest event, in Unix milliseconds. */

/* What was asked about our users, and what the service answered. */
json_t *service_report(struct scope *scope, uint64_t oldest);
/* What the milter did with mail: what came in and was verified, and what users sent. */
json_t *mail_report(struct scope *scope, uint64_t oldest);

/* Adds `refused`, about mail that was answered NO, and `testing`, about what would be if its domain
 * were not under test. Each has two members.
 *
 * `own`: one's own mail. `stamped`: a host of ours made the stamp, and a rule refuses it.
 * `networks`: it came from a network that genuine mail also came from (`genuine`: how many
 * questions about it were answered YES).
 *
 * `forgeries`: all other. `users`, `networks` and `receiving`: whose addresses, from where and to
 * where. Mail from a network that also sends genuine mail is never among them. */
void refused_put(struct scope *scope, json_t *service);

#endif
