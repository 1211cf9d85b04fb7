// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/classic.h"
#include "protocol/message_parser.h"
#include "protocol/rules.h"
#include "protocol/sealer.h"
#include "unit.h"
#include "vectors.h"

/* The protocol when it is out of memory: each allocation fails in turn. The linker puts these
 * functions in the place of the C library's, in the protocol and in this program alone. */

static size_t allocations_left = SIZE_MAX; /* that succeed */
static bool is_out;                        /* one failed */

void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_realloc(void *at, size_t size);
void *__real_reallocarray(void *at, size_t count, size_t size);
void *__real_sodium_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_reallocarray(void *at, size_t count, size_t size);
void *__wrap_sodium_malloc(size_t size);

static bool may_allocate(void)
{
    if (allocations_left == 0)
        is_out = true;
    else
        allocations_left--;
    return !is_out;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return may_allocate() ? __real_aligned_alloc(alignment, size) : NULL;
}

void *__wrap_realloc(void *at, size_t size)
{
    return may_allocate() ? __real_realloc(at, size) : NULL;
}

void *__wrap_reallocarray(void *at, size_t count, size_t size)
{
    return may_allocate() ? __real_reallocarray(at, count, size) : NULL;
}

void *__wrap_sodium_malloc(size_t size)
{
    return may_allocate() ? __real_sodium_malloc(size) : NULL;
}

/* Each of these makes what it can and frees it. False: there was no memory for something. */

static bool make_rules(void)
{
    static const unsigned char seed[RULES_SEED];
    static const struct domain_policy policy = {.name = "example.org"};
    static const struct rule rule = {.mode = RULE_HOSTS_DOMAIN};
    struct rules *rules = rules_init(seed);

    if (rules == NULL)
        return false;
    bool good = rules_add_domain(rules, &policy);
    for (char c = 'a'; good && c <= 'z'; c++) { /* so many that its table grows */
        const char locals[] = {c, 'x', 'y'};
        good = rules_add_user(rules, text_of("example.org"), (struct text){locals, 2}, &rule) &&
               rules_add_user(rules, text_of("example.org"), (struct text){locals, 3}, &rule);
    }
    rules_free(&rules);
    return good;
}

static bool make_sealer(void)
{
    static const unsigned char host_secret[KEY_OCTETS] = {1};
    static const unsigned char service_secret[KEY_OCTETS] = {2};
    unsigned char service_public[KEY_OCTETS];
    enum key_result result = KEY_WEAK;

    key_public(service_secret, service_public);
    struct sealer *sealer = sealer_init("mail.example.org", host_secret, service_public, &result);
    const bool good = sealer != NULL;
    assert_int_equal(result, KEY_OK);
    assert_true(sealer_free(&sealer));
    return good;
}

static struct text pem; /* of a key of 2013 */

static bool make_classic_key(void)
{
    const char *error;
    struct classic_key *key = classic_key_init(pem, &error);
    const bool good = key != NULL;

    classic_key_free(&key);
    return good;
}

static void parser_takes_field(void *context, const struct field *field)
{
    message_parser_field(context, field);
}

static void parser_takes_header_end(void *context)
{
    message_parser_header_end(context);
}

static void parser_takes_body(void *context, struct text piece)
{
    message_parser_body(context, piece);
}

/* Cut into fields, parsed and digested. */
static bool read_message(void)
{
    static const struct message_events events = {
            parser_takes_field, parser_takes_header_end, parser_takes_body};
    static const struct message_parser_missing missing = {
            "Fri, 1 Mar 2024 10:00:00 +0100", "<1@example.org>"};
    static const char text[] = "Verimail: alice@example.org QUJDREVGQUJDREVG\r\n"
                               "From: alice@example.org\r\nSubject: hello\r\n\r\nHello\r\n";
    struct message_parser *parser = message_parser_init(&missing);

    if (parser == NULL)
        return false;
    struct message *message = message_init(&events, parser);
    enum message_result result = MESSAGE_MEMORY;
    for (size_t i = 0; message != NULL && i < sizeof text - 1; i++) /* so that it holds them */
        result = message_feed(message, (struct text){text + i, 1});
    if (message != NULL)
        result = message_end(message);
    message_parser_broken(parser, result);
    const enum message_parser_error fault = message_parser_end(parser);
    message_free(&message);
    message_parser_free(&parser);
    if (fault != MESSAGE_PARSER_OK)
        assert_int_equal(fault, MESSAGE_PARSER_MEMORY);
    return fault == MESSAGE_PARSER_OK;
}

static const struct job {
    struct unit_row row;
    bool (*run)(void);
} jobs[] = {
        {{"rules", NULL}, make_rules},
        {{"sealer", NULL}, make_sealer},
        {{"classic_key", NULL}, make_classic_key},
        {{"message", NULL}, read_message},
};

static struct vectors *vectors;

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
    vectors = vectors_open("classic.txt");
    while (vectors_next(vectors) && !vectors_has(vectors, "key"))
        continue;
    pem = vectors_get(vectors, "key");
}

AFTER_ALL()
{
    vectors_free(&vectors);
}

TEST_EACH(each_allocation_fails_in_turn, jobs)
{
    size_t count = 0;

    for (bool done = false; !done; count++) {
        allocations_left = count;
        is_out = false;
        done = row->run();
        const bool was_out = is_out;
        allocations_left = SIZE_MAX;
        is_out = false;
        if (done == was_out)
            fail_msg("%zu allocations: %s", count, done ? "done without memory" : "refused");
    }
    assert_true(count > 1);
}
