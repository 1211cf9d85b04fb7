// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_EDIT_H
#define VERIMAIL_CONFIG_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"
#include "protocol/text.h"

/* The text of a configuration file in which single options and sections are changed. Every other
 * octet stays: comments, order, white space. */
struct edit;

/* The way to a section from the outside in; ends with a step without a section. */
struct edit_step {
    const char *section; /* "domain"; NULL: the end */
    const char *title;   /* as config_read() gives it; NULL: such sections have none */
};

/* An option or a section in the text, as offsets. */
struct edit_place {
    size_t begin;  /* of its name */
    size_t value;  /* of an option's value, or of a section's `{` */
    size_t end;    /* behind the value, or behind the section's `}` */
    unsigned line; /* on which the name is */
};

/* Copies the text. NULL when out of memory. */
struct edit *edit_init(struct text text);
void edit_free(struct edit **edit);
/* Borrowed until the next change. */
struct text edit_text(const struct edit *edit);
struct text edit_text_at(const struct edit *edit, const struct edit_place *place);

/* False when the text has no such section or option, or cannot be read so far; or out of memory. */
bool edit_find_section(
        const struct edit *edit, const struct edit_step *path, struct edit_place *place_r);
bool edit_find_option(const struct edit *edit, const struct edit_step *path, const char *option,
        struct edit_place *place_r);

/* Each change makes places that were found before it void. False when out of memory, or there is no
 * such section: nothing is then changed. */

bool edit_replace(struct edit *edit, size_t begin, size_t end, struct text by)
        __attribute__((warn_unused_result));
/* Removes an option or a section: with its line if it stands there alone. */
bool edit_remove(struct edit *edit, const struct edit_place *place)
        __attribute__((warn_unused_result));
/* Makes `item`, an option with its value or a section, the last one in the section. An empty path
 * is the end of the file. */
bool edit_append(struct edit *edit, const struct edit_step *path, const char *item)
        __attribute__((warn_unused_result));
/* Gives an option a value, written as in the file: in place of the one it has, or as a new last
 * option. */
bool edit_set(struct edit *edit, const struct edit_step *path, const char *option,
        const char *value) __attribute__((warn_unused_result));

/* Reads a file; NULL with errno. */
struct edit *edit_load(const char *path);

#define EDIT_PATH_MAX 4096
/* Puts the text in place of the file that edit_load() read from `path`, in one step, with the same
 * owner and mode. Links are followed. What the file was stays beside it under a name with the date,
 * `copy_r`. False with errno, EAGAIN if somebody else changed the file meanwhile: it is then as it
 * was. */
bool edit_save(const struct edit *edit, const char *path, char copy_r[EDIT_PATH_MAX])
        __attribute__((warn_unused_result));

#endif
