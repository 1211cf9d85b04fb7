// SPDX-License-Identifier: ISC
#include "protocol/digest.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"

#define KEPT_FIRST 256 /* octets; most fields need no more */

/* What a run of white space between words becomes. In these two fields only white space tells words
 * apart: without it `now here` and `nowhere` would be the same subject. */
static const char *digest_gap(enum field_name name)
{
    return name == FIELD_SUBJECT || name == FIELD_CONTENT_TYPE ? " " : "";
}

/* All instances of one name so far, in the form that is hashed. */
struct kept {
    char *at;
    size_t len;
    size_t size;
    uint64_t instances;
};

struct digest {
    crypto_generichash_state hash;        /* wants 64-octet alignment, and so does this struct */
    struct kept kept[FIELD_DIGESTED_END]; /* FIELD_OTHER has none */
    size_t octets;                        /* of the kept names and values, as they came */
    bool failed;
    bool in_body;
    /* What has come of the body but is not hashed, for it may be dropped: `lines` line ends, then
     * white space, then a CR that may belong to a line end. */
    uint64_t lines;
    bool white;
    bool cr;
    bool any; /* something of the body was hashed */
};

struct digest *digest_init(void)
{
    struct digest *d = aligned_alloc(_Alignof(struct digest), sizeof *d);

    if (d == NULL)
        return NULL;
    memset(d, 0, sizeof *d);
    crypto_generichash_init(&d->hash, NULL, 0, DIGEST_OCTETS);
    return d;
}

void digest_free(struct digest **digest)
{
    if (*digest == NULL)
        return;
    for (size_t i = FIELD_OTHER + 1; i < FIELD_DIGESTED_END; i++)
        free((*digest)->kept[i].at);
    free(*digest);
    *digest = NULL;
}

static bool digest_make_room(struct kept *kept, size_t len)
{
    size_t size = kept->size > 0 ? kept->size : KEPT_FIRST;

    while (size < kept->len + len)
        size *= 2;
    if (size == kept->size)
        return true;
    char *at = realloc(kept->at, size);
    if (at == NULL)
        return false;
    kept->at = at;
    kept->size = size;
    return true;
}

static void digest_write_value(struct writer *w, struct text value, const char *gap)
{
    bool in_white = false;

    value = text_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (text_is_white(value.at[i])) {
            in_white = true;
            continue;
        }
        if (in_white)
            writer_string(w, gap);
        in_white = false;
        writer_char(w, value.at[i]);
    }
}

bool digest_field(struct digest *d, enum field_name name, struct text value)
{
    if (d->failed || name == FIELD_OTHER || name >= FIELD_DIGESTED_END)
        return !d->failed;
    const size_t name_len = strlen(field_name_text(name));
    struct kept *kept = &d->kept[name];
    if (d->in_body || value.len > MESSAGE_HEADER_MAX - d->octets ||
            name_len > MESSAGE_HEADER_MAX - d->octets - value.len ||
            !digest_make_room(kept, name_len + strlen(":\r\n") + value.len)) {
        d->failed = true;
        return false;
    }
    struct writer w = writer_of(kept->at + kept->len, kept->size - kept->len);
    writer_string(&w, field_name_text(name));
    writer_char(&w, ':');
    digest_write_value(&w, value, digest_gap(name));
    writer_string(&w, "\r\n");
    kept->len += writer_text(&w).len;
    kept->instances++;
    d->octets += name_len + value.len;
    return true;
}

static void digest_hash(struct digest *d, struct text t)
{
    crypto_generichash_update(&d->hash, (const unsigned char *)t.at, t.len);
}

static void digest_hash_count(struct digest *d, const char *name, uint64_t instances)
{
    char buffer[64];
    struct writer w = writer_of(buffer, sizeof buffer);

    writer_string(&w, name);
    writer_char(&w, ':');
    writer_decimal(&w, instances);
    writer_string(&w, "\r\n");
    digest_hash(d, writer_text(&w));
}

static void digest_begin_body(struct digest *d)
{
    if (d->in_body)
        return;
    for (size_t i = FIELD_OTHER + 1; i < FIELD_DIGESTED_END; i++) {
        digest_hash_count(d, field_name_text((enum field_name)i), d->kept[i].instances);
        digest_hash(d, (struct text){d->kept[i].at, d->kept[i].len});
    }
    digest_hash(d, text_of("\r\n"));
    d->in_body = true;
}

static void digest_hash_lines(struct digest *d)
{
    static const char ends[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

    while (d->lines > 0) {
        const uint64_t all = sizeof ends / strlen("\r\n");
        const uint64_t some = d->lines < all ? d->lines : all;
        digest_hash(d, (struct text){ends, some * strlen("\r\n")});
        d->lines -= some;
    }
}

/* Octets that stay: so does what waited before them, other than a CR. */
static void digest_hash_body(struct digest *d, struct text octets)
{
    digest_hash_lines(d);
    if (d->white)
        digest_hash(d, text_of(" "));
    d->white = false;
    d->any = true;
    digest_hash(d, octets);
}

/* The CR that waited is not part of a line end. */
static void settle_cr(struct digest *d)
{
    if (d->cr)
        digest_hash_body(d, text_of("\r"));
    d->cr = false;
}

/* White space is dropped before empty lines are looked for, as the steps of RFC 6376 3.4.4 stand:
 * a line of white space only is an empty one. */
static void digest_take_white(struct digest *d, char c)
{
    if (c == '\n') {
        d->cr = false;
        d->white = false;
        d->lines++;
    } else if (c == '\r') {
        d->cr = true;
    } else {
        d->white = true;
    }
}

void digest_body(struct digest *d, struct text chunk)
{
    digest_begin_body(d);
    for (size_t i = 0; i < chunk.len;) {
        size_t run = 0;
        if (chunk.at[i] != '\n')
            settle_cr(d);
        while (i + run < chunk.len && !text_is_white(chunk.at[i + run]))
            run++;
        if (run > 0) {
            digest_hash_body(d, (struct text){chunk.at + i, run});
            i += run;
        } else {
            digest_take_white(d, chunk.at[i++]);
        }
    }
}

void digest_final(struct digest *d, char text_r[DIGEST_TEXT + 1])
{
    unsigned char octets[DIGEST_OCTETS];

    digest_begin_body(d);
    settle_cr(d);
    if (d->any)
        digest_hash(d, text_of("\r\n"));
    crypto_generichash_final(&d->hash, octets, sizeof octets);
    sodium_bin2base64(text_r, DIGEST_TEXT + 1, octets, sizeof octets,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (d->failed)
        text_r[0] = '\0';
}

bool digest_is_text(struct text t)
{
    return t.len == DIGEST_TEXT && text_is_base64(t);
}
