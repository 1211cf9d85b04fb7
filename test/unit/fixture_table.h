// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_TABLE_H
#define VERIMAIL_TEST_FIXTURE_TABLE_H

#include "folder.h"
#include "users/table.h"
#include "version.h"

#define FIXTURE_TABLE_MANY 2000 /* rows of a table that has more than one page */

/* A folder for a table, and the table's path in it. Call the first two from BEFORE_EACH() and
 * AFTER_EACH(). */
extern struct folder fixture_table_folder;
extern char fixture_table_path[FOLDER_PATH_MAX];
void fixture_table_set_up(void);
void fixture_table_tear_down(void);

/* Aborts this process, the test or a child of it, if the condition is false. */
void fixture_table_must(bool holds);

struct table *fixture_table_open(bool write);
void fixture_table_put(struct table *t, const char *user, const char *values);
/* A table of these rows, and nothing else: user, values, ..., NULL. */
void fixture_table_build(const char *const *rows);
/* The user of row `i` of FIXTURE_TABLE_MANY. */
void fixture_table_user(char buffer_r[64], size_t i);
/* FIXTURE_TABLE_MANY rows that all say `hosts=VERSION`. */
void fixture_table_build_many(struct table *t, unsigned version);
/* The row's text, `absent`, or what is wrong with the table; until the next call. */
const char *fixture_table_found(struct table *t, const char *local, const char *domain);

/* What fixture_table_look_at(), called by table_each(), sees of such a table. */
struct fixture_table_look {
    unsigned version;
    size_t rows;
    bool mixed; /* not all rows are of one version */
};

bool fixture_table_look_at(void *context, struct text key, struct text values);

#endif
