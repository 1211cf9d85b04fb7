// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_KEYFOLDER_H
#define VERIMAIL_BASE_KEYFOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/key.h"

#define KEYFOLDER_MAX 64 /* key files of one kind in a folder */

/* The key files that an option names. A file is itself. Of a folder it is each file whose name ends
 * in keyfolder_suffix() and does not begin with a dot, newest first: names sort, and begin with a
 * date. Everything else in the folder is ignored: copies that an editor keeps, files that are being
 * written, folders. */
struct keyfolder {
    char **paths; /* newest first; at least one */
    size_t count;
    bool is_folder;
};

/* Of the key files of this kind: ".key" of a secret half, ".pub" of a public one. */
const char *keyfolder_suffix(enum key_kind kind);

/* False when a folder cannot be read, may be written by everybody, or has no key file or too many:
 * `*error_r` is then a sentence's end, and errno is 0 unless a call failed. What is no folder, or
 * is not there, is a list of one file. Call keyfolder_free() in either case. */
bool keyfolder_list(const char *path, enum key_kind kind, struct keyfolder *list_r,
        const char **error_r) __attribute__((warn_unused_result));
void keyfolder_free(struct keyfolder *list);

#define KEYFOLDER_NAME_MAX 32 /* octets with a NUL */
/* The name of a new key without its suffix, `2026-12-01T041107`. */
void keyfolder_name(uint64_t unix_now, char name_r[KEYFOLDER_NAME_MAX]);

#endif
