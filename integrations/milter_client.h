// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_CLIENT_H
#define VERIMAIL_MILTER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The mail server's side of the milter protocol, version 6, for mail servers that do not speak it
 * themselves. It needs libc alone, never ends the process, and raises no signal.
 *
 * One client is one message over one connection. Calls block, until one deadline for all of them.
 * A client belongs to one thread at a time; different threads may have different clients.
 *
 *     struct milter_client *client = milter_client_open("unix:/run/verimail/milter.sock", 30000);
 *     milter_client_mail(client, &mail);
 *     milter_client_recipient(client, "bob@example.net");
 *     milter_client_field(client, "From", 4, " alice@example.org", 18);
 *     milter_client_header_end(client);
 *     milter_client_body(client, "Hello\r\n", 7);
 *     switch (milter_client_end(client)) { ... }
 *     milter_client_free(&client);
 *
 * Errors stay: after the first one, the other calls do nothing and milter_client_end() answers
 * MILTER_CLIENT_TEMPFAIL. NULL is a client that is out of memory, and each call takes it. */
struct milter_client;

#define MILTER_CLIENT_FIELD_MAX (1u << 20)   /* octets of a field, of its name and its value */
#define MILTER_CLIENT_REPLIES_MAX (4u << 20) /* octets of all edits that the filter may ask for */
#define MILTER_CLIENT_REPLY_MAX 512          /* octets of an SMTP reply, with a NUL */

enum milter_client_verdict {
    MILTER_CLIENT_TEMPFAIL, /* milter_client_reply() begins with 4; maybe milter_client_error() */
    MILTER_CLIENT_REJECT,   /* milter_client_reply() begins with 5 */
    MILTER_CLIENT_ACCEPT,   /* with the edits, and maybe milter_client_quarantine() */
};

/* Where a message comes from. Only `sender` must be there. */
struct milter_client_mail {
    const char *daemon_name;    /* the listener's name; macro {daemon_name} */
    const char *client_name;    /* NULL: the address, or `localhost` if there is none */
    const char *client_address; /* of IPv4 or IPv6, without brackets; NULL: submitted locally */
    uint16_t client_port;
    const char *direction; /* `in`: from outside, whatever else is said; {verimail_direction} */
    const char *queue_id;  /* macro i */
    const char *auth_type; /* NULL: the client did not log in; macro {auth_type} */
    const char *login;     /* macro {auth_authen} */
    const char *sender;    /* without angle brackets; "": a bounce */
};

enum milter_client_edit_type {
    MILTER_CLIENT_INSERT, /* above the field that has this index; 0: on top */
    MILTER_CLIENT_ADD,    /* below all fields */
    MILTER_CLIENT_CHANGE, /* the field number `index`, from 1, of those with this name */
    MILTER_CLIENT_REMOVE, /* the same */
};

/* A field of the header that the filter asks for. The strings live as long as the client. The name
 * is one, and the value has line ends (LF) only where a blank or a tab follows. */
struct milter_client_edit {
    enum milter_client_edit_type type;
    uint32_t index;
    const char *name;
    const char *value; /* what stands behind the colon, with the blank at its beginning */
};

/* Connects and negotiates. `socket`: `unix:/path`, `inet:port@address` or `inet6:port@address`,
 * where the address is a number. NULL: out of memory. */
struct milter_client *milter_client_open(const char *socket, int timeout_ms);
/* Closes the connection. Takes NULL, and a message that is not at its end. */
void milter_client_free(struct milter_client **client);

/* In this order, once each but for recipients, fields and chunks of the body. */
void milter_client_mail(struct milter_client *client, const struct milter_client_mail *mail);
/* `address` has no angle brackets. */
void milter_client_recipient(struct milter_client *client, const char *address);
/* `value` is what stands behind the colon, without the last line end. A NUL in it is an error. */
void milter_client_field(struct milter_client *client, const char *name, size_t name_len,
        const char *value, size_t value_len);
void milter_client_header_end(struct milter_client *client);
/* Any length. False: the filter needs no more of the body. */
bool milter_client_body(struct milter_client *client, const char *at, size_t len);
enum milter_client_verdict milter_client_end(struct milter_client *client);

/* After milter_client_end(): the SMTP reply of REJECT and TEMPFAIL, `550 5.7.1 text` in one line.
 * After an error it says that the filter is not available. "": accepted. */
const char *milter_client_reply(const struct milter_client *client);
/* Why an accepted message is to be kept aside; NULL: it is not. */
const char *milter_client_quarantine(const struct milter_client *client);
/* The edits of an accepted message, in the order in which to make them. */
size_t milter_client_edits(const struct milter_client *client);
struct milter_client_edit milter_client_edit(const struct milter_client *client, size_t number);
/* For the log: the socket, and what went wrong there; NULL: nothing. */
const char *milter_client_error(const struct milter_client *client);

#endif
