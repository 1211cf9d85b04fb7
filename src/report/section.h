// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_SECTION_H
#define VERIMAIL_REPORT_SECTION_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/text.h"
#include "report/bars.h"

#define SECTION_NOTE_MAX 640  /* octets with a NUL */
#define SECTION_ADVICES_MAX 8 /* of a section */
#define SECTION_MOST 20       /* of a part */

/* A list of a report: the meaning of its entries, their place in the JSON, and what to do about
 * them. The text and the page show the same lists. */
struct section {
    const char *title;
    const char *about;     /* what it lists */
    const char *heading;   /* of the entries' column */
    const char *path;      /* of the list within its part: "refused.own.stamped" */
    const char *key;       /* the member that names an entry */
    const char *unnamed;   /* the name of an entry that has none; NULL: it always has one */
    const char *not_known; /* the sentence for a list that is null; NULL: it never is */
    const char *verdict;   /* only entries with this verdict; NULL: all */
    const char *look;      /* of its bars: "no", "allow", "other" ... */
    const char *value;     /* the member that is shown as a number */
    const char *unit;      /* its heading: "Questions" */
    /* Writes what is to know about an entry; NULL: nothing. */
    void (*note)(const json_t *entry, FILE *out);
    /* What to do about an entry; empty: nothing. NULL: `next` says it. */
    const char *(*advice)(const json_t *entry);
    const char *next; /* what to do, whatever the entries are; NULL: `advice` says it */
};

/* One of the two records that a report is about. */
struct section_part {
    const char *name; /* the member of the report: "service" */
    const char *title;
    const struct section *sections;
    size_t count;
};

extern const struct section_part service_sections;
extern const struct section_part mail_sections;

/* Entry `i` of the section in its part of a report, the largest first; NULL after the last. */
const json_t *section_entry(const struct section *section, const json_t *part, size_t i);
struct text section_name(const struct section *section, const json_t *entry);
uint64_t section_value(const struct section *section, const json_t *entry);
/* The sections whose lists are known and empty. Returns how many. */
size_t section_empty(const struct section_part *kind, const json_t *part,
        const struct section *empty_r[SECTION_MOST]);
/* Why the list is not known; NULL: it is known. */
const char *section_not_known(const struct section *section, const json_t *part);
/* A note on the entry, printable ASCII; may be empty. */
void section_note(
        const struct section *section, const json_t *entry, char note_r[SECTION_NOTE_MAX]);
/* What to do about the first `entries` entries, each advice once. Returns how many. */
size_t section_advices(const struct section *section, const json_t *part, size_t entries,
        const char *advices_r[SECTION_ADVICES_MAX]);

#endif
