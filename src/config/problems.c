// SPDX-License-Identifier: ISC
#include "config/problems.h"

#include <stdio.h>
#include <stdlib.h>

#define VALUE_SHOWN_MAX 200 /* octets of a wrong value that are worth a reader's time */

struct problems {
    const char *path;
    size_t count;
    FILE *out;
    char *text;
    size_t size;
};

struct problems *problems_init(const char *path)
{
    struct problems *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->path = path;
    p->out = open_memstream(&p->text, &p->size);
    if (p->out == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void problems_free(struct problems **problems)
{
    if (*problems == NULL)
        return;
    fclose((*problems)->out);
    free((*problems)->text);
    free(*problems);
    *problems = NULL;
}

static void problems_put_escaped(FILE *out, const char *value)
{
    for (size_t i = 0; value[i] != '\0'; i++) {
        const unsigned char c = (unsigned char)value[i];
        if (i == VALUE_SHOWN_MAX) {
            fputs("...", out);
            break;
        }
        if (c < ' ' || c >= 0x7f || c == '\\')
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}

void problems_add(struct problems *p, unsigned line, const char *what, const char *value,
        const char *expected)
{
    p->count++;
    fprintf(p->out, "%s:", p->path);
    if (line > 0)
        fprintf(p->out, "%u:", line);
    fputc(' ', p->out);
    problems_put_escaped(
            p->out, what); /* libconfuse's own words may have a part of the file in them */
    if (value != NULL) {
        fputs(": ", p->out);
        problems_put_escaped(p->out, value);
    }
    if (expected != NULL)
        fprintf(p->out, ": expected %s", expected);
    fputc('\n', p->out);
}

void problems_join(struct problems *p, struct problems *others)
{
    problems_add_lines(p, text_of(problems_text(others)));
}

void problems_add_lines(struct problems *p, struct text lines)
{
    for (size_t i = 0; i < lines.len; i++)
        p->count += lines.at[i] == '\n';
    fwrite(lines.at, 1, lines.len, p->out);
}

size_t problems_count(const struct problems *p)
{
    return p->count;
}

const char *problems_text(struct problems *p)
{
    fflush(p->out);
    return p->text;
}

void problems_log(struct problems *p, enum log_level level, const char *event)
{
    struct reader lines = reader_of(text_of(problems_text(p)));

    while (lines.rest.len > 0) {
        struct log_line line;
        log_begin(&line, level, event);
        log_text(&line, "problem", reader_field(&lines, '\n'));
        log_end(&line);
    }
}
