// SPDX-License-Identifier: ISC
#include "command/tablesync.h"

enum status table_sync(const struct invocation *invocation, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    command_complain(invocation, "sync: not yet");
    return STATUS_USAGE;
}
