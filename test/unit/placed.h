// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_PLACED_H
#define VERIMAIL_TEST_PLACED_H

#include "folder.h"
#include "milter/socket.h"

/* A folder that everybody may pass through, and a socket in it. */
struct placed {
    struct folder folder;
    char path[FOLDER_PATH_MAX];
    char option[FOLDER_PATH_MAX + 16];
    struct config_milter milter;
    gid_t group;
    char cause[SOCKET_CAUSE_MAX];
};

/* `place_r` stays where it is: the configuration points into it. */
void placed_make(struct placed *place_r, unsigned mode);
void placed_end(struct placed *place);
/* libmilter opens one socket in a process's life. */
bool placed_open(struct placed *place);
/* For child_end(): true when a `struct placed` cannot be opened. */
bool placed_refuses(void *context);

/* A socket of this kind that is bound there; listens when `backlog` is not negative. */
int placed_bind(const char *path, int kind, int backlog);
/* One that listens at a port of the kernel's choice; -1: not at this address. */
int placed_listen(const char *address, int family, uint16_t *port_r);

#endif
