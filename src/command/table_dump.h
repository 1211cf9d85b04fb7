// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TABLE_DUMP_H
#define VERIMAIL_COMMAND_TABLE_DUMP_H

#include "command/command.h"

/* `verimail table get` and `dump`: what a table of users has. */
enum status table_dump_get(const struct invocation *invocation);
enum status table_dump_all(const struct invocation *invocation);

#endif
