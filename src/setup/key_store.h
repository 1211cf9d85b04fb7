// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_KEY_STORE_H
#define VERIMAIL_SETUP_KEY_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/keypair.h"

/* The keys of this machine, and the folders that daemons need, with the owners and modes that let
 * the daemons' user read them and nobody else. */

#define KEY_STORE_ERROR_MAX (PATH_MAX + 256) /* octets with a NUL */

/* Makes a folder, and those above it, or gives one that is there its owner and mode. */
bool key_store_folder(const char *path, mode_t mode, uid_t uid, gid_t gid,
        char error_r[KEY_STORE_ERROR_MAX]) __attribute__((warn_unused_result));

/* The key in use: the newest of a folder, or a file's. Or a new one that is still to be written. */
struct key_store {
    const char *path; /* of the folder or the file; borrowed */
    enum key_kind secret;
    char *file;          /* of the key in use; NULL: a new one */
    struct keypair pair; /* a new one; with an old one it has the public half alone */
};

/* A folder that is not there, or has no key, needs a new one. False with a sentence. Call
 * key_store_free() in either case. */
bool key_store_open(const char *path, enum key_kind secret, struct key_store *store_r,
        char error_r[KEY_STORE_ERROR_MAX]) __attribute__((warn_unused_result));
void key_store_free(struct key_store *store);

/* Writes a new key into its folder, and its public half beside it, for `gid` to read. Gives an old
 * one that group, its mode, and its public half if it lacks them. */
bool key_store_write(struct key_store *store, gid_t gid, char error_r[KEY_STORE_ERROR_MAX])
        __attribute__((warn_unused_result));

#endif
