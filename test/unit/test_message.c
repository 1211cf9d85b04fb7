// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "exact.h"
#include "protocol/message.h"
#include "unit.h"

/* What came out of a message, as one text: `name|value|offset+len\n` for a field (`name~|` where
 * white space stood before the colon), `=\n` for the header's end, then the body. */
struct seen {
    char buffer[4096];
    struct writer w;
    size_t fields;
    uint64_t next_offset;
    bool tiled;
};

static void see_field(void *context, const struct field *field)
{
    struct seen *seen = context;

    writer_put(&seen->w, field->name);
    writer_string(&seen->w, field->space_before_colon ? "~|" : "|");
    writer_put(&seen->w, field->value);
    writer_char(&seen->w, '|');
    writer_decimal(&seen->w, field->offset);
    writer_char(&seen->w, '+');
    writer_decimal(&seen->w, field->len);
    writer_char(&seen->w, '\n');
    seen->tiled = seen->tiled && field->offset == seen->next_offset;
    seen->next_offset = field->offset + field->len;
    seen->fields++;
}

static void see_header_end(void *context)
{
    struct seen *seen = context;

    writer_string(&seen->w, "=\n");
}

static void see_body(void *context, struct text piece)
{
    struct seen *seen = context;

    assert_true(piece.len > 0);
    writer_put(&seen->w, piece);
}

static void see_not_field(void *context, struct text lines)
{
    struct seen *seen = context;

    writer_char(&seen->w, '!');
    writer_put(&seen->w, lines);
    writer_char(&seen->w, '\n');
    seen->next_offset += lines.len;
}

static const struct message_events see = {see_field, see_header_end, see_body, see_not_field};

static struct message *start(struct seen *seen)
{
    struct message *m = message_init(&see, seen);

    assert_non_null(m);
    *seen = (struct seen){.tiled = true};
    seen->w = writer_of(seen->buffer, sizeof seen->buffer);
    return m;
}

/* Each chunk in a heap copy of its own: nothing may be kept of it. */
static enum message_result feed(struct message *m, struct text t, size_t chunk)
{
    enum message_result result = MESSAGE_OK;

    for (size_t i = 0; i < t.len; i += chunk) {
        const size_t len = t.len - i < chunk ? t.len - i : chunk;
        const struct text copy = exact_copy((struct text){t.at + i, len});
        result = message_feed(m, copy);
        exact_free(copy);
    }
    return result;
}

#define TEXT(s)                                                                                    \
    {                                                                                              \
        s, sizeof s - 1                                                                            \
    }

static const struct message_case {
    struct text in;
    struct text want;
    enum message_result result;
    uint64_t line;
    bool crlf;
} table[] = {
        {TEXT(""), TEXT("=\n"), MESSAGE_OK, 0, false},
        {TEXT("\r\n"), TEXT("=\n"), MESSAGE_OK, 0, true},
        {TEXT("\n"), TEXT("=\n"), MESSAGE_OK, 0, false},
        {TEXT("\r\n\r\nx\r\n"), TEXT("=\n\r\nx\r\n"), MESSAGE_OK, 0, true},
        {TEXT("A: b\r\n\r\nbody\n"), TEXT("A| b|0+6\n=\nbody\n"), MESSAGE_OK, 0, true},
        {TEXT("A: b\nC:d\r\n\nbody"), TEXT("A| b|0+5\nC|d|5+5\n=\nbody"), MESSAGE_OK, 0, false},
        /* a message may end anywhere in its header section */
        {TEXT("A: b\r\n"), TEXT("A| b|0+6\n=\n"), MESSAGE_OK, 0, true},
        {TEXT("A: b"), TEXT("A| b|0+4\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("A: b\r"), TEXT("A| b\r|0+5\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("A:"), TEXT("A||0+2\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("A: b\r\n c"), TEXT("A| b\r\n c|0+8\n=\n"), MESSAGE_OK, 0, true},
        {TEXT("A: b\r\n\r"), TEXT("A| b|0+6\n!\r\n"), MESSAGE_NOT_FIELD, 2, true},
        /* folds, also lines of white space only */
        {TEXT("A: b\r\n c\r\n\td\r\nE: f\r\n\r\n"), TEXT("A| b\r\n c\r\n\td|0+14\nE| f|14+6\n=\n"),
                MESSAGE_OK, 0, true},
        {TEXT("A: b\n \nE: f\n\n"), TEXT("A| b\n |0+7\nE| f|7+5\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("A: b\n \t\n\nE: f\n"), TEXT("A| b\n \t|0+8\n=\nE: f\n"), MESSAGE_OK, 0, false},
        {TEXT("A:\r\n b\r\n\r\n"), TEXT("A|\r\n b|0+8\n=\n"), MESSAGE_OK, 0, true},
        {TEXT("A: \r\n\r\n"), TEXT("A| |0+5\n=\n"), MESSAGE_OK, 0, true},
        {TEXT("A: :b: c\n\n"), TEXT("A| :b: c|0+9\n=\n"), MESSAGE_OK, 0, false},
        /* the name, and white space behind it */
        {TEXT("From : a\n\n"), TEXT("From~| a|0+9\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("From \t: a\n\n"), TEXT("From~| a|0+10\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("From\r\n : a\r\n\r\n"), TEXT("From~| a|0+12\n=\n"), MESSAGE_OK, 0, true},
        {TEXT("From\n \n\t: a\n\n"), TEXT("From~| a|0+12\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("!~/: a\n\n"), TEXT("!~/| a|0+7\n=\n"), MESSAGE_OK, 0, false},
        {TEXT(": a\n\n"), TEXT("!: a\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT("\x7f: a\n\n"), TEXT("!\x7f: a\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT("\xc3\xa4: a\n\n"), TEXT("!\xc3\xa4: a\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT("A\0: a\n\n"), TEXT("!A\0: a\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT("From\r: a\n\n"), TEXT("!From\r: a\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT("From a: b\n\n"), TEXT("!From a: b\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT("From\n a: b\n\n"), TEXT("!From\n a: b\n\n"), MESSAGE_NOT_FIELD, 1, false},
        /* what is no field; fields behind it, but neither the end nor a body */
        {TEXT(" From: a\r\nFrom: b\r\n\r\nbody"), TEXT("! From: a\r\n\nFrom| b|10+9\n"),
                MESSAGE_NOT_FIELD, 1, true},
        {TEXT("\tA: b\n\n"), TEXT("!\tA: b\n\n"), MESSAGE_NOT_FIELD, 1, false},
        {TEXT(" \r\nA: b\r\n\r\n"), TEXT("! \r\n\nA| b|3+6\n"), MESSAGE_NOT_FIELD, 1, true},
        {TEXT("A: b\n c\nword\n d\nE: f\n\nbody"), TEXT("A| b\n c|0+8\n!word\n d\n\nE| f|16+5\n"),
                MESSAGE_NOT_FIELD, 3, false},
        {TEXT("A: b\nword"), TEXT("A| b|0+5\n!word\n"), MESSAGE_NOT_FIELD, 2, false},
        {TEXT("A: b\nword\n\nbody"), TEXT("A| b|0+5\n!word\n\n"), MESSAGE_NOT_FIELD, 2, false},
        /* a CR that ends no line, and a NUL, are octets */
        {TEXT("A: b\rC: d\n\n"), TEXT("A| b\rC: d|0+10\n=\n"), MESSAGE_OK, 0, false},
        {TEXT("A: b\r\r\n\r\n"), TEXT("A| b\r|0+7\n=\n"), MESSAGE_OK, 0, true},
        {TEXT("A: b\n\r\r\nx"), TEXT("A| b|0+5\n!\r\r\n\n!x\n"), MESSAGE_NOT_FIELD, 2, false},
        {TEXT("A: b\n\rB: c\n\n"), TEXT("A| b|0+5\n!\rB: c\n\n"), MESSAGE_NOT_FIELD, 2, false},
        {TEXT("A: b\n\n\r\n\0\r"), TEXT("A| b|0+5\n=\n\r\n\0\r"), MESSAGE_OK, 0, false},
};

static void check(const struct message_case *c, size_t chunk)
{
    struct seen seen;
    struct message *m = start(&seen);
    (void)feed(m, c->in, chunk);
    const enum message_result result = message_end(m);
    const struct text got = writer_text(&seen.w);

    if (!text_equal(got, c->want) || result != c->result || message_line(m) != c->line ||
            message_is_crlf(m) != c->crlf || !seen.tiled) {
        print_error("\"%.*s\" by %zu: got %d in line %llu, crlf %d, tiled %d:\n%.*s\n"
                    "want %d in line %llu, crlf %d:\n%.*s\n",
                (int)c->in.len, c->in.at, chunk, (int)result, (unsigned long long)message_line(m),
                message_is_crlf(m), seen.tiled, (int)got.len, got.at, (int)c->result,
                (unsigned long long)c->line, c->crlf, (int)c->want.len, c->want.at);
        fail();
    }
    message_free(&m);
    assert_null(m);
}

TEST(events_do_not_depend_on_chunks)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t chunk = 1; chunk <= table[i].in.len + 1; chunk++)
            check(&table[i], chunk);
}

/* Two fields, the second as long as makes `octets` of header section with the empty line. */
static struct text make_big(size_t octets)
{
    static const char head[] = "B: c\r\nA:";
    static const char tail[] = "\r\n\r\n";
    char *big = malloc(octets);

    assert_non_null(big);
    memset(big, 'x', octets);
    memcpy(big, head, strlen(head));
    memcpy(big + octets - strlen(tail), tail, strlen(tail));
    return (struct text){big, octets};
}

static void check_big(size_t octets, size_t chunk, size_t want_fields, uint64_t want_line)
{
    const struct text big = make_big(octets);
    struct seen seen;
    struct message *m = start(&seen);
    (void)feed(m, big, chunk);
    const enum message_result result = message_end(m);

    if (result != (want_line == 0 ? MESSAGE_OK : MESSAGE_TOO_LARGE) || seen.fields != want_fields ||
            message_line(m) != want_line) {
        print_error("%zu octets by %zu: got %d, %zu fields, line %llu; want %zu, %llu\n", octets,
                chunk, (int)result, seen.fields, (unsigned long long)message_line(m), want_fields,
                (unsigned long long)want_line);
        fail();
    }
    message_free(&m);
    exact_free(big);
}

TEST(header_at_its_limit)
{
    static const size_t chunks[] = {5, 4096, 2 * MESSAGE_HEADER_MAX};

    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        check_big(MESSAGE_HEADER_MAX, chunks[i], 2, 0);
        /* The empty line does not fit; the field above it does. */
        check_big(MESSAGE_HEADER_MAX + 1, chunks[i], 2, 3);
        check_big(MESSAGE_HEADER_MAX + 2, chunks[i], 2, 3);
        check_big(MESSAGE_HEADER_MAX + 3, chunks[i], 1, 2);
    }
}

static enum message_result read_many(size_t fields, uint64_t *line_r, size_t *fields_r)
{
    struct seen seen;
    struct message *m = start(&seen);

    for (size_t i = 0; i < fields; i++)
        (void)feed(m, text_of("A: b\r\n c\r\n"), 100);
    (void)feed(m, text_of("\r\n"), 2);
    const enum message_result result = message_end(m);
    *line_r = message_line(m);
    *fields_r = seen.fields;
    message_free(&m);
    return result;
}

TEST(fields_at_their_limit)
{
    uint64_t line;
    size_t fields;

    assert_int_equal(read_many(MESSAGE_FIELDS_MAX, &line, &fields), MESSAGE_OK);
    assert_int_equal(fields, MESSAGE_FIELDS_MAX);
    assert_int_equal(read_many(MESSAGE_FIELDS_MAX + 1, &line, &fields), MESSAGE_TOO_LARGE);
    assert_int_equal(fields, MESSAGE_FIELDS_MAX);
    assert_int_equal(line, 2 * MESSAGE_FIELDS_MAX + 1);
}

TEST(a_failure_stays)
{
    struct seen seen;
    struct message *m = start(&seen);

    assert_int_equal(feed(m, text_of("A: b\nword\nC: d"), 100), MESSAGE_NOT_FIELD);
    assert_int_equal(feed(m, text_of("\nE: f\n\nbody"), 100), MESSAGE_NOT_FIELD);
    assert_int_equal(message_end(m), MESSAGE_NOT_FIELD);
    assert_int_equal(message_line(m), 2);
    assert_true(
            text_equal(writer_text(&seen.w), text_of("A| b|0+5\n!word\n\nC| d|10+5\nE| f|15+5\n")));
    message_free(&m);
    message_free(&m);
}
