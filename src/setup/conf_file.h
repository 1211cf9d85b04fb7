// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_CONF_FILE_H
#define VERIMAIL_SETUP_CONF_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "config/edit.h"

/* A configuration file that is to be changed, or made. */
struct conf_file {
    const char *path;
    bool is_new; /* there is no such file yet */
    char *before;
    struct edit *edit;        /* what it is to become */
    char copy[EDIT_PATH_MAX]; /* the copy of what it was, after conf_file_write(); "": none */
};

#define CONF_FILE_ERROR_MAX (EDIT_PATH_MAX + 256) /* octets with a NUL */

/* False with a sentence. Call conf_file_free() in either case. */
bool conf_file_read(const char *path, struct conf_file *file_r, char error_r[CONF_FILE_ERROR_MAX])
        __attribute__((warn_unused_result));
void conf_file_free(struct conf_file *file);

bool conf_file_is_changed(const struct conf_file *file);
/* Prints what is changed, each line behind `margin`: a new file as it is, else as diff(1) does. */
void conf_file_print_change(const struct conf_file *file, const char *margin, FILE *out);

/* Adds a text to a list, in front. False as edit_set(). */
bool conf_file_add_text(struct conf_file *file, const struct edit_step *path, const char *option,
        const char *text) __attribute__((warn_unused_result));

/* Puts it in its place, all or nothing; what was there stays as a copy beside it. Does nothing when
 * nothing is changed. A new file is root's, for all to read. False with a sentence. */
bool conf_file_write(struct conf_file *file, char error_r[CONF_FILE_ERROR_MAX])
        __attribute__((warn_unused_result));
/* Undoes conf_file_write(). */
bool conf_file_restore(struct conf_file *file, char error_r[CONF_FILE_ERROR_MAX])
        __attribute__((warn_unused_result));

#endif
