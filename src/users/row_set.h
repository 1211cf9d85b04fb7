// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ROW_SET_H
#define VERIMAIL_USERS_ROW_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "users/directory.h"
#include "users/row.h"

/* What a directory said, in memory until all of it is there: a million rows take a hundred MiB,
 * and a writer's transaction that is open for as long as a directory takes would make everybody
 * wait who has a user to revoke. */
struct gathered;

/* What has to be done with a row; difference.h finds it. */
enum gathered_state { GATHERED_NEW, GATHERED_CHANGED, GATHERED_SAME, GATHERED_HIDDEN };

struct gathered_row {
    const char *at; /* the key, and behind it the values, as row_format() writes them */
    const char *origin;
    unsigned short key_len;
    unsigned short values_len;
    enum gathered_state state;
};

/* NULL when memory is short. The notes are borrowed. */
struct gathered *gathered_init(const struct directory_notes *notes);
void gathered_free(struct gathered **gathered);

/* A row as row_parse_user() and row_parse() take it; one that they do not take, or an alias of
 * itself, is refused as below. `origin` says where the directory has it: a row's number, a DN.
 * False when memory is short. */
bool gathered_put(struct gathered *gathered, struct text user, struct text values,
        struct text origin) __attribute__((warn_unused_result));
/* A value that is no address, and left out. */
void gathered_skip(struct gathered *gathered, struct text value, struct text origin);
/* An entry that has no address at all. */
void gathered_pass(struct gathered *gathered);
/* A row, or an entry, whose rule is wrong. `why`: what it is about, the value, what was expected.
 */
void gathered_refuse(struct gathered *gathered, struct text origin, const char *why);

/* When all is there: the rows are in the order of their keys, each once. False when anything was
 * refused, or several rows are about one user, which is told; `why_r` says how many. */
bool gathered_finish(struct gathered *gathered, char why_r[DIRECTORY_WHY_MAX])
        __attribute__((warn_unused_result));
struct gathered_row *gathered_rows(struct gathered *gathered, size_t *count_r);
struct text gathered_key(const struct gathered_row *row);
struct text gathered_values(const struct gathered_row *row);
uint64_t gathered_skipped(const struct gathered *gathered);
uint64_t gathered_passed(const struct gathered *gathered);

#endif
