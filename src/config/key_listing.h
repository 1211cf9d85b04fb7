// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_KEY_LISTING_H
#define VERIMAIL_CONFIG_KEY_LISTING_H

#include <stdio.h>

#include "protocol/key.h"

/* Prints `read: FILE`, a line each, for the key files that an option names, at most `most` of them.
 * Nothing for the text of a key. */
void key_listing_print(FILE *out, const char *option, enum key_kind kind, size_t most);

#endif
