// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_CAPTURE_H
#define VERIMAIL_TEST_CAPTURE_H

#include <stddef.h>

/* Standard error, caught in a pipe for a while. A test must end this before it fails: the sentence
 * would be caught too. What cannot be done ends the test program. */
struct capture {
    int kept; /* standard error as it was */
    int pipe; /* what is read from it; not blocking */
};

struct capture capture_begin(void);
/* What was written so far, NUL-terminated; returns its length, at most `size - 1`. */
size_t capture_read(struct capture *capture, char *buffer_r, size_t size);
/* Standard error is again what it was. */
void capture_end(struct capture *capture);

#endif
