// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_DIFFERENCE_H
#define VERIMAIL_USERS_DIFFERENCE_H

#include "users/row_set.h"
#include "users/table.h"

/* What a table has to become what a directory said: rows that are the same are not written again,
 * so that the pages stay where they are which a service reads. */
struct difference;

/* Within a writer's transaction: compares, sets each gathered row's state, and counts before,
 * after, pinned, hidden, added, changed and removed. NULL with the end of a sentence in `error_r`.
 */
struct difference *difference_find(struct table *table, struct row_set *rows,
        struct directory_counts *counts_r, char error_r[TABLE_ERROR_MAX]);
void difference_free(struct difference **difference);

/* Makes the table what the directory said, but for what is pinned; the commit is the caller's. */
enum table_result difference_write(const struct difference *difference, struct table *table)
        __attribute__((warn_unused_result));

#endif
