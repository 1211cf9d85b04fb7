// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_DIRECTORY_H
#define VERIMAIL_USERS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define DIRECTORY_ERROR_MAX 640 /* octets of a sentence, with a NUL */
#define DIRECTORY_NOTES_MAX 20  /* of one kind that are told one by one */

/* What a person should know beside the result: what was left out, and every row that is wrong. A
 * sentence each; its octets are anybody's. */
struct directory_notes {
    void (*tell)(void *context, const char *sentence);
    void *context;
};

enum directory_result {
    DIRECTORY_OK,
    DIRECTORY_UNREAD,    /* it could not be asked, or did not say all */
    DIRECTORY_WRONG,     /* rows are wrong, or two are about one user; each was told */
    DIRECTORY_FEW,       /* too few rows to be believed */
    DIRECTORY_UNWRITTEN, /* the table could not be read or written */
};

/* Rows of users, without those that are pinned unless it says so. */
struct directory_counts {
    uint64_t before;
    uint64_t after;
    uint64_t added;
    uint64_t changed;
    uint64_t removed;
    uint64_t pinned;
    uint64_t hidden;  /* by pinned rows: what the directory says of these users does not count */
    uint64_t skipped; /* values that are no addresses; the first were told */
    uint64_t without; /* entries without an address */
};

/* Reads the directory and makes the table what it says (design, section 8), in one step, but for
 * rows that are pinned. `path`: of the table, which is made if it is not there. Only what differs
 * is written. Unless it returns DIRECTORY_OK the table is as it was, and `error_r` says why.
 *
 * What is no address is left out and told: such values stay in a directory for years, and must not
 * keep a user's end from the service for as long. A rule that cannot be read is DIRECTORY_WRONG:
 * whatever would be done instead could permit what it forbids.
 *
 * Without `believe` a directory that is empty, or has fewer than half of the rows of before, is DIRECTORY_FEW. One sync at a time of the tables in one folder: another one waits for
 * as long as `timeout`. SIGPIPE should be ignored. */
enum directory_result directory_sync(const struct config_directory *directory, bool believe,
        const struct directory_notes *notes, struct directory_counts *counts_r,
        char error_r[DIRECTORY_ERROR_MAX]) __attribute__((warn_unused_result));

/* Of the table that a directory fills. */
const char *directory_path(const struct config_directory *directory);

#endif
