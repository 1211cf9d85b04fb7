// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_RECORD_H
#define VERIMAIL_COMMAND_RECORD_H

#include "command/command.h"
#include "events/store.h"

/* The record of events that the configuration names, to be read. */

/* Its address, to be freed. On another status than STATUS_OK after a complaint. */
enum status record_find(const struct invocation *invocation, char **address_r);
enum status record_open(
        const struct invocation *invocation, const char *address, struct eventstore **store_r);

#endif
