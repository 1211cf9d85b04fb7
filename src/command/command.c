// SPDX-License-Identifier: ISC
#include "command/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/escape.h"
#include "config/config.h"

void command_complain(const struct invocation *invocation, const char *format, ...)
{
    char *sentence = NULL;
    va_list args;

    va_start(args, format);
    const int len = vasprintf(&sentence, format, args);
    va_end(args);
    fprintf(stderr, "verimail %s: ", invocation->command->name);
    if (len >= 0)
        escape_controls(stderr, (struct text){sentence, (size_t)len});
    fputc('\n', stderr);
    free(len >= 0 ? sentence : NULL);
}

void command_print_problems(struct problems *problems)
{
    struct reader lines = reader_of(text_of(problems_text(problems)));

    while (lines.rest.len > 0) {
        escape_controls(stderr, reader_field(&lines, '\n'));
        fputc('\n', stderr);
    }
}

struct config *command_read_config(
        const struct invocation *invocation, struct problems **problems_r)
{
    *problems_r = problems_init(invocation->config_path);
    if (*problems_r == NULL) {
        command_complain(invocation, "out of memory");
        return NULL;
    }
    struct config *config = config_read(invocation->config_path, *problems_r);
    if (config == NULL)
        command_print_problems(*problems_r);
    return config;
}

enum status command_status(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_YES:
        return STATUS_OK;
    case VERDICT_NO:
        return STATUS_NO;
    case VERDICT_ALLOW:
        return STATUS_ALLOW;
    case VERDICT_NONE:
        return STATUS_NONE;
    case VERDICT_PERMERROR:
        return STATUS_PERMERROR;
    case VERDICT_TEMPERROR:
        break;
    }
    return STATUS_TEMPERROR;
}
