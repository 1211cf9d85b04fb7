// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/digest.h"
#include "protocol/message.h"

/* The same digest, or the same reason that there is none, whatever the chunks and the line ends,
 * with the folds undone, with empty lines more at the end and with a field more that does not
 * count. Another one with a field more that does, or with another octet in one. The body also
 * against a second, simpler canonicalization that sees all of it at once. */

struct outcome {
    enum message_result result;
    enum digest_result digest;
    bool ok; /* there is a digest */
    char text[DIGEST_TEXT + 1];
};

struct digested {
    struct digest *digest;
    enum digest_result result;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void take_field(void *context, const struct field *field)
{
    struct digested *digested = context;

    digested->result = digest_field(digested->digest, field);
}

static void take_header_end(void *context)
{
    (void)context;
}

static void take_body(void *context, struct text piece)
{
    const struct digested *digested = context;

    digest_body(digested->digest, piece);
}

static struct outcome digest_message(struct text t, size_t longest_chunk)
{
    static const struct message_events events = {take_field, take_header_end, take_body};
    struct digested digested = {digest_init(), DIGEST_OK};
    struct message *m = message_init(&events, &digested);
    struct outcome o;
    size_t seed = t.len;

    require(digested.digest != NULL && m != NULL);
    for (size_t i = 0; i < t.len;) {
        seed = seed * 1103515245 + 12345;
        const size_t wanted = 1 + (seed >> 16) % longest_chunk;
        const size_t len = wanted < t.len - i ? wanted : t.len - i;
        (void)!message_feed(m, (struct text){t.at + i, len});
        i += len;
    }
    o.result = message_end(m);
    o.digest = digested.result;
    o.ok = o.result == MESSAGE_OK && o.digest == DIGEST_OK;
    require(o.digest <= DIGEST_SPACED);
    digest_final(digested.digest, o.text);
    require(digest_is_text(text_of(o.text)) == (o.digest == DIGEST_OK));
    message_free(&m);
    digest_free(&digested.digest);
    return o;
}

static void chunks_do_not_matter(struct text t, struct outcome want)
{
    static const size_t longest[] = {1, 7};

    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        const struct outcome got = digest_message(t, longest[i]);
        require(got.result == want.result && got.digest == want.digest);
        require(strcmp(got.text, want.text) == 0);
    }
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

/* Where the header section has a LF before white space: that is a fold. */
static void folds_do_not_matter(struct text t, struct outcome want, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);
    bool in_header = t.len > 0 && !text_is_white(t.at[0]);

    for (size_t i = 0; i < t.len; i++) {
        const size_t eol = t.at[i] == '\r' && i + 1 < t.len && t.at[i + 1] == '\n' ? 2
                           : t.at[i] == '\n'                                       ? 1
                                                                                   : 0;
        const char next = i + eol < t.len ? t.at[i + eol] : '\0';
        if (in_header && eol > 0 && text_is_space(next)) {
            i += eol - 1;
            continue;
        }
        in_header = in_header && (eol == 0 || (next != '\r' && next != '\n'));
        writer_char(&w, t.at[i]);
    }
    require(!w.failed);
    const struct outcome got = digest_message(writer_text(&w), 64);
    if (got.ok)
        require(strcmp(got.text, want.text) == 0);
}

/* One of the names that count, before all others. */
static void fields_count(struct text t, struct outcome want, char *buffer, size_t size)
{
    const size_t which = FIELD_OTHER + 1 + t.len % (FIELD_DIGESTED_END - FIELD_OTHER - 1);
    struct writer w = writer_of(buffer, size);

    writer_string(&w, field_name_text((enum field_name)which));
    writer_string(&w, " :\n");
    writer_put(&w, t);
    require_digest(w, want, false);
}

/* The input as a value of each kind: another digest with another octet in it. */
static void octets_count(struct text value, char *buffer, size_t size)
{
    static const char *const names[] = {"To:", "Subject:", "Date:", "Content-Type:"};

    if (value.len == 0 || value.len > DIGEST_LINE_MAX / 2 ||
            memchr(value.at, '\n', value.len) != NULL || memchr(value.at, '\r', value.len) != NULL)
        return;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct writer w = writer_of(buffer, size);
        writer_string(&w, names[n]);
        writer_put(&w, value);
        require(!w.failed);
        char *octet = w.at - 1 - (unsigned char)value.at[0] % value.len;
        const struct outcome want = digest_message(writer_text(&w), 64);
        require(want.ok);
        if (text_is_white(*octet))
            continue;
        *octet = *octet == 'x' ? 'y' : 'x';
        require(strcmp(digest_message(writer_text(&w), 64).text, want.text) != 0);
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
    struct writer w = writer_of(buffer, size);
    struct reader lines = reader_of(body);
    unsigned char octets[DIGEST_OCTETS];
    char want[DIGEST_TEXT + 1];
    char got[DIGEST_TEXT + 1];
    size_t empty = 0;

    for (unsigned i = FIELD_OTHER + 1; i < FIELD_DIGESTED_END; i++) {
        writer_string(&w, field_name_text((enum field_name)i));
        writer_string(&w, ":0\r\n");
    }
    writer_string(&w, "\r\n");
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
    chunks_do_not_matter(t, want);
    octets_count(t, buffer, buffer_size);
    if (want.ok) {
        folds_do_not_matter(t, want, buffer, buffer_size);
        fields_count(t, want, buffer, buffer_size);
        line_ends_do_not_matter(t, want, buffer, buffer_size);
        put_before("Received: x\n", t, want, true, buffer, buffer_size);
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
