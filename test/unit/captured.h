// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_CAPTURED_H
#define VERIMAIL_TEST_CAPTURED_H

#include <stddef.h>

/* Standard error, caught in a pipe for a while. A test must end this before it fails: the sentence
 * would be caught too. What cannot be done ends the test program. */
struct captured {
    int kept; /* standard error as it was */
    int pipe; /* what is read from it; not blocking */
};

struct captured captured_begin(void);
/* What was written so far, NUL-terminated; returns its length, at most `size - 1`. */
size_t captured_read(struct captured *captured, char *room_r, size_t size);
/* Standard error is again what it was. */
void captured_end(struct captured *captured);

#endif
