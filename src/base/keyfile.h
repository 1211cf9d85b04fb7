// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_KEYFILE_H
#define VERIMAIL_BASE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "protocol/key.h"

#define KEYFILE_MAX 16384 /* octets */

/* The content of a file that holds a secret, in libsodium's guarded memory; sodium_free() it. NULL
 * when it cannot be read, is larger than KEYFILE_MAX, is no plain file, or may be read by
 * everybody: `*error_r` is then a sentence's end, and errno is 0 unless a call failed. */
char *keyfile_load(const char *path, size_t *len_r, const char **error_r);

/* A key from its file; that of a public one may be read by everybody, but not written. False with
 * `*error_r` as above. The caller wipes the key. */
bool keyfile_read(const char *path, enum key_kind kind, unsigned char key_r[KEY_OCTETS],
        const char **error_r) __attribute__((warn_unused_result));

/* The public half of a secret key from its file; the secret stays in guarded memory. False as
 * above. */
bool keyfile_read_public(const char *path, enum key_kind secret_kind,
        unsigned char public_r[KEY_OCTETS], const char **error_r)
        __attribute__((warn_unused_result));

/* Writes `content` to a new file that only its owner may read. False with errno, EEXIST when there
 * is such a file already; nothing is left behind. */
bool keyfile_create(const char *path, const char *content, size_t len)
        __attribute__((warn_unused_result));
/* The same with this mode, and this group: -1 for that of the process. */
bool keyfile_create_for(const char *path, const char *content, size_t len, mode_t mode, gid_t group)
        __attribute__((warn_unused_result));

#endif
