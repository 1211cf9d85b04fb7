// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TABLE_H
#define VERIMAIL_COMMAND_TABLE_H

#include "command/command.h"

/* The parts of `verimail table` beside building and editing. Each has its own file. */

/* `verimail table get` and `dump`: print the content of a users' table. */
enum status table_dump_get(const struct invocation *invocation);
enum status table_dump_all(const struct invocation *invocation);

/* `verimail table sync ...`: `argv` has the arguments after `sync`. */
enum status table_sync(const struct invocation *invocation, int argc, char **argv);

#endif
