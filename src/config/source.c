// SPDX-License-Identifier: ISC
#include "config/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

enum state {
    PLAIN,
    WORD, /* an unquoted string: a `//` inside belongs to it */
    SINGLE,
    DOUBLE,
    LINE_COMMENT,
    BLOCK_COMMENT,
};

static bool ends_word(char c)
{
    return strchr(" \t\r\n={}()+,\"'#", c) != NULL;
}

static enum state source_start(char **at)
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
static enum state source_step(enum state state, char **at)
{
    const char *c = *at;

    switch (state) {
    case WORD:
        return ends_word(*c) ? source_start(at) : WORD;
    case PLAIN:
        return source_start(at);
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

/* Refuses what libconfuse would replace, cut off or drop without a word. */
static void check_octets(enum state state, const char *at, unsigned line, struct problems *problems)
{
    const bool bare = state == PLAIN || state == WORD;
    const char octet[] = {*at, '\0'};

    if ((bare || state == DOUBLE) && at[0] == '$' && at[1] == '{')
        problems_add(problems, line, "a variable", "${",
                "the value itself: the environment is not looked at");
    if (state == DOUBLE && at[0] == '\\' && (at[1] == 'x' || text_is_digit(at[1])))
        problems_add(problems, line, "an octet by its number", NULL, "the octet itself");
    if (bare && (*at == '*' || *at == '+'))
        problems_add(problems, line, "an octet that has no place outside of quotes", octet,
                "double quotes around a value, and `=` behind a name");
}

/* The sections and lists that are open: libconfuse takes the end of the file for theirs. */
struct braces {
    unsigned depth;
    unsigned line; /* of the outermost */
};

static void count_braces(struct braces *braces, enum state state, char c, unsigned line)
{
    if (state != PLAIN || (c != '{' && c != '}'))
        return;
    if (c == '{' && braces->depth++ == 0)
        braces->line = line;
    else if (c == '}' && braces->depth > 0)
        braces->depth--;
}

bool source_prepare(char *text, size_t len, struct problems *problems)
{
    enum state state = PLAIN;
    struct braces braces = {0};
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
        check_octets(state, at, line, problems);
        char *from = at;
        const enum state was = state;
        state = source_step(state, &at);
        if (state != was)
            begun = line;
        count_braces(&braces, state, *from, line);
        if (in_comment(was) || in_comment(state))
            blank(from, at);
    }
    if (state == BLOCK_COMMENT)
        problems_add(problems, begun, "a comment that does not end", NULL, "*/");
    else if (state == SINGLE || state == DOUBLE)
        problems_add(problems, begun, "a text in quotes that does not end", NULL, "its quote");
    else if (braces.depth > 0)
        problems_add(problems, braces.line, "a `{` that is not closed", NULL, "}");
    return problems_count(problems) == before;
}

/* What the file holds and a NUL, or NULL with errno. */
static char *source_slurp(FILE *file, size_t *len_r)
{
    size_t len = 0;
    size_t size = 16384;
    char *text = malloc(size);

    while (text != NULL) {
        len += fread(text + len, 1, size - len - 1, file);
        if (len + 1 < size || len > SOURCE_MAX)
            break;
        size *= 2;
        char *larger = realloc(text, size);
        if (larger == NULL)
            free(text);
        text = larger;
    }
    if (text != NULL && (ferror(file) || len > SOURCE_MAX)) {
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
    char *text = file != NULL ? source_slurp(file, &len) : NULL;

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
