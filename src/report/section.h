// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_SECTION_H
#define VERIMAIL_REPORT_SECTION_H

#include <jansson.h>
#include <stdint.h>

#include "protocol/text.h"

#define SECTION_NOTE_MAX 96 /* octets with a NUL */

/* A list of a report: the meaning of its entries, and their place in the JSON. The text and the
 * page show the same lists. */
struct section {
    const char *title;
    const char *about;   /* one sentence that explains it */
    const char *heading; /* heading of the entries' column */
    const char *within;  /* the member that the list is in; NULL: the report */
    const char *list;
    const char *key;     /* the member that names an entry */
    const char *verdict; /* only entries with this verdict; NULL: all */
    const char *none;    /* shown instead of an empty list; NULL: an empty list is not shown */
};

#define SECTIONS_COUNT 11
/* The sections of this report, in their order. Returns how many. */
size_t section_list(const json_t *report, const struct section *sections_r[SECTIONS_COUNT]);

/* Entry `i` of the section, the largest first; NULL after the last. */
const json_t *section_entry(const struct section *section, const json_t *report, size_t i);
struct text section_name(const struct section *section, const json_t *entry);
uint64_t section_questions(const json_t *entry);
/* A note on the entry; may be empty. It may contain a stranger's octets. */
void section_note(
        const struct section *section, const json_t *entry, char note_r[SECTION_NOTE_MAX]);
/* The text that is shown when there is no entry. */
const char *section_none(const struct section *section, const json_t *report);

#endif
