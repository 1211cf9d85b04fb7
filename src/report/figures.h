// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_FIGURES_H
#define VERIMAIL_REPORT_FIGURES_H

#include "report/scope.h"

#define ORIGINS_NETWORK_MAX 64 /* octets with a NUL */

/* The sources and targets of forgeries: all questions that were answered NO. */

/* The networks (IPv4 /24, IPv6 /48) of the addresses that sent the mail of these events, a
 * condition in SQL: an array of {network, questions}. If the asker did not report the address, the
 * asker's own network counts. */
json_t *origins_networks(struct scope *scope, const char *of, size_t most);
/* The receiving domains: an array of {domain, questions}. `*` stands for a question about too many
 * domains to name. A forgery to several domains counts for each. */
json_t *origins_receiving(struct scope *scope, size_t most);

/* The network of an address whose beginning the store grouped by: `192.0.2.`, or an IPv6 address
 * cut after its third group or later. Empty when it is not an address. */
struct text origins_network(struct text beginning, char buffer_r[ORIGINS_NETWORK_MAX]);

/* The sending hosts of the period that did not occur in the 90 days before it: an array of {host,
 * first, questions}, the busiest first. JSON null when the record begins (at `oldest`) no earlier
 * than the period, so that nothing can be called new. */
json_t *hosts_new(struct scope *scope, uint64_t oldest, size_t most);

#define SERIES_MOST 61 /* steps: 60 days that do not begin at midnight */

/* The step that divides a period, in UTC: hours (up to 2 days), days (up to 60), or else weeks from
 * Monday on, several together if needed. */
uint64_t series_step(uint64_t since, uint64_t until); /* milliseconds */
/* The start of the step that contains `unix_ms`. */
uint64_t series_begin(uint64_t unix_ms, uint64_t step);

/* Adds the verdicts of each step from `first` on, and of the whole period. The members are
 * questions, yes, no, allow, unlisted (questions about users that are not listed), step_seconds,
 * times. */
void series_put(struct scope *scope, uint64_t first, json_t *report, uint64_t *unlisted_r);

#endif
