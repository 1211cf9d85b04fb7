// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SANDBOX_H
#define VERIMAIL_PROCESS_SANDBOX_H

#include <stdbool.h>

/* Shuts a worker in: from here on it talks over the descriptors that it has and accepts, and asks
 * the kernel for memory and the time. Any other system call kills it (SIGSYS). False with errno;
 * the process should then end. */
bool sandbox_enter_worker(void) __attribute__((warn_unused_result));

/* Shuts the milter process in, with all its threads: it may make threads, talk to mail servers, to
 * name servers and to services, and ask for memory and the time. Nothing else, no file among it, is
 * there any more (EPERM): libraries that try something more go on without. False with errno. */
bool sandbox_enter_milter(void) __attribute__((warn_unused_result));

#endif
