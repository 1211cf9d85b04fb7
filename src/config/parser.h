// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_PARSER_H
#define VERIMAIL_CONFIG_PARSER_H

#include "config/config.h"
#include "config/problems.h"

/* Reads `text` (made ready by source_prepare()) into a struct config by the tables of section.h.
 * NULL when out of memory or a syntax error ended the reading; wrong values are in `problems`
 * all the same, and leave their default in place. */
struct config *reading_do(const char *text, struct problems *problems);

#endif
