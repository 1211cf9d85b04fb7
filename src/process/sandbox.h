// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SANDBOX_H
#define VERIMAIL_PROCESS_SANDBOX_H

#include <stdbool.h>

/* What a worker may do beyond answering. */
struct sandbox_worker {
    bool files;   /* read, write and enlarge the files that it has open */
    bool network; /* connect to a store of replay counts */
};

/* Shuts a worker in: from here on it talks over the descriptors that it has and accepts, and asks
 * the kernel for memory and the time. Any other system call kills it (SIGSYS). False with errno;
 * the process should then end. */
bool sandbox_enter_worker(const struct sandbox_worker *may) __attribute__((warn_unused_result));

/* Shuts the recorder in, with all its threads: it may open files and connections, but start no
 * program, and touch no other process. What is not there any more is EPERM. False with errno. */
bool sandbox_enter_recorder(void) __attribute__((warn_unused_result));

/* Shuts the milter process in, with all its threads: it may make threads, talk to mail servers, to
 * name servers and to services, and ask for memory and the time. Nothing else, no file among it, is
 * there any more (EPERM): libraries that try something more go on without. False with errno. */
bool sandbox_enter_milter(void) __attribute__((warn_unused_result));

#endif
