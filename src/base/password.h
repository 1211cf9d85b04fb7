// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_PASSWORD_H
#define VERIMAIL_BASE_PASSWORD_H

#include <stddef.h>

/* The password in the first line of a file that not everybody may read, in libsodium's guarded
 * memory; sodium_free() it. NULL with a sentence's end in `*error_r`; an empty one is none: to a
 * server it would mean nobody, who may see less. */
char *password_load(const char *path, const char **error_r);

/* Makes stars of the password wherever `text` has it. One of less than four octets stays: where it
 * stands by chance, the stars would show it. NULL: none. */
void password_blot(char *text, const char *password);

#endif
