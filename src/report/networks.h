// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_NETWORKS_H
#define VERIMAIL_REPORT_NETWORKS_H

#include "report/scope.h"

/* Counts by name and by network, whose sums the store cannot make. */

#define NETWORKS_TEXT_MAX 64 /* octets with a NUL */

/* SQL: the beginning of the column `ip` by which a store groups; see networks_of(). */
#define NETWORKS_BEGINNING                                                                         \
    "rtrim(CASE WHEN ip LIKE '::ffff:%.%' THEN substr(ip, 8) WHEN ip LIKE '%:%' THEN "             \
    "substr(ip, 1, 15) ELSE ip END, '0123456789abcdefABCDEF')"
/* SQL: behind a condition, the largest groups of two columns, of which the second is a count. */
#define NETWORKS_LARGEST "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20000"

/* The network (IPv4 /24, IPv6 /48) of an address whose beginning the store grouped by: `192.0.2.`,
 * or an IPv6 address cut after its third group or later. Empty when it is not an address. */
struct text networks_of(struct text beginning, char buffer_r[NETWORKS_TEXT_MAX]);

/* Adds to the count of a name in `tally`, a JSON object. */
void networks_add(struct scope *scope, json_t *tally, struct text name, int64_t count);
/* The SCOPE_MOST largest as an array of {`key`: name, "questions": count}. Frees the tally. */
json_t *networks_top(struct scope *scope, json_t *tally, const char *key);

#endif
