// SPDX-License-Identifier: ISC
#include "protocol/stamp.h"

#include <string.h>

/* base64url, or the hex digits of a payload of 2013, which are among its digits. `-` is what a
 * question says when there is no stamp, so no stamp may say it. */
static bool is_payload(struct text t)
{
    return text_is_token(t) && !text_equal(t, text_of("-"));
}

/* A writer of a field's lines, which knows how long the last one is. */
struct folder {
    struct writer *w;
    const char *eol;
    size_t line;  /* octets of the present line */
    size_t total; /* of all of them, each line end counted as CRLF */
};

static void stamp_put(struct folder *f, struct text t)
{
    writer_put(f->w, t);
    f->line += t.len;
    f->total += t.len;
}

/* White space before `len` octets that should stay on one line: a fold if they do not fit. */
static void stamp_put_gap(struct folder *f, size_t len)
{
    if (f->line + 1 + len > STAMP_LINE_MAX) {
        writer_string(f->w, f->eol);
        f->total += strlen("\r\n");
        f->line = 0;
    }
    stamp_put(f, text_of(" "));
}

static struct text stamp_cut_front(struct text *t, size_t len)
{
    const struct text front = {t->at, len < t->len ? len : t->len};

    t->at += front.len;
    t->len -= front.len;
    return front;
}

bool stamp_format(
        const struct address *user, struct text payload, const char *eol, struct writer *w)
{
    const size_t name_len = strlen(STAMP_NAME ":");
    struct folder f = {.w = w, .eol = eol, .line = name_len, .total = name_len};
    struct text rest = payload;

    stamp_put_gap(&f, user->len);
    stamp_put(&f, address_text(user));
    while (rest.len > 0) {
        stamp_put_gap(&f, 1);
        stamp_put(&f, stamp_cut_front(&rest, STAMP_LINE_MAX - f.line));
    }
    if (!is_payload(payload) || f.total > STAMP_FIELD_MAX)
        w->failed = true;
    return !w->failed;
}

/* Takes folding white space, if there is any: SP and HTAB, and line ends with one of these behind
 * them. False at a CR or LF that is no fold. Adds to `bare_r` the line ends that have no CR. */
static bool stamp_take_gap(struct text *rest, size_t *bare_r)
{
    while (rest->len > 0 && text_is_white(rest->at[0])) {
        if (!text_is_space(rest->at[0])) {
            const size_t end = rest->at[0] == '\r' ? 2 : 1;
            if (rest->len <= end || rest->at[end - 1] != '\n' || !text_is_space(rest->at[end]))
                return false;
            (void)stamp_cut_front(rest, end);
            *bare_r += end == 1;
        }
        (void)stamp_cut_front(rest, 1);
    }
    return true;
}

static struct text stamp_take_word(struct text *rest)
{
    size_t len = 0;

    while (len < rest->len && !text_is_white(rest->at[len]))
        len++;
    return stamp_cut_front(rest, len);
}

bool stamp_parse(struct text value, struct stamp *stamp_r)
{
    struct writer payload = writer_of(stamp_r->payload, STAMP_PAYLOAD_MAX);
    struct text rest = value;
    size_t bare = 0;

    if (!stamp_take_gap(&rest, &bare))
        return false;
    const struct text user = stamp_take_word(&rest);
    while (rest.len > 0) {
        if (!stamp_take_gap(&rest, &bare))
            return false;
        writer_put(&payload, stamp_take_word(&rest));
    }
    *payload.at = '\0';
    return strlen(STAMP_NAME ":") + value.len + bare <= STAMP_FIELD_MAX &&
           is_payload(writer_text(&payload)) &&
           address_parse(user, (struct text){NULL, 0}, &stamp_r->user);
}
