// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_LINES_H
#define VERIMAIL_REPORT_LINES_H

#include <stdbool.h>
#include <stdio.h>

/* Fills lines with words, for a terminal of a width: what does not fit continues on the next line,
 * and nothing is cut. Texts are printable ASCII. */
struct lines {
    unsigned width;  /* columns */
    unsigned indent; /* of the lines that continue it */
    unsigned used;   /* columns of the line so far */
    unsigned gap;    /* spaces between words; 0: one */
    bool padded;     /* `pad` spaces stand in front of the next word, in place of the gap */
    unsigned pad;
    FILE *out;
};

/* Adds the words of a text. A word that fits no line is broken where the line ends. */
void lines_put(struct lines *lines, const char *text);
/* Adds a text as one word, with its spaces. */
void lines_put_whole(struct lines *lines, const char *text);
/* Adds spaces up to this column, or one if it is passed. */
void lines_pad(struct lines *lines, unsigned column);
/* Begins a line that continues this one. */
void lines_break(struct lines *lines);
/* Ends the line. */
void lines_end(struct lines *lines);

#endif
