// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_PORT_HOLDER_H
#define VERIMAIL_BASE_PORT_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

/* A process that listens at a TCP port of this machine. */
struct port_holder {
    pid_t pid;
    char name[32]; /* as ps(1) shows it */
};

/* Looks for one in /proc. False when there is none, or this process may not see whose it is: root
 * may. */
bool port_holder_find(unsigned port, struct port_holder *holder_r)
        __attribute__((warn_unused_result));

/* Whether the holder's name is that of `program`. */
bool port_holder_is_named(const char *holder, const char *program);
/* Whether a process of that name runs. Everybody may see that. */
bool port_holder_runs(const char *program);

#endif
