// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_REVOKE_H
#define VERIMAIL_COMMAND_REVOKE_H

#include "command/command.h"
#include "command/user_rule.h"
#include "config/edit.h"

/* `revoke` and `restore`: revoke.c. What they do in a table of users: revoke_row.c. What a row was
 * stays in the file TABLE.revoked. */
struct revoke_row {
    const struct invocation *invocation;
    const char *path;  /* of the table */
    const char *key;   /* as row_parse_user() gives it */
    uint64_t unix_now; /* seconds */
    bool only_sent;
};

/* Whether the user has a row of its own. */
enum table_result revoke_row_get(
        const struct revoke_row *row, struct row *row_r, char error_r[TABLE_ERROR_MAX]);
/* `rule`: the one that the user has now; it stays with `only_sent`, but for its date. */
enum status revoke_row_take(const struct revoke_row *row, const struct rule *rule);
/* Gives back what was taken. `*found_r`: whether anything was. */
enum status revoke_row_restore(const struct revoke_row *row, bool *found_r);

/* A user's rule in the text of the configuration, revoked and restored. What was there stays in
 * a comment beside it, `revoked 2026-12-01T05:11:12Z, was: hosts = {"a.example.org"}`, so that it
 * can be restored after other changes of the file, too. */

enum revocation_result {
    REVOCATION_DONE,
    REVOCATION_NOTHING, /* the text is so already */
    REVOCATION_BY_HAND, /* what would go into the comment has comments itself */
    REVOCATION_NO_MEMORY,
};

/* What is taken back. */
struct revocation {
    const char *domain; /* the titles of the sections, as config_read() gives them */
    const char *local;
    uint64_t unix_now;
    bool only_sent; /* what was issued until now; else all, for good */
};

/* The rule in the section `user`, which must be there. */
enum revocation_result revocation_change(struct edit *edit, const struct revocation *revocation)
        __attribute__((warn_unused_result));
/* Adds a section `user` with the rule that the user has now, so far as it stays; NULL: none. */
enum revocation_result revocation_add(struct edit *edit, const struct revocation *revocation,
        const struct rule *rule) __attribute__((warn_unused_result));
/* Undoes both. */
enum revocation_result revocation_undo(struct edit *edit, const struct revocation *revocation)
        __attribute__((warn_unused_result));

#endif
