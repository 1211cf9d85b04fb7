// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_OPENSMTPD_HEADER_H
#define VERIMAIL_OPENSMTPD_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "milter_client.h"

/* The header of a message as smtpd has it: lines that end with LF, dots at their beginning doubled.
 * Nothing of it is judged here. */
struct header {
    char *text;
    size_t len, size;
    struct header_field *fields;
    size_t count, fields_size;
    bool is_out_of_memory; /* stays, as an error of the functions below */
};

void header_free(struct header *header);

/* Takes the lines. `hostname`: addresses without a domain in From, To and Cc get this one, as smtpd
 * does itself behind the filter; NULL: they stay. */
void header_read(struct header *header, const char *lines, size_t len, const char *hostname);
/* Whether a field has this name. */
bool header_has(const struct header *header, const char *name);
/* Shows the fields to the filter, but for smtpd's own Received. */
void header_send(const struct header *header, struct milter_client *client);
/* Makes the filter's edits. False: it wants one that is not known here, or out of memory.
 * `more`: a field to put on top besides, with its line end; NULL: none. */
bool header_edit(struct header *header, const struct milter_client *client, const char *more);

#endif
