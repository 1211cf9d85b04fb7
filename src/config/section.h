// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_SECTION_H
#define VERIMAIL_CONFIG_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "config/option_type.h"

/* One option of a section: where its value lies in the section's struct. */
struct option {
    const char *name;
    const struct kind *kind;
    size_t offset;
    bool is_list;         /* struct config_list at `offset`; the kind must be a text */
    const char *fallback; /* the default, written as in the file, a list's with commas; NULL: zero
                           * or empty */
    size_t given;         /* offset of a bool: whether the file had it; 0: nobody asks */
};

/* A section: `name "title" { options, sections within }`. Its struct begins with an unsigned, the
 * line on which it ends. */
struct section {
    const char *name;
    const struct kind *title; /* NULL: it has none, and there may be only one such section */
    size_t title_offset;
    const struct option *options; /* ends with a NULL name */
    size_t size;                  /* of its struct */
    const struct section *within; /* sections inside, ends with a NULL name; NULL: none */
    size_t array; /* offset in its parent's struct: a pointer to an array of these */
    size_t count; /* offset in its parent's struct: the array's size_t count */
};

/* The file's sections, ending with a NULL name; they lie in struct config. */
extern const struct section sections[];

const struct option *section_option(const struct section *section, const char *name);

/* Sets the defaults in a struct that is all zero. False when out of memory. */
bool section_defaults(const struct section *section, void *values)
        __attribute__((warn_unused_result));
/* Frees what a section's struct holds, not the struct. */
void section_clear(const struct section *section, void *values);
/* Appends a copy of `values` to the array in `parent`. False when out of memory. */
bool section_append(const struct section *section, const void *values, void *parent)
        __attribute__((warn_unused_result));

#endif
