// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_SESSION_H
#define VERIMAIL_FILTER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "filter/decision.h"

/* The connection of one SMTP client to the mail server, and the messages that come over it (design,
 * section 7). It knows nothing of libmilter: it is told what comes and says what to do. One thread
 * at a time. */
struct session;

/* `policy` and `client` are borrowed. `client`: NULL when nothing is verified. `hostname`: as the
 * mail server calls the SMTP client; `address`: NULL when it did not say. NULL when out of memory.
 */
struct session *session_init(const struct policy *policy, struct client *client,
        const char *hostname, const struct sockaddr *address);
void session_free(struct session **session);

/* A message begins; one that was under way is forgotten. False when out of memory: the message
 * must be refused for now. What follows may be called blindly. */
bool session_mail(struct session *session, const struct mail_command *command)
        __attribute__((warn_unused_result));
/* `path`: as in RCPT, `<user@domain>`. */
void session_recipient(struct session *session, const char *path);
/* `name`: white space at its end stood before the colon. `value`: all behind the colon, folds with
 * LF or CRLF. */
void session_field(struct session *session, const char *name, const char *value);
void session_header_end(struct session *session);
/* Whether the body is of interest, after session_header_end(). */
bool session_wants_body(const struct session *session);
void session_body(struct session *session, const char *at, size_t len);
void session_abort(struct session *session);

/* The message is complete: judges or stamps it, logs it, and says what to do. `queue_id`: NULL when
 * the mail server has none. The decision is the session's, until its next call. */
const struct decision *session_end(struct session *session, const char *queue_id);

#endif
