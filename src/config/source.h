// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_SOURCE_H
#define VERIMAIL_CONFIG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"

#define SOURCE_MAX 67108864 /* octets of a configuration file */

/* The text of a configuration file, made ready for libconfuse: comments are blanked (its line
 * counter is wrong after one), and what it would do behind the writer's back is refused. It loses
 * what follows a NUL or a `\0`, takes `${NAME}` from the environment, drops `*` and `+` outside of
 * quotes, and the end of the file for all the `}` that are missing. NULL when there was a problem,
 * which is then in `problems`; else the caller frees it. */
char *source_read(const char *path, struct problems *problems);

/* The same for a text in memory of `len` octets, followed by a NUL, which is changed in place.
 * Returns whether it can be used. */
bool source_prepare(char *text, size_t len, struct problems *problems)
        __attribute__((warn_unused_result));

#endif
