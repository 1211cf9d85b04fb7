// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_SECTION_H
#define VERIMAIL_CONFIG_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/option_type.h"

#define SECTION_OPTIONS_MAX 64 /* in one section */

/* One option of a section: where its value lies in the section's struct. */
struct option {
    const char *name;
    const struct option_type *type;
    size_t offset;
    bool is_list;         /* struct config_list at `offset`; the type must be a text */
    const char *fallback; /* the default, written as in the file, a list with commas; NULL: zero
                           * or empty */
    const char *required; /* a line that the file must have, as an example; NULL: optional */
    size_t given;         /* offset of a bool: whether the file has the option; 0: none */
};

/* A section: `name "title" { options, sections within }`. Its struct begins with an unsigned, the
 * line on which it ends. */
struct section {
    const char *name;
    const struct option_type *title; /* NULL: no title, and there may be only one such section */
    bool title_is_optional;
    size_t title_offset;
    const struct option *options; /* ends with a NULL name */
    size_t size;                  /* of its struct */
    const struct section *within; /* sections inside, ends with a NULL name; NULL: none */
    size_t array; /* offset in its parent's struct: a pointer to an array of these */
    size_t count; /* offset in its parent's struct: the array's size_t count */
};

/* The whole file: a section without name and options, whose struct is struct config. */
extern const struct section section_root;

/* NULL when the section has none of that name. */
const struct option *section_option(const struct section *section, const char *name);
const struct section *section_within(const struct section *section, const char *name);

/* What an error says was expected instead of `name`, which `section` does not have: the section
 * that has it, or a name that is spelled nearly so. */
#define SECTION_ADVICE_MAX 256
void section_advise(
        const struct section *section, const char *name, char advice_r[SECTION_ADVICE_MAX]);

/* Sets the defaults in a struct that is all zero. False when out of memory. */
bool section_defaults(const struct section *section, void *values)
        __attribute__((warn_unused_result));
/* Frees what a section's struct holds, not the struct. */
void section_clear(const struct section *section, void *values);
/* How many such sections are in `parent`. */
size_t section_count(const struct section *section, const void *parent);
/* The first of them; NULL when there is none. */
void *section_array(const struct section *section, const void *parent);
/* Appends a copy of `values` to the array in `parent`. False when out of memory. */
bool section_append(const struct section *section, const void *values, void *parent)
        __attribute__((warn_unused_result));

#endif
