// SPDX-License-Identifier: ISC
#include "config/lexer.h"

#include <string.h>

static char lexer_peek(const struct lexer *l, size_t ahead)
{
    return ahead < (size_t)(l->end - l->at) ? l->at[ahead] : '\0';
}

void lexer_fail(
        struct lexer *l, unsigned line, const char *what, const char *value, const char *expected)
{
    if (!l->failed)
        problems_add(l->problems, line, what, value, expected);
    l->failed = true;
    l->at = l->end;
    l->token = TOKEN_END;
}

void lexer_fail_memory(struct lexer *l)
{
    if (!l->failed)
        problems_add_memory(l->problems);
    l->failed = true; /* nothing more is said */
    lexer_fail(l, 0, NULL, NULL, NULL);
}

static void lexer_skip_comment(struct lexer *l)
{
    const unsigned begin = l->line;
    const bool is_block = l->at[0] == '/' && l->at[1] == '*';

    l->at += is_block ? 2 : 1;
    while (l->at < l->end) {
        if (is_block && *l->at == '*' && lexer_peek(l, 1) == '/') {
            l->at += 2;
            return;
        }
        if (!is_block && *l->at == '\n')
            return;
        l->line += *l->at++ == '\n';
    }
    if (is_block)
        lexer_fail(l, begin, "a comment that does not end", NULL, "*/");
}

static void lexer_skip_space(struct lexer *l)
{
    while (l->at < l->end) {
        const char next = lexer_peek(l, 1);
        if (*l->at == '#' || (*l->at == '/' && (next == '/' || next == '*')))
            lexer_skip_comment(l);
        else if (text_is_white(*l->at))
            l->line += *l->at++ == '\n';
        else
            return;
    }
}

/* Behind a backslash. Returns how many octets of the text it makes. */
static size_t lexer_read_escape(struct lexer *l, char quote, char text_r[2])
{
    static const char letters[] = "abefnrtv";
    static const char octets[] = "\a\b\033\f\n\r\t\v";
    const char c = *l->at++;
    const char *letter = strchr(letters, c);

    if (c == '\n') {
        l->line++;
        return 0;
    }
    if (quote == '\'' && c != '\'' && c != '\\') {
        memcpy(text_r, (char[]){'\\', c}, 2);
        return 2;
    }
    if (quote == '"' && (c == 'x' || text_is_digit(c)))
        lexer_fail(l, l->line, "an octet by its number", NULL, "the octet itself");
    text_r[0] = quote == '"' && letter != NULL ? octets[letter - letters] : c;
    return 1;
}

static void lexer_read_quoted(struct lexer *l)
{
    const char quote = *l->at++;
    size_t len = 0;

    while (l->at < l->end && *l->at != quote) {
        const char c = *l->at++;
        l->line += c == '\n';
        if (c == '\\' && l->at < l->end)
            len += lexer_read_escape(l, quote, l->text + len);
        else
            l->text[len++] = c;
    }
    l->text[len] = '\0';
    if (l->at == l->end)
        lexer_fail(l, l->token_line, "a text in quotes that does not end", NULL, "its quote");
    else
        l->at++;
}

static void lexer_read_word(struct lexer *l)
{
    size_t len = 0;

    while (l->at < l->end && strchr(" \t\r\n={},\"'#", *l->at) == NULL)
        l->text[len++] = *l->at++;
    l->text[len] = '\0';
}

void lexer_next(struct lexer *l)
{
    lexer_skip_space(l);
    l->token_line = l->line;
    l->token_at = l->at;
    if (l->at == l->end) {
        l->token = TOKEN_END;
    } else if (strchr("={},", *l->at) != NULL) {
        l->token = *l->at++;
    } else {
        l->token = TOKEN_TEXT;
        if (*l->at == '"' || *l->at == '\'')
            lexer_read_quoted(l);
        else
            lexer_read_word(l);
    }
}
