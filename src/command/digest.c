// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "command/arguments.h"
#include "command/read_message.h"

static enum status digest_print(
        const struct message_parser *parser, const struct invocation *invocation)
{
    char error[READ_MESSAGE_ERROR_MAX];

    if (message_parser_digest(parser)[0] != '\0')
        return puts(message_parser_digest(parser)) >= 0 ? STATUS_OK : STATUS_FAILURE;
    (void)read_message_author(parser, error); /* which says why there is none */
    command_complain(invocation, "%s", error);
    return STATUS_DATA;
}

static enum status digest_run(const struct invocation *invocation)
{
    static const struct arguments_option no_options[] = {{NULL}};

    if (!arguments_read(invocation, no_options, 0, 0, NULL))
        return STATUS_USAGE;
    struct message_parser *parser = message_parser_init(NULL);
    if (parser == NULL) {
        command_complain(invocation, "out of memory");
        return STATUS_FAILURE;
    }
    enum status status = read_message_read(parser, invocation);
    if (status == STATUS_OK)
        status = digest_print(parser, invocation);
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
