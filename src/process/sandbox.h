// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SANDBOX_H
#define VERIMAIL_PROCESS_SANDBOX_H

#include <stdbool.h>

/* What a worker may do besides answering questions. */
struct sandbox_worker {
    bool files;   /* read, write and enlarge the files that it has open */
    bool network; /* connect to a store of replay counts */
};

/* Restricts a worker to the descriptors that it has and accepts, memory and the time. Any other
 * system call kills it (SIGSYS). False with errno; the process should then end. */
bool sandbox_enter_worker(const struct sandbox_worker *may) __attribute__((warn_unused_result));

/* Restricts the recorder, with all its threads: it may open files and connections. It may not start
 * a program or touch another process: those system calls fail with EPERM. False with errno. */
bool sandbox_enter_recorder(void) __attribute__((warn_unused_result));

/* Restricts the milter process, with all its threads: it may make threads, talk to mail servers,
 * name servers and services, and use memory and the time. Everything else fails with EPERM, files
 * included: libraries that try it go on without. False with errno. */
bool sandbox_enter_milter(void) __attribute__((warn_unused_result));

/* Why a child died, from its status as waitpid(2) has it: a sentence for the log if a filter for
 * system calls killed it, else NULL. Only the kernel's log names the call. */
const char *sandbox_death(int status);

#endif
