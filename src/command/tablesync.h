// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TABLESYNC_H
#define VERIMAIL_COMMAND_TABLESYNC_H

#include "command/command.h"

/* `verimail table sync ...`: the arguments behind `sync`. */
enum status table_sync(const struct invocation *invocation, int argc, char **argv);

#endif
