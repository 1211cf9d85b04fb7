// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_NOTE_H
#define VERIMAIL_REPORT_NOTE_H

#include <jansson.h>
#include <stdio.h>

#include "protocol/text.h"

/* The notes of a list's entries: a few things with commas between. Texts from strangers are
 * escaped. What is empty is left out. */

struct text note_text(const json_t *entry, const char *key);
void note_put(FILE *out, const char *before, struct text t);
/* A word of the record, by its meaning if that is known. */
void note_put_word(FILE *out, const char *meaning, struct text word);
void note_put_count(
        FILE *out, const char *before, const json_t *entry, const char *key, const char *after);
void note_put_minute(FILE *out, const char *before, const json_t *entry, const char *key);

#endif
