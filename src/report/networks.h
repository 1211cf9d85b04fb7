// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_NETWORKS_H
#define VERIMAIL_REPORT_NETWORKS_H

#include "report/scope.h"

/* Counts by name, in JSON objects: the store counts more finely than is shown. */

#define NETWORKS_TEXT_MAX 64 /* octets with a NUL */

/* The network (IPv4 /24, IPv6 /48) of an address, or the network itself; empty when it is neither.
 * With a NUL at its end. */
struct text networks_of(struct text address, char buffer_r[NETWORKS_TEXT_MAX]);

/* Adds to the count of a name. */
void networks_add(struct scope *scope, json_t *counts, struct text name, int64_t count);
/* The SCOPE_MOST largest as an array of {`key`: name, "questions": count},
 * without those of 0. Frees the counts. */
json_t *networks_top(struct scope *scope, json_t *counts, const char *key);

#endif
