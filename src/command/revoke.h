// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_REVOKE_H
#define VERIMAIL_COMMAND_REVOKE_H

#include "command/command.h"
#include "command/user_rule.h"

/* What `revoke` and `restore` do in a table of users: revoke.c, revoke_row.c. What a row was stays
 * in the file TABLE.revoked. */
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

#endif
