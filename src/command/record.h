// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_RECORD_H
#define VERIMAIL_COMMAND_RECORD_H

#include "command/command.h"
#include "events/store.h"

/* Access to the record of events that the configuration names. */

/* Gets the address of the record; the caller frees it. Any status but STATUS_OK follows a
 * complaint. */
enum status record_find(const struct invocation *invocation, char **address_r);
enum status record_open(
        const struct invocation *invocation, const char *address, struct eventstore **store_r);

#endif
