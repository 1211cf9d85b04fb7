// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_CHILD_H
#define VERIMAIL_TEST_CHILD_H

#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `act` in a process of its own, for what cannot be taken back. Returns how it ended, as
 * waitpid(2) says it: 0 when `act` returned true, an exit with status 1 when it returned false. */
static inline int child_end(bool (*act)(void *), void *context)
{
    static const struct rlimit no_core;
    int status = -1;
    const pid_t child = fork();

    if (child < 0)
        abort();
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        _exit(act(context) ? 0 : 1);
    }
    if (waitpid(child, &status, 0) != child)
        abort();
    return status;
}

#endif
