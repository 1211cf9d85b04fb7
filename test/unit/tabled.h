// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_TABLED_H
#define VERIMAIL_TEST_TABLED_H

#include "folder.h"
#include "users/table.h"

#define TABLED_MANY 2000 /* rows of a table that has more than one page */

/* A folder for a table, and the table's path in it. For cmocka. */
extern struct folder tabled_folder;
extern char tabled_path[FOLDER_PATH_MAX];
void tabled_set_up(void);
void tabled_tear_down(void);

/* What does not hold ends the process, whichever that is. */
void tabled_must(bool holds);

struct table *tabled_open(bool write);
void tabled_put(struct table *t, const char *user, const char *values);
/* A table of these rows, and nothing else: user, values, ..., NULL. */
void tabled_build(const char *const *rows);
/* The user of row `i` of TABLED_MANY. */
void tabled_user(char room_r[64], size_t i);
/* TABLED_MANY rows that all say `hosts=VERSION`. */
void tabled_build_many(struct table *t, unsigned version);
/* The row's text, `absent`, or what is wrong with the table; until the next call. */
const char *tabled_found(struct table *t, const char *local, const char *domain);

/* What is seen of such a table by table_each() with tabled_look_at(). */
struct tabled_look {
    unsigned version;
    size_t rows;
    bool mixed; /* not all rows are of one version */
};

bool tabled_look_at(void *context, struct text key, struct text values);

#endif
