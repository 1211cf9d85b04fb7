// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_PASSWORD_H
#define VERIMAIL_BASE_PASSWORD_H

#include <stddef.h>

/* Reads the password from the first line of a file that must not be readable by everybody. It lies
 * in libsodium's guarded memory; sodium_free() it. NULL with the end of a sentence in `*error_r`.
 * An empty password is refused: a server would take it for an anonymous client, which may see less.
 */
char *password_load(const char *path, const char **error_r);

/* Overwrites the password with stars wherever `text` contains it. A password of fewer than four
 * octets is left: it may stand there by chance, and the stars would reveal it. NULL: no password.
 */
void password_blot(char *text, const char *password);

#endif
