// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_LEXER_H
#define VERIMAIL_CONFIG_LEXER_H

#include <stdbool.h>

#include "config/problems.h"

/* The tokens of a configuration file, with white space and comments between them skipped. */
enum {
    TOKEN_END = '\0',
    TOKEN_TEXT = 't', /* all others are `=`, `{`, `}` and `,` themselves */
};

struct lexer {
    const char *at;
    const char *end;
    unsigned line; /* on which `at` is */
    char token;
    unsigned token_line;  /* on which the token begins */
    const char *token_at; /* its first octet */
    char *text;           /* of a TOKEN_TEXT, with a NUL; as long as the file */
    struct problems *problems;
    bool failed; /* a syntax error, or out of memory: the file ends here */
};

/* Takes the next token. */
void lexer_next(struct lexer *lexer);
/* A syntax error: a problem on `line`, and the file ends here. Only the first one is kept. */
void lexer_fail(struct lexer *lexer, unsigned line, const char *what, const char *value,
        const char *expected);
void lexer_fail_memory(struct lexer *lexer);

#endif
