// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/lexer.h"
#include "config/problems.h"
#include "config/section.h"
#include "protocol/text.h"

/* The grammar of verimail.conf(5). Between tokens there may be white space and comments:
 *
 *   file    = *item
 *   item    = name "=" value / name [title] "{" *item "}"
 *   value   = text / "{" [text *("," text) [","]] "}"
 *   name, title, text = a word, or octets in quotes
 */

static void parser_unexpected(struct lexer *p, const char *expected, const char *behind)
{
    const char octet[] = {p->token, '\0'};
    char sentence[128];

    snprintf(sentence, sizeof sentence, "%s%s%s", expected, behind != NULL ? " behind " : "",
            behind != NULL ? behind : "");
    lexer_fail(p, p->token_line, "unexpected",
            p->token == TOKEN_TEXT  ? p->text
            : p->token == TOKEN_END ? "the end of the file"
                                    : octet,
            sentence);
}

/* Takes the token that must be there. */
static void parser_expect(struct lexer *p, char token, const char *expected, const char *behind)
{
    if (p->token == token && !p->failed)
        lexer_next(p);
    else
        parser_unexpected(p, expected, behind);
}

/* The `}` that closes the `{` on `line`. */
static void parser_close(struct lexer *p, unsigned line, const char *expected, const char *behind)
{
    if (p->token == TOKEN_END)
        lexer_fail(p, line, "a `{` that is not closed", NULL, "}");
    parser_expect(p, '}', expected, behind);
}

static void parser_problem(struct lexer *p, const char *what, const char *name, const char *value,
        const char *expected)
{
    char sentence[192];

    snprintf(sentence, sizeof sentence, "%s %s", what, name);
    problems_add(p->problems, p->token_line, sentence, value, expected);
}

static void parser_refuse(struct lexer *p, const struct option_type *type, const char *name)
{
    const char *fault = type->fault != NULL ? type->fault(type, p->text) : NULL;
    char sentence[128];

    snprintf(sentence, sizeof sentence, fault != NULL ? "%s (%s)" : "%s%s", name,
            fault != NULL ? fault : "");
    parser_problem(p, "bad", sentence, type->is_secret ? PROBLEMS_STARS : p->text, type->expected);
}

/* Reads the token into its place in a struct. */
static void parser_take(struct lexer *p, const struct option_type *type, const char *name, void *at)
{
    if (type->value == OPTION_TYPE_TEXT) {
        free(((struct config_text *)at)->at);
        *(struct config_text *)at = (struct config_text){.line = p->token_line};
    }
    errno = 0;
    if (type->parse(type, p->text, at))
        return;
    if (errno == ENOMEM)
        lexer_fail_memory(p);
    else
        parser_refuse(p, type, name);
}

static void parser_take_item(struct lexer *p, const struct option *option, struct config_list *list)
{
    struct config_text text = {0};

    parser_take(p, option->type, option->name, &text);
    list->refused = list->refused || text.at == NULL;
    if (text.at != NULL && !config_list_add(list, text)) {
        free(text.at);
        lexer_fail_memory(p);
    }
}

/* One value for the place `at`; NULL: the option had its value before. */
static void parser_read_value(struct lexer *p, const struct option *option, void *at)
{
    if (p->token != TOKEN_TEXT)
        parser_unexpected(p, "a value", option->name);
    else if (at == NULL)
        parser_problem(p, "a second", option->name,
                option->type->is_secret ? PROBLEMS_STARS : p->text, "it once");
    else if (option->is_list)
        parser_take_item(p, option, at);
    else
        parser_take(p, option->type, option->name, at);
    lexer_next(p);
}

static void parser_read_list(struct lexer *p, const struct option *option, void *at)
{
    const unsigned line = p->token_line;
    const char *expected = "a value or `}`";

    lexer_next(p);
    if (p->token == '}' && at == NULL)
        parser_problem(p, "a second", option->name, "{}", "it once");
    while (p->token == TOKEN_TEXT) {
        parser_read_value(p, option, at);
        expected = p->token == ',' ? "a value or `}`" : "`,` or `}`";
        if (p->token != ',')
            break;
        lexer_next(p);
    }
    parser_close(p, line, expected, option->name);
}

static void parser_read_option(
        struct lexer *p, const struct option *option, bool is_second, void *values)
{
    void *at = is_second ? NULL : (char *)values + option->offset;

    lexer_next(p);
    parser_expect(p, '=', "`=`", option->name);
    if (at != NULL && option->given != 0)
        *((bool *)values + option->given) = true;
    if (at != NULL && option->is_list)
        config_list_free(at); /* the default */
    if (p->token == '{' && option->is_list)
        parser_read_list(p, option, at);
    else
        parser_read_value(p, option, at);
}

static void parser_skip_braces(struct lexer *p)
{
    const unsigned line = p->token_line;
    size_t depth = 0;

    do {
        depth += p->token == '{';
        depth -= p->token == '}';
        lexer_next(p);
    } while (depth > 0 && p->token != TOKEN_END);
    if (depth > 0)
        lexer_fail(p, line, "a `{` that is not closed", NULL, "}");
}

/* What the tables do not have is passed over, so that all such names are told in one go. */
static void parser_skip_unknown(struct lexer *p, const struct section *section)
{
    const bool is_root = section->name == NULL;
    char advice[SECTION_ADVICE_MAX];

    section_advise(section, p->text, advice);
    parser_problem(p, is_root ? "no such option" : "no such option in",
            is_root ? "or section" : section->name, p->text, advice);
    lexer_next(p);
    const bool is_option = p->token == '=';
    if (is_option)
        lexer_next(p);
    const bool has_text = p->token == TOKEN_TEXT;
    if (has_text)
        lexer_next(p);
    if (is_option && has_text)
        return;
    if (p->token == '{')
        parser_skip_braces(p);
    else
        parser_unexpected(p, is_option ? "a value" : "`=` or `{`", "this name");
}

static void parser_read_section(struct lexer *p, const struct section *section, void *parent);

static void parser_read_items(struct lexer *p, const struct section *section, void *values)
{
    bool seen[SECTION_OPTIONS_MAX] = {false};

    while (p->token == TOKEN_TEXT) {
        const struct option *option = section_option(section, p->text);
        const struct section *inner = section_within(section, p->text);
        if (option != NULL) {
            bool *is_second = &seen[option - section->options];
            parser_read_option(p, option, *is_second, values);
            *is_second = true;
        } else if (inner != NULL) {
            parser_read_section(p, inner, values);
        } else {
            parser_skip_unknown(p, section);
        }
    }
}

static void parser_read_section(struct lexer *p, const struct section *section, void *parent)
{
    void *values = calloc(1, section->size);

    if (values == NULL || !section_defaults(section, values))
        lexer_fail_memory(p);
    else if (section->title == NULL && section_count(section, parent) > 0)
        parser_problem(p, "a second section", section->name, NULL, "it once");
    lexer_next(p);
    if (values != NULL && section->title != NULL && p->token == TOKEN_TEXT)
        parser_take(p, section->title, section->name, (char *)values + section->title_offset);
    if (section->title != NULL && (!section->title_is_optional || p->token == TOKEN_TEXT))
        parser_expect(p, TOKEN_TEXT, "a title", section->name);
    const unsigned line = p->token_line;
    parser_expect(p, '{', "`{`", section->name);
    parser_read_items(p, section, values);
    parser_close(p, line, "an option or `}`", NULL);
    if (values != NULL && !p->failed) {
        memcpy(values, &line, sizeof line);
        if (section_append(section, values, parent)) {
            free(values);
            return;
        }
        lexer_fail_memory(p);
    }
    if (values != NULL)
        section_clear(section, values);
    free(values);
}

struct config *config_parse(const char *text, size_t len, struct problems *problems)
{
    char *buffer = malloc(len + 1);
    struct config *config = calloc(1, sizeof *config);
    struct lexer p = {
            .at = text, .end = text + len, .line = 1, .text = buffer, .problems = problems};
    const char *nul = memchr(text, '\0', len);

    if (config == NULL || buffer == NULL)
        lexer_fail_memory(&p);
    if (nul != NULL) {
        while (p.at < nul)
            p.line += *p.at++ == '\n';
        lexer_fail(&p, p.line, "a NUL octet", NULL, "text");
    }
    lexer_next(&p);
    parser_read_items(&p, &section_root, config);
    if (p.token != TOKEN_END)
        parser_unexpected(&p, "a section", NULL);
    free(buffer);
    if (p.failed)
        config_free(&config);
    return config;
}
