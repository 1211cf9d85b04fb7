// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_DIRECTORY_H
#define VERIMAIL_USERS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define DIRECTORY_ERROR_MAX 640 /* octets of an error text, with its NUL */
#define DIRECTORY_NOTES_MAX 20  /* notes of one kind that are reported one by one */

/* Receives what the user should know beside the result: values that were left out, and every row
 * that is wrong. Each is one sentence. It may contain any octets, so escape it before printing. */
struct directory_notes {
    void (*tell)(void *context, const char *sentence);
    void *context;
};

enum directory_result {
    DIRECTORY_OK,
    DIRECTORY_UNREAD,    /* the directory could not be read, or not completely */
    DIRECTORY_WRONG,     /* rows are wrong, or two are for one user; each was reported */
    DIRECTORY_FEW,       /* suspiciously few rows */
    DIRECTORY_UNWRITTEN, /* the table could not be read or written */
};

/* Numbers of rows, without pinned rows unless noted. */
struct directory_counts {
    uint64_t before;
    uint64_t after;
    uint64_t added;
    uint64_t changed;
    uint64_t removed;
    uint64_t pinned;
    uint64_t hidden;  /* rows of the directory that a pinned row overrides */
    uint64_t skipped; /* values that are not addresses; the first of them were reported */
    uint64_t without; /* entries without an address */
};

/* Reads the directory and updates the table to match it (design, section 8). Pinned rows do not
 * change. The update is one transaction, and only differences are written. `path` is the table's;
 * it is created if it is missing. On any result but DIRECTORY_OK the table is unchanged, and
 * `error_r` has the reason.
 *
 * A value that is not an address is left out and reported. Such values stay in a directory for
 * years, and must not block the removal of users. A rule that cannot be read is DIRECTORY_WRONG:
 * any guess could permit what the rule forbids.
 *
 * Without `believe`, a directory is DIRECTORY_FEW if it is empty or has fewer than half of the
 * table's rows. Syncs of tables in one folder run one at a time; a second one waits for at most
 * `timeout`. SIGPIPE should be ignored. */
enum directory_result directory_sync(const struct config_directory *directory, bool believe,
        const struct directory_notes *notes, struct directory_counts *counts_r,
        char error_r[DIRECTORY_ERROR_MAX]) __attribute__((warn_unused_result));

/* The path of the table that a directory fills. */
const char *directory_path(const struct config_directory *directory);

#endif
