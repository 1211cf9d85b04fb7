// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_SOCKET_H
#define VERIMAIL_TEST_FIXTURE_SOCKET_H

#include "folder.h"
#include "milter/socket.h"

/* A folder that everybody may pass through, and a socket in it. */
struct fixture_socket {
    struct folder folder;
    char path[FOLDER_PATH_MAX];
    char option[FOLDER_PATH_MAX + 16];
    struct config_milter milter;
    gid_t group;
    char cause[SOCKET_ERROR_MAX];
};

/* `place_r` stays where it is: the configuration points into it. */
void fixture_socket_make(struct fixture_socket *place_r, unsigned mode);
void fixture_socket_end(struct fixture_socket *place);
/* libmilter opens one socket in a process's life. */
bool fixture_socket_open(struct fixture_socket *place);
/* For child_end(): true when a `struct fixture_socket` cannot be opened. */
bool fixture_socket_refuses(void *context);

/* A socket of this kind that is bound there; listens when `backlog` is not negative. */
int fixture_socket_bind(const char *path, int kind, int backlog);
/* One that listens at a port of the kernel's choice; -1: not at this address. */
int fixture_socket_listen(const char *address, int family, uint16_t *port_r);

#endif
