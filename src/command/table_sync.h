// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TABLE_SYNC_H
#define VERIMAIL_COMMAND_TABLE_SYNC_H

#include "command/command.h"

/* `verimail table sync ...`: the arguments behind `sync`. */
enum status table_sync(const struct invocation *invocation, int argc, char **argv);

#endif
