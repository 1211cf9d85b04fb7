// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_FIGURES_H
#define VERIMAIL_REPORT_FIGURES_H

#include "report/scope.h"

#define ORIGINS_NETWORK_MAX 64 /* octets with a NUL */

/* Where forgeries (whatever was answered NO) came from and where they went. */

/* The networks (IPv4 /24, IPv6 /48) of the addresses that the mail came from, or, where the asker
 * did not say, of the askers: an array of {network, questions}. */
json_t *origins_networks(struct scope *scope, size_t most);
/* The domains that got them: an array of {domain, questions}; `*` is a question about so many
 * domains that it does not name them. A forgery to several counts for each. */
json_t *origins_receiving(struct scope *scope, size_t most);

/* The network that an address lies in, of which the store has grouped by the beginning: `192.0.2.`,
 * or an IPv6 address that is cut behind its third group at the earliest. Empty when it is none. */
struct text origins_network(struct text beginning, char buffer_r[ORIGINS_NETWORK_MAX]);

/* The sending hosts that came up in the period and were not there in the 90 days before it: an
 * array of {host, first, questions}, the busiest first. JSON null when the record begins (at
 * `oldest`) no earlier than the period: nobody can tell then what is new. */
json_t *hosts_new(struct scope *scope, uint64_t oldest, size_t most);

#define SERIES_MOST 61 /* steps: 60 days that begin and end within a day */

/* How a period is divided, in UTC: by hours (2 days or less), days (60 or less), or weeks from
 * Monday on, as many together as it takes. */
uint64_t series_step(uint64_t since, uint64_t until); /* milliseconds */
/* Where the step begins that `unix_ms` lies in. */
uint64_t series_begin(uint64_t unix_ms, uint64_t step);

/* The verdicts of each step from `first` on, and of the whole: the members questions, yes, no,
 * allow, unlisted (questions about users that nobody lists), step_seconds, times. */
void series_put(struct scope *scope, uint64_t first, json_t *report, uint64_t *unlisted_r);

#endif
