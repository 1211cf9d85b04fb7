// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_TABLE_CHECK_H
#define VERIMAIL_VERIMAILD_TABLE_CHECK_H

#include <stdbool.h>

#include "config/config.h"
#include "config/problems.h"
#include "process/identity.h"

#define TABLE_CHECK_MAX 10 /* seconds for all of them */

/* Opens each table of users once, as the workers will: in a child that is their user for good,
 * since what is in such a file may be anything. False when one cannot be used: `problems` then says
 * which, and why. */
bool table_check_run(const struct config *config, const struct identity *identity,
        struct problems *problems) __attribute__((warn_unused_result));

#endif
