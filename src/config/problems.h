// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_PROBLEMS_H
#define VERIMAIL_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "protocol/text.h"

/* What is wrong with a configuration, collected so that all of it is said in one go. */
struct problems;

struct problems *problems_init(const char *path); /* NULL when out of memory; path is borrowed */
void problems_free(struct problems **problems);

#define PROBLEMS_STARS "***" /* in place of a secret */

/* Adds `PATH:LINE: what: value: expected ...`. Octets of `what` and `value` that are not printable
 * are escaped, and each is cut after 200. A password or a secret key in `value` is not shown.
 * `value` and `expected` may be NULL. Line 0 is not printed: the problem is the whole file's. */
void problems_add(struct problems *problems, unsigned line, const char *what, const char *value,
        const char *expected);

/* The same for what has no place in the file and may be over in a moment, such as a lack of memory.
 */
void problems_add_passing(struct problems *problems, const char *what);
void problems_add_memory(struct problems *problems); /* "out of memory" */
/* The problem that was added last comes from this errno, which may be over in a moment, or not. */
void problems_note_errno(struct problems *problems, int error);
/* Whether one of them may be over in a moment: the same file may be good then. */
bool problems_are_passing(const struct problems *problems);

/* Adds those of another file, which stay in `others` too. */
void problems_join(struct problems *problems, struct problems *others);
/* Adds what another process's problems_text() said: a problem for each line. */
void problems_add_lines(struct problems *problems, struct text lines);

size_t problems_count(const struct problems *problems);
/* All of them, a line each with its line end; borrowed. When they did not fit into memory: that. */
const char *problems_text(struct problems *problems);
/* A line of the log for each. */
void problems_log(struct problems *problems, enum log_level level, const char *event);

#endif
