// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "command/arguments.h"
#include "command/read_message.h"

static enum status digest_print(struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX])
{
    const enum status status = read_message_read(parser, error_r);

    if (status != STATUS_OK)
        return status;
    if (message_parser_digest(parser)[0] != '\0')
        return puts(message_parser_digest(parser)) >= 0 ? STATUS_OK : STATUS_FAILURE;
    (void)read_message_author(parser, error_r); /* which says why there is none */
    return STATUS_DATA;
}

static enum status digest_run(const struct invocation *invocation)
{
    static const struct arguments_option no_options[] = {{NULL}};
    char error[READ_MESSAGE_ERROR_MAX] = "standard output cannot be written";

    if (!arguments_read(invocation, no_options, 0, 0, NULL))
        return STATUS_USAGE;
    struct message_parser *parser = message_parser_init(NULL);
    if (parser == NULL) {
        command_complain(invocation, "out of memory");
        return STATUS_FAILURE;
    }
    const enum status status = digest_print(parser, error);
    if (status != STATUS_OK)
        command_complain(invocation, "%s", error);
    message_parser_free(&parser);
    return status;
}

const struct command command_digest = {
        .name = "digest",
        .synopsis = "<MESSAGE",
        .summary = "print the digest of a message, as `ask --digest` and a stamp have it",
        .help = "There are no options.\n",
        .run = digest_run,
};
