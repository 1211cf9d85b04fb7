// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_RUN_AS_H
#define VERIMAIL_CONFIG_RUN_AS_H

#include "base/keyfolder.h"
#include "config/config.h"
#include "config/problems.h"
#include "process/identity.h"

/* The option `run_as`: the user that processes become. False when that cannot be: `problems` then
 * says why. */
bool run_as_find(const struct config_text *run_as, struct identity *identity_r,
        struct problems *problems) __attribute__((warn_unused_result));

/* Warns root of a file that the user cannot read: under systemd a daemon is that user from the
 * beginning. `line` is where the configuration names the file, 0 for the configuration itself.
 * Tries it in a child that becomes the user. Does nothing for any user but root. */
void run_as_check_file(
        const char *run_as, const char *path, unsigned line, struct problems *warnings);
/* Warns of a folder in which that user cannot make files, or of the folder of a socket `unix:PATH`.
 * Says so to root and to that user. */
void run_as_check_folder(
        const char *run_as, const char *path, unsigned line, struct problems *warnings);
void run_as_check_socket(
        const char *run_as, const char *socket, unsigned line, struct problems *warnings);
/* The same as for a file for all that keyfolder_list() finds at the path, and the folder. */
void run_as_check_keys(const char *run_as, const char *path, enum key_kind kind, unsigned line,
        struct problems *warnings);

#endif
