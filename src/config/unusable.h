// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_UNUSABLE_H
#define VERIMAIL_CONFIG_UNUSABLE_H

#include "config/problems.h"

/* A file or folder that the configuration names cannot be used. */
struct unusable {
    unsigned line;     /* on which it is named */
    const char *which; /* "service key" */
    const char *path;
    const char *error;    /* why: the end of a sentence */
    const char *expected; /* what would be good */
};

#define UNUSABLE_REMEDY_MAX 9216 /* octets with a NUL */

enum unusable_access {
    UNUSABLE_READ,       /* a file, or the files of a folder */
    UNUSABLE_MAKE_FILES, /* in a folder */
};

/* Whether the user of this process may access the path. If not, errno says why, and `remedy_r` has
 * what is expected: commands for root. */
bool unusable_try(
        const char *path, enum unusable_access access, char remedy_r[UNUSABLE_REMEDY_MAX]);

/* Adds the problem "unusable WHICH (ERROR): PATH: expected EXPECTED". errno: 0, or what the call
 * said that failed. Where that is EACCES, the commands stand there that let this process's user
 * in. */
void unusable_add(struct problems *problems, const struct unusable *unusable);
/* The same for the configuration file itself: "cannot be read: ERROR". */
void unusable_add_config(struct problems *problems, const char *path);

#endif
