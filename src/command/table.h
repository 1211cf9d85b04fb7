// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TABLE_H
#define VERIMAIL_COMMAND_TABLE_H

#include "command/command.h"

/* What `verimail table` does beside building and editing, each in a file of its own. */

/* `verimail table get` and `dump`: what a table of users has. */
enum status table_dump_get(const struct invocation *invocation);
enum status table_dump_all(const struct invocation *invocation);

/* `verimail table sync ...`: the arguments behind `sync`. */
enum status table_sync(const struct invocation *invocation, int argc, char **argv);

#endif
