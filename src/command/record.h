// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_RECORD_H
#define VERIMAIL_COMMAND_RECORD_H

#include "command/command.h"
#include "events/store.h"

/* The records of events that the configuration names: the service's and the milter's. */

struct record_addresses {
    char *events; /* NULL: nothing in the configuration records questions */
    char *mail;   /* NULL: nothing in it records mail */
};

/* Gets the addresses; there is one at least. Any status but STATUS_OK follows a complaint. Free
 * them in any case. */
enum status record_find(const struct invocation *invocation, struct record_addresses *addresses_r);
void record_addresses_free(struct record_addresses *addresses);

struct record {
    struct eventstore *events; /* NULL: there is none */
    struct eventstore *mail;   /* NULL: there is none */
};

/* Opens both for reading. One that was never made is no error if the other is there. Any status but
 * STATUS_OK follows a complaint, and nothing is open then. */
enum status record_open(const struct invocation *invocation,
        const struct record_addresses *addresses, struct record *record_r);
void record_close(struct record *record);

#endif
