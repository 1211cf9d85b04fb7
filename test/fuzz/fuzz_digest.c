// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/digest.h"
#include "protocol/message.h"

/* The same digest whatever the chunks and the line ends, with empty lines more at the end and with
 * a field more that does not count; another one with a field more that does. The body also against
 * a second, simpler canonicalization that sees all of it at once. */

struct outcome {
    bool ok;
    char text[DIGEST_TEXT + 1];
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void take_field(void *context, const struct field *field)
{
    (void)!digest_field(context, field);
}

static void take_header_end(void *context)
{
    (void)context;
}

static void take_body(void *context, struct text piece)
{
    digest_body(context, piece);
}

static struct outcome digest_message(struct text t, size_t longest_chunk)
{
    static const struct message_events events = {take_field, take_header_end, take_body};
    struct digest *d = digest_init();
    struct message *m = message_init(&events, d);
    struct outcome o = {.ok = true};
    size_t seed = t.len;

    require(d != NULL && m != NULL);
    for (size_t i = 0; i < t.len && o.ok;) {
        seed = seed * 1103515245 + 12345;
        const size_t wanted = 1 + (seed >> 16) % longest_chunk;
        const size_t len = wanted < t.len - i ? wanted : t.len - i;
        o.ok = message_feed(m, (struct text){t.at + i, len}) == MESSAGE_OK;
        i += len;
    }
    o.ok = message_end(m) == MESSAGE_OK;
    digest_final(d, o.text);
    require(digest_is_text(text_of(o.text)));
    message_free(&m);
    digest_free(&d);
    return o;
}

static void require_digest(struct writer w, struct outcome want, bool same)
{
    require(!w.failed);
    const struct outcome got = digest_message(writer_text(&w), 64);
    if (got.ok)
        require((strcmp(got.text, want.text) == 0) == same);
}

/* Every line end as `eol`. To LF only where no CR would become part of a line end by that. */
static void line_ends_do_not_matter(struct text t, struct outcome want, char *buffer, size_t size)
{
    static const char *const eols[] = {"\r\n", "\n"};

    for (size_t e = 0; e < 2; e++) {
        struct writer w = writer_of(buffer, size);
        for (size_t i = 0; i < t.len; i++) {
            const bool is_cr = t.at[i] == '\r' && i + 1 < t.len && t.at[i + 1] == '\n';
            const bool is_stray = is_cr && i > 0 && t.at[i - 1] == '\r';
            if (is_stray && e == 1)
                return;
            if (is_cr)
                continue;
            if (t.at[i] == '\n')
                writer_string(&w, eols[e]);
            else
                writer_char(&w, t.at[i]);
        }
        require_digest(w, want, true);
    }
}

static void put_before(
        const char *field, struct text t, struct outcome want, bool same, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);

    writer_string(&w, field);
    writer_put(&w, t);
    require_digest(w, want, same);
}

static void put_line(struct writer *w, struct text line, size_t *empty)
{
    while (line.len > 0 && text_is_space(line.at[line.len - 1]))
        line.len--;
    if (line.len == 0) {
        (*empty)++;
        return;
    }
    for (; *empty > 0; (*empty)--)
        writer_string(w, "\r\n");
    for (size_t i = 0; i < line.len; i++)
        if (!text_is_space(line.at[i]))
            writer_char(w, line.at[i]);
        else if (i == 0 || !text_is_space(line.at[i - 1]))
            writer_char(w, ' ');
    writer_string(w, "\r\n");
}

static void body_as_one_piece(struct text body, char *buffer, size_t size)
{
    static const char counts[] = "from:0\r\nsender:0\r\nreply-to:0\r\nto:0\r\ncc:0\r\nsubject:0\r\n"
                                 "date:0\r\nmessage-id:0\r\nmime-version:0\r\ncontent-type:0\r\n"
                                 "content-transfer-encoding:0\r\n\r\n";
    struct writer w = writer_of(buffer, size);
    struct reader lines = reader_of(body);
    unsigned char octets[DIGEST_OCTETS];
    char want[DIGEST_TEXT + 1];
    char got[DIGEST_TEXT + 1];
    size_t empty = 0;

    writer_string(&w, counts);
    while (lines.rest.len > 0) {
        const bool has_end = memchr(lines.rest.at, '\n', lines.rest.len) != NULL;
        struct text line = reader_field(&lines, '\n');
        if (has_end && line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        put_line(&w, line, &empty);
    }
    require(!w.failed);
    const struct text all = writer_text(&w);
    crypto_generichash(octets, sizeof octets, (const unsigned char *)all.at, all.len, NULL, 0);
    sodium_bin2base64(
            want, sizeof want, octets, sizeof octets, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    struct digest *d = digest_init();
    require(d != NULL);
    for (size_t i = 0; i < body.len; i += 3)
        digest_body(d, (struct text){body.at + i, body.len - i < 3 ? body.len - i : 3});
    digest_final(d, got);
    digest_free(&d);
    require(strcmp(got, want) == 0);
}

static bool has_empty_line(struct text t)
{
    struct reader r = reader_of(t);

    while (!r.failed) {
        const struct text line = reader_until(&r, '\n');
        if (!r.failed && (line.len == 0 || text_equal(line, text_of("\r"))))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text t = {(const char *)data, size};
    const size_t buffer_size = 2 * size + 1024;
    char *buffer = malloc(buffer_size);

    require(buffer != NULL);
    body_as_one_piece(t, buffer, buffer_size);
    const struct outcome want = digest_message(t, size + 1);
    if (want.ok) {
        require(strcmp(digest_message(t, 1).text, want.text) == 0);
        require(strcmp(digest_message(t, 7).text, want.text) == 0);
        line_ends_do_not_matter(t, want, buffer, buffer_size);
        put_before("Received: x\n", t, want, true, buffer, buffer_size);
        put_before("subject:\n", t, want, false, buffer, buffer_size);
        put_before("FROM \n :x\n", t, want, false, buffer, buffer_size);
    }
    if (want.ok && has_empty_line(t)) {
        struct writer w = writer_of(buffer, buffer_size);
        writer_put(&w, t);
        writer_string(&w, " \t\r\n\n \r\n\t");
        require_digest(w, want, true);
    }
    free(buffer);
    return 0;
}
