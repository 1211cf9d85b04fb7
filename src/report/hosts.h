// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_HOSTS_H
#define VERIMAIL_REPORT_HOSTS_H

#include "report/scope.h"

/* The sending hosts that came up in the period and were not there in the 90 days before it: an
 * array of {host, first, questions}, the busiest first. JSON null when the record begins (at
 * `oldest`) no earlier than the period: nobody can tell then what is new. */
json_t *hosts_new(struct scope *scope, uint64_t oldest, size_t most);

#endif
