// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_CONFIGFILE_H
#define VERIMAIL_CONFIG_CONFIGFILE_H

#include "config/config.h"
#include "config/problems.h"

/* Reads and checks the whole file. NULL when anything is wrong: `problems` then says what, and
 * where. Key files are not opened. Not to be called by two threads at once (libconfuse hands no
 * context to its callbacks). */
struct config *configfile_read(const char *path, struct problems *problems);
/* The same for what such a file holds, for a process that is handed it. The lines that `problems`
 * names are those of `text`. */
struct config *configfile_parse(const char *text, size_t len, struct problems *problems);

#endif
