// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_CLIENT_H
#define VERIMAIL_COMMAND_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/answer.h"
#include "protocol/text.h"

#define CLIENT_PORT "26"
#define CLIENT_HOST_MAX 254  /* octets with a NUL */
#define CLIENT_CAUSE_MAX 160 /* the same */

struct client_server {
    char host[CLIENT_HOST_MAX]; /* a name, or an address without brackets */
    char port[6];
};

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
bool client_parse(const char *text, struct client_server *server_r)
        __attribute__((warn_unused_result));

/* What came until the server closed; one octet more than an answer may have. */
struct client_reply {
    size_t len;
    char octets[ANSWER_MAX + 1];
};

/* Looks the name up, connects, sends and reads, all before `deadline` (clock_milliseconds()). The
 * addresses are tried one after the other; at most four. False with why in `cause_r`. */
bool client_ask(const struct client_server *server, struct text line, uint64_t deadline,
        struct client_reply *reply_r, char cause_r[CLIENT_CAUSE_MAX])
        __attribute__((warn_unused_result));

#endif
