// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_TABLES_H
#define VERIMAIL_VERIMAILD_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/problems.h"
#include "process/identity.h"
#include "protocol/rules.h"
#include "users/table.h"
#include "verimaild/service.h"

/* The tables of users of a service's domains, opened by one process: after its fork, as the user
 * that may read them. */
struct tables;

#define TABLES_AGAIN 1000 /* milliseconds */

/* When a table cannot be opened, its domains' rules are unknown, and tables_take_error() says why.
 * NULL when out of memory. `mono_ms`: milliseconds of one clock. */
struct tables *tables_open(const struct service *service, uint64_t mono_ms);
void tables_close(struct tables **tables);

/* Whether all of them were opened. */
bool tables_are_open(const struct tables *tables);

/* For the judge; borrowed. NULL when no domain has a table. */
const struct rules_lookup *tables_lookup(const struct tables *tables);
/* Why a rule could not be looked up since the last call: a sentence that names the table. NULL when
 * nothing failed. */
const char *tables_take_error(struct tables *tables);

/* Whether a table could not be read, and TABLES_AGAIN has passed. It may have been recreated, and
 * another process should open it: this one no longer can. */
bool tables_are_stale(const struct tables *tables, uint64_t mono_ms);

#define TABLES_CHECK_TIMEOUT 10 /* seconds for all of them */

/* Opens each table of users once, as the workers will: in a child that is their user for good,
 * since anything may be in such a file. False when one cannot be used: `problems` then says which,
 * and why. That the child itself failed, or was late, says nothing about the tables, and may be
 * over in a moment. */
bool tables_check(const struct config *config, const struct identity *identity,
        struct problems *problems) __attribute__((warn_unused_result));

#endif
