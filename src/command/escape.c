// SPDX-License-Identifier: ISC
#include "command/escape.h"

#include <string.h>

static void command_escape_put(FILE *out, struct text t, const char *also)
{
    for (size_t i = 0; i < t.len; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        if (c < ' ' || c >= 0x7f || strchr(also, c) != NULL)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}

void escape_put(FILE *out, struct text t)
{
    command_escape_put(out, t, "\\");
}

void escape_controls(FILE *out, struct text t)
{
    command_escape_put(out, t, "");
}

void escape_quoted(FILE *out, struct text t)
{
    /* In double quotes `${` is a variable, which the value must not become. */
    const char quote = t.len > 0 && memmem(t.at, t.len, "${", 2) != NULL ? '\'' : '"';

    fputc(quote, out);
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == quote || t.at[i] == '\\')
            fputc('\\', out);
        if (t.at[i] == '\n' || t.at[i] == '\t')
            fputc(t.at[i], out);
        else if (t.at[i] == '\r' && quote == '"')
            fputs("\\r", out);
        else
            command_escape_put(out, (struct text){t.at + i, 1}, "");
    }
    fputc(quote, out);
}
