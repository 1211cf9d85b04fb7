// SPDX-License-Identifier: ISC
#include "config/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state {
    PLAIN,
    WORD, /* an unquoted string: `#` and `//` inside belong to it */
    SINGLE,
    DOUBLE,
    LINE_COMMENT,
    BLOCK_COMMENT,
};

static bool ends_word(char c)
{
    return strchr(" \t\r\n={}()+,\"'", c) != NULL;
}

static enum state start(char **at)
{
    const char *c = *at;

    if (c[0] == '#' || (c[0] == '/' && c[1] == '/'))
        return LINE_COMMENT;
    if (c[0] == '/' && c[1] == '*') {
        ++*at;
        return BLOCK_COMMENT;
    }
    if (c[0] == '"')
        return DOUBLE;
    if (c[0] == '\'')
        return SINGLE;
    return ends_word(c[0]) ? PLAIN : WORD;
}

/* The state behind *at, which moves on by one more where two octets belong together. */
static enum state step(enum state state, char **at)
{
    const char *c = *at;

    switch (state) {
    case WORD:
        return ends_word(*c) ? start(at) : WORD;
    case PLAIN:
        return start(at);
    case SINGLE:
    case DOUBLE:
        if (*c == '\\' && c[1] != '\0' && c[1] != '\n')
            ++*at;
        return *c == (state == DOUBLE ? '"' : '\'') ? PLAIN : state;
    case LINE_COMMENT:
        return *c == '\n' ? PLAIN : LINE_COMMENT;
    case BLOCK_COMMENT:
        if (c[0] != '*' || c[1] != '/')
            return BLOCK_COMMENT;
        ++*at;
        return PLAIN;
    }
    return state;
}

static bool in_comment(enum state state)
{
    return state == LINE_COMMENT || state == BLOCK_COMMENT;
}

static void blank(char *from, const char *to)
{
    for (char *at = from; at <= to; at++)
        if (*at != '\n')
            *at = ' ';
}

bool source_prepare(char *text, size_t len, struct problems *problems)
{
    enum state state = PLAIN;
    unsigned line = 1;
    unsigned begun = 1; /* the line on which the state did */
    const size_t before = problems_count(problems);

    for (char *at = text; at < text + len; at++) {
        if (*at == '\0') {
            problems_add(problems, line, "a NUL octet", NULL, "text");
            return false;
        }
        if (*at == '\n')
            line++;
        if (state == DOUBLE && at[0] == '$' && at[1] == '{')
            problems_add(problems, line, "a variable in double quotes", "${",
                    "the value itself: the environment is not looked at");
        char *from = at;
        const enum state was = state;
        state = step(state, &at);
        if (state != was)
            begun = line;
        if (in_comment(was) || in_comment(state))
            blank(from, at);
    }
    if (state == BLOCK_COMMENT)
        problems_add(problems, line, "a comment that does not end", NULL, "*/");
    else if (state == SINGLE || state == DOUBLE)
        problems_add(problems, begun, "a text in quotes that does not end", NULL, "its quote");
    return problems_count(problems) == before;
}

/* What the file holds and a NUL, or NULL with errno. */
static char *slurp(FILE *file, size_t *len_r)
{
    size_t len = 0;
    size_t size = 16384;
    char *text = malloc(size);

    while (text != NULL) {
        len += fread(text + len, 1, size - len - 1, file);
        if (len + 1 < size || size >= SOURCE_MAX)
            break;
        size *= 2;
        char *larger = realloc(text, size);
        if (larger == NULL)
            free(text);
        text = larger;
    }
    if (text != NULL && (ferror(file) || !feof(file))) {
        if (!ferror(file))
            errno = EFBIG;
        free(text);
        return NULL;
    }
    if (text != NULL)
        text[len] = '\0';
    *len_r = len;
    return text;
}

char *source_read(const char *path, struct problems *problems)
{
    FILE *file = fopen(path, "re");
    size_t len = 0;
    char *text = file != NULL ? slurp(file, &len) : NULL;

    if (text == NULL)
        problems_add(problems, 0, "cannot be read", strerror(errno), NULL);
    if (file != NULL)
        fclose(file);
    if (text != NULL && !source_prepare(text, len, problems)) {
        free(text);
        return NULL;
    }
    return text;
}
