// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_SECTION_H
#define VERIMAIL_REPORT_SECTION_H

#include <jansson.h>
#include <stdint.h>

#include "protocol/text.h"

#define SECTION_NOTE_MAX 96 /* octets with a NUL */

/* A list of a report: what its entries are, and where they lie in the JSON. The text and the page
 * show the same lists. */
struct section {
    const char *title;
    const char *about;   /* one sentence for who does not know */
    const char *heading; /* of what is listed */
    const char *within;  /* the member that the list is in; NULL: the report */
    const char *list;
    const char *key;     /* what an entry is called by */
    const char *verdict; /* entries of this one only; NULL: all */
    const char *none;    /* instead of a list without entries */
};

#define SECTIONS_COUNT 8
extern const struct section sections_of_report[SECTIONS_COUNT];

/* Entry `i` of those that belong to the section, the largest first; NULL behind the last. */
const json_t *section_entry(const struct section *section, const json_t *report, size_t i);
struct text section_name(const struct section *section, const json_t *entry);
uint64_t section_questions(const json_t *entry);
/* What else there is to say of the entry; may be empty. It may have a stranger's octets. */
void section_note(
        const struct section *section, const json_t *entry, char note_r[SECTION_NOTE_MAX]);
/* What stands there when there is no entry. */
const char *section_none(const struct section *section, const json_t *report);

#endif
