// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_LENIENT_H
#define VERIMAIL_PROTOCOL_LENIENT_H

#include "protocol/text.h"

/* What mail readers and servers can make of the text of a From field that does not parse. */

/* Maps each character by UTS 46, as far as the result is ASCII or nothing: letters in lower case,
 * full-width ones in ASCII, U+3002 as a dot. `ignored` stands for what is mapped to nothing.
 * Controls are spaces. What is no UTF-8 is U+FFFD. The result is that of `w`, which needs four
 * times the room. */
struct text lenient_map(struct text t, const char *ignored, struct writer *w);

/* What becomes of comments, white space, quotes and backslashes. */
enum lenient_strip {
    LENIENT_ALL,       /* all go: `admin@(x) le"git".test` */
    LENIENT_BUT_WHITE, /* white space divides: `admin@le"git".test Name` */
    LENIENT_AT_DOTS,   /* those beside a dot or `@` go, others divide: `admin@ legit.test"Name"`;
                          `<` and `>` are like these: `admin@legit>.test` */
    LENIENT_NOTHING,   /* all divide, and comments are read */
    LENIENT_STRIPS,
};

/* Whether an unescaped quote follows the one that `t` begins with. */
bool lenient_quote_closes(struct text t);

/* Strips a text that was mapped. A space stands where something divides. */
struct text lenient_strip(struct text mapped, enum lenient_strip strip, struct writer *w);

#endif
