// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_OPENSMTPD_MAIL_H
#define VERIMAIL_OPENSMTPD_MAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "milter_client.h"

/* A message, from its first line to the last one that smtpd gets back. It belongs to the machine of
 * filter.h, but for the time that mail_judge() has it in a thread. */
struct mail {
    struct mail *next; /* in a list of its owner */
    uint64_t session, token;
    struct milter_client_mail envelope;
    char *hostname;   /* of the listener; NULL: not known */
    char *strings[7]; /* what the envelope and the hostname have */
    char *recipients; /* each with its NUL */
    size_t recipients_len;
    FILE *file;        /* no name; the lines as they came, each with LF */
    size_t len;        /* of them */
    size_t body_at;    /* where the line before the body begins; 0: not yet */
    size_t line_max;   /* octets of the longest line */
    size_t line_limit; /* smtpd cuts longer ones that it gets back */
    bool is_handed;    /* it is whole, and being judged or put out */
    const char *fault; /* why it cannot be judged: an SMTP reply; NULL: it can */

    /* After mail_judge(). */
    char reply[MILTER_CLIENT_REPLY_MAX]; /* "": accepted */
    char *header;                        /* of an accepted one, with its line ends */
    size_t header_len;
    size_t put_at; /* how much smtpd has of the header and what stands behind it */
};

#define MAIL_NOT_KEPT "451 4.3.0 The message cannot be kept; try again later"

/* NULL: out of memory. */
struct mail *mail_new(uint64_t session, uint64_t token);
/* Takes NULL. */
void mail_free(struct mail *mail);
/* Copies the strings; `recipients` becomes the message's. Errors are the message's. */
void mail_set_envelope(struct mail *mail, const struct milter_client_mail *envelope,
        const char *hostname, char *recipients, size_t recipients_len);
/* `line` has no line end. Errors are the message's. */
void mail_put(struct mail *mail, const char *line, size_t len);

/* Lets the milter at this socket judge it. Blocks, 30 seconds at most. */
void mail_judge(struct mail *mail, const char *socket);
void mail_refuse(struct mail *mail, const char *reply);
/* What comes next of the accepted message: whole lines of at most `size` octets. 0: its end, or an
 * error, which is in `reply`. */
size_t mail_next(struct mail *mail, char *to, size_t size);
/* smtpd has so many more octets of it. */
void mail_taken(struct mail *mail, size_t len);

#endif
