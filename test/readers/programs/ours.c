// SPDX-License-Identifier: ISC
/* What our own parsers make of values: a line in, a line out, until the input ends.
 *
 *     F base64    a From value:                    `ok AUTHOR`, or why it has none
 *     R base64    an Authentication-Results value: `forged` or `stands`
 *     M base64    a message:                       `ok DIGEST AUTHOR`, or why it has none
 *     C base64    a From value:                    the domains that could be meant, or `any`
 *     D base64    a domain:                        `ok DOMAIN`, or `no domain` */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "protocol/candidates.h"
#include "protocol/message_parser.h"
#include "protocol/results.h"

#define AUTHSERV_ID "mx.receiver.test"

static void say_from(struct text value)
{
    struct address author;
    const enum from_result result = from_parse(value, &author);

    if (result == FROM_OK)
        printf("ok %s\n", author.text);
    else
        printf("%s\n", from_result_text(result));
}

static void say_results(struct text value)
{
    const struct field field = field_of(text_of(RESULTS_NAME), value);

    puts(results_is_forged(&field, text_of(AUTHSERV_ID)) ? "forged" : "stands");
}

static void say_candidates(struct text value)
{
    struct candidates candidates = {0};

    candidates_add_from(&candidates, value, charset_decode);
    if (candidates.is_unreadable || candidates.more)
        printf("any");
    for (size_t i = 0; i < candidates.count; i++)
        printf(" %s", candidates.domains[i]);
    putchar('\n');
}

static void say_domain(struct text value)
{
    char ascii[DOMAIN_MAX + 1];

    if (domain_to_ascii(value, ascii))
        printf("ok %s\n", ascii);
    else
        puts("no domain");
}

static void on_field(void *parser, const struct field *field)
{
    message_parser_field(parser, field);
}

static void on_header_end(void *parser)
{
    message_parser_header_end(parser);
}

static void on_body(void *parser, struct text piece)
{
    message_parser_body(parser, piece);
}

static void say_parsed(const struct message_parser *parser, enum message_parser_error error)
{
    const struct address *author = NULL;

    if (error == MESSAGE_PARSER_OK)
        author = message_parser_author(parser, &error);
    if (author != NULL)
        printf("ok %s %s\n", message_parser_digest(parser), author->text);
    else
        printf("%s\n", message_parser_error_text(error));
}

static void say_message(struct text value)
{
    static const struct message_events events = {on_field, on_header_end, on_body};
    struct message_parser *parser = message_parser_init(NULL);
    struct message *message = message_init(&events, parser);

    if (parser == NULL || message == NULL)
        abort();
    (void)!message_feed(message, value);
    message_parser_broken(parser, message_end(message));
    say_parsed(parser, message_parser_end(parser));
    message_free(&message);
    message_parser_free(&parser);
}

static void say(char kind, struct text value)
{
    switch (kind) {
    case 'F':
        say_from(value);
        break;
    case 'R':
        say_results(value);
        break;
    case 'M':
        say_message(value);
        break;
    case 'C':
        say_candidates(value);
        break;
    case 'D':
        say_domain(value);
        break;
    default:
        abort();
    }
}

/* A copy of exactly its size, so that a sanitizer sees who reads beyond it. */
static void answer(const char *line, size_t len)
{
    unsigned char *octets = malloc(len);
    size_t octets_len;

    if (len < 2 || octets == NULL ||
            sodium_base642bin(octets, len, line + 2, len - 2, NULL, &octets_len, NULL,
                    sodium_base64_VARIANT_ORIGINAL) != 0)
        abort();
    char *value = malloc(octets_len);
    if (value == NULL && octets_len > 0)
        abort();
    if (octets_len > 0)
        memcpy(value, octets, octets_len);
    say(line[0], (struct text){value, octets_len});
    free(value);
    free(octets);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    while ((len = getline(&line, &size, stdin)) > 0)
        answer(line, (size_t)len - 1);
    free(line);
    return 0;
}
