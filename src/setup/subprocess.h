// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_SUBPROCESS_H
#define VERIMAIL_SETUP_SUBPROCESS_H

#include <stdbool.h>

#include "protocol/text.h"

#define SUBPROCESS_TIMEOUT 60 /* seconds */

/* How a program of this machine ended. */
struct subprocess {
    enum subprocess_how {
        SUBPROCESS_EXITED,    /* `code`: its exit status */
        SUBPROCESS_SIGNALLED, /* `code`: the signal that killed it */
        SUBPROCESS_LATE,      /* it was killed after SUBPROCESS_TIMEOUT */
        SUBPROCESS_MISSING,   /* there is no such program */
        SUBPROCESS_FAILED,    /* it could not be started; `code`: errno */
    } how;
    int code;
    char *output; /* what it said on standard output, with a NUL; NULL: out of memory */
    char *errors; /* the same of standard error */
};

/* The programs of an administrator are looked for, too: a shell that su(1) started may lack their
 * folders in PATH. Call it once, before any thread. */
void subprocess_extend_path(void);

/* Runs `argv`, which ends with a NULL: a program of PATH without a shell. It reads `input`. True
 * when it ended with status 0. Call subprocess_free() in either case. */
bool subprocess_run(const char *const *argv, struct text input, struct subprocess *subprocess_r);
void subprocess_free(struct subprocess *subprocess);

/* What became of it, as the rest of a sentence: "ended with status 1: the last line it said". */
#define SUBPROCESS_TEXT_MAX 512
void subprocess_text(const struct subprocess *subprocess, char text_r[SUBPROCESS_TEXT_MAX]);

#endif
