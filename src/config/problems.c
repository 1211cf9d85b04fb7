// SPDX-License-Identifier: ISC
#include "config/problems.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_SHOWN_MAX 200 /* octets of a wrong value that are worth a reader's time */

struct problems {
    const char *path;
    size_t count;
    bool passing;
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

/* The secret in a key's text: `KIND-secret:SECRET`. */
static const char *problems_find_key(const char *value)
{
    static const char before[] = "-secret:";
    const char *at = strstr(value, before);

    return at != NULL ? at + sizeof before - 1 : NULL;
}

/* The password of the user in an address, `SCHEME://USER:PASSWORD@HOST`. */
static const char *problems_find_password(const char *value, const char **end_r)
{
    const char *scheme = strstr(value, "://");
    const char *authority = scheme != NULL ? scheme + 3 : value;
    const char *at = scheme != NULL ? strrchr(authority, '@') : NULL;
    const char *colon = at != NULL ? memchr(authority, ':', (size_t)(at - authority)) : NULL;

    *end_r = at;
    return colon != NULL ? colon + 1 : NULL;
}

static void problems_put(FILE *out, struct text t)
{
    for (size_t i = 0; i < t.len && i < VALUE_SHOWN_MAX; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        if (c < ' ' || c >= 0x7f || c == '\\')
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    if (t.len > VALUE_SHOWN_MAX)
        fputs("...", out);
}

/* Without the secret that strayed into the value: errors are read, and logged, where the file is
 * not. */
static void problems_put_value(FILE *out, const char *value)
{
    static const char parameter[] = "password=";
    const char *end = NULL;
    const char *from = problems_find_key(value);

    if (from == NULL)
        from = problems_find_password(value, &end);
    if (from == NULL) {
        from = strcasestr(value, parameter);
        from = from != NULL ? from + sizeof parameter - 1 : NULL;
    }
    if (from == NULL) {
        problems_put(out, text_of(value));
        return;
    }
    problems_put(out, (struct text){value, (size_t)(from - value)});
    fputs(PROBLEMS_STARS, out);
    if (end != NULL && strcasestr(end, parameter) == NULL)
        problems_put(out, text_of(end));
}

void problems_add(struct problems *p, unsigned line, const char *what, const char *value,
        const char *expected)
{
    p->count++;
    fprintf(p->out, "%s:", p->path);
    if (line > 0)
        fprintf(p->out, "%u:", line);
    fputc(' ', p->out);
    problems_put(p->out, text_of(what));
    if (value != NULL) {
        fputs(": ", p->out);
        problems_put_value(p->out, value);
    }
    if (expected != NULL)
        fprintf(p->out, ": expected %s", expected);
    fputc('\n', p->out);
}

void problems_add_passing(struct problems *p, const char *what)
{
    p->passing = true;
    problems_add(p, 0, what, NULL, NULL);
}

void problems_add_memory(struct problems *p)
{
    problems_add_passing(p, "out of memory");
}

void problems_note_errno(struct problems *p, int error)
{
    static const int passing[] = {ENOMEM, EMFILE, ENFILE, EIO, EINTR, EAGAIN};

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        p->passing = p->passing || error == passing[i];
}

bool problems_are_passing(const struct problems *p)
{
    return p->passing || (p->count > 0 && ferror(p->out) != 0);
}

void problems_join(struct problems *p, struct problems *others)
{
    problems_add_lines(p, text_of(problems_text(others)));
    p->passing = p->passing || problems_are_passing(others);
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
    if (fflush(p->out) == 0 && ferror(p->out) == 0 && p->text != NULL)
        return p->text;
    return p->count > 0 ? "out of memory\n" : "";
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
