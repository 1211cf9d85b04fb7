// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_DIRECTORY_DIRECTORY_H
#define VERIMAIL_DIRECTORY_DIRECTORY_H

#include <stdbool.h>

#include "config/config.h"
#include "users/row.h"

#define DIRECTORY_WHY_MAX 512 /* octets of a sentence, with a NUL */

/* Where a table's rows come from (design, section 8). `put` is called for each row with a user as
 * row_parse_user() takes it and what row_parse() takes; it returns false to end it all. True only
 * when the directory said everything it had, and said that this was all. */
struct directory_sink {
    bool (*put)(void *context, struct text user, struct text values, char why_r[DIRECTORY_WHY_MAX]);
    void *context;
};

struct directory_kind {
    const char *name;           /* "PostgreSQL" */
    const char *const *schemes; /* "postgresql://" ... NULL */
    /* `password`: NULL: none. False with a sentence in `why_r`. */
    bool (*read)(const struct config_directory *directory, const char *password,
            const struct directory_sink *sink, char why_r[DIRECTORY_WHY_MAX]);
};
extern const struct directory_kind directory_postgresql;
extern const struct directory_kind directory_ldap;

struct sync_result {
    uint64_t before; /* rows, without those that are pinned */
    uint64_t after;
    uint64_t pinned;
};

/* Reads the directory and makes the table what it says, in one step, but for rows that are pinned.
 * On false the table is as it was, and `why_r` says why: the directory could not be asked or did
 * not say all, a row was not good, or there were fewer rows than `keep_at_least` per cent of before
 * and not `believe`. */
bool directory_sync(const struct config_directory *directory, bool believe,
        struct sync_result *result_r, char why_r[DIRECTORY_WHY_MAX])
        __attribute__((warn_unused_result));

#endif
