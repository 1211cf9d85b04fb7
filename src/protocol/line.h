// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_LINE_H
#define VERIMAIL_PROTOCOL_LINE_H

#include <stdbool.h>

#include "protocol/text.h"

#define LINE_NAMES_MAX 32 /* names in one line; more are malformed */

/* What a question and an answer have in common (design, section 2): words with one SP between
 * them, the last of which are names with values.
 *
 *     line = word *( SP word ) *( SP name "=" value )
 *     word, value = 1*VCHAR
 *     name = 1*( ALPHA / DIGIT / "-" / "_" )
 *
 * After the first error every step gives nothing, and `failed` stays: check it once, at the end.
 * All texts are borrowed from the line. */
struct line {
    struct reader words;
    bool failed;
    size_t names;
    struct text name[LINE_NAMES_MAX]; /* those seen so far */
};

/* `content`: the line without its end. */
void line_init(struct line *line, struct text content);
/* The next word; empty behind the last one. */
struct text line_word(struct line *line);
/* The next name and its value; false behind the last one. It fails when this is not a name and
 * a value, or when the same name was there before (case counts). */
bool line_name(struct line *line, struct text *name_r, struct text *value_r);

#endif
