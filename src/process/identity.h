// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_IDENTITY_H
#define VERIMAIL_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

/* The user that a process becomes. Names are looked up at the start: later there is no file. */
struct identity {
    bool is_root; /* this process is root and becomes `uid` and `gid`, else it stays who it is */
    uid_t uid;
    gid_t gid;
};

/* `user`: its name in the user database. False when this process is root and there is no such user,
 * or it is root itself. */
bool identity_find(const char *user, struct identity *identity_r)
        __attribute__((warn_unused_result));
/* An empty folder that no longer has a name: nothing can ever be made in it. Returns a descriptor,
 * or -1 with errno. */
int identity_empty_folder(void);

/* As root: changes the root to the empty folder and becomes `identity`, without any other group.
 * For every user: no capabilities, no new privileges, no core dump, not traceable. False with
 * errno. */
bool identity_become(const struct identity *identity, int empty_folder)
        __attribute__((warn_unused_result));
/* The same in two steps, between which files can be opened. After the first there is no way back to
 * root, whatever the files hold: only the right to change the root folder is left until the second.
 */
bool identity_yield(const struct identity *identity) __attribute__((warn_unused_result));
bool identity_shut_in(const struct identity *identity, int empty_folder)
        __attribute__((warn_unused_result));
/* The same, but the root folder stays: for a process that needs files. */
bool identity_drop(const struct identity *identity) __attribute__((warn_unused_result));

/* As root, for a moment: makes files and sockets as `identity` would. identity_return() is root
 * again; an attacker who takes the process over in between can be too. Both do nothing for other
 * users. False with errno. */
bool identity_assume(const struct identity *identity) __attribute__((warn_unused_result));
bool identity_return(const struct identity *identity) __attribute__((warn_unused_result));

/* No more processes, and so no more threads either. False with errno. */
bool identity_stay_alone(void) __attribute__((warn_unused_result));

#endif
