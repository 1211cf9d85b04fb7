// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SANDBOX_H
#define VERIMAIL_PROCESS_SANDBOX_H

#include <stdbool.h>

/* Shuts a worker in: from here on it talks over the descriptors that it has and accepts, and asks
 * the kernel for memory and the time. Any other system call kills it (SIGSYS). False with errno;
 * the process should then end. */
bool sandbox_enter_worker(void) __attribute__((warn_unused_result));

#endif
