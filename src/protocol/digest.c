// SPDX-License-Identifier: ISC
#include "protocol/digest.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"

#define KEPT_FIRST 256 /* octets; most fields need no more */
#define DIGEST_AT_ONCE                                                                             \
    2048 /* octets of the body's lines: where one needs a change, so many go the                   \
            slow way */

/* What becomes of white space inside a value. */
enum digest_space {
    SPACE_BETWEEN, /* one SP for a run, but none beside what divides addresses: mail servers
                      re-space them, and `bob@example.co m` is not bob@example.com */
    SPACE_ONE,     /* one SP for a run: `now here` is not `nowhere` */
    SPACE_QUOTED,  /* the same, but kept inside quotes: a boundary, a file name */
};

static const enum digest_space digest_spaces[FIELD_DIGESTED_END] = {
        [FIELD_SUBJECT] = SPACE_ONE,
        [FIELD_DATE] = SPACE_ONE,
        [FIELD_CONTENT_TYPE] = SPACE_QUOTED,
        [FIELD_CONTENT_DISPOSITION] = SPACE_QUOTED,
        [FIELD_CONTENT_LOCATION] = SPACE_ONE,
        [FIELD_LIST_POST] = SPACE_ONE,
        [FIELD_LIST_UNSUBSCRIBE] = SPACE_ONE,
        [FIELD_LIST_UNSUBSCRIBE_POST] = SPACE_ONE,
        [FIELD_AUTOCRYPT] = SPACE_ONE,
};

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
    enum digest_result result;
    bool in_body;
    uint64_t column;  /* octets of the present line of the body */
    uint64_t longest; /* of the lines before it */
    /* What has come of the body but is not hashed, for it may be dropped: `lines` line ends, then
     * white space, then a CR that may belong to a line end. */
    uint64_t lines;
    bool white;
    bool cr;
    bool any; /* something of the body was hashed */
    size_t unhashed_len;
    char unhashed[2048]; /* gathered, since words are short and a call for each costs more */
};

struct digest *digest_init(void)
{
    struct digest *d = aligned_alloc(_Alignof(struct digest), sizeof *d);

    if (d == NULL)
        return NULL;
    memset(d, 0, offsetof(struct digest, unhashed));
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

static bool digest_divides(char c)
{
    static const char dividers[] = ",;<>()\"";

    return memchr(dividers, c, sizeof dividers - 1) != NULL;
}

/* Whether one SP stays between these two. */
static bool digest_keeps_space(enum digest_space space, char before, char after)
{
    return space != SPACE_BETWEEN || (!digest_divides(before) && !digest_divides(after));
}

/* `rest` begins with a quote. Takes all up to the one that closes it, without the line ends. */
static char *digest_put_quoted(char *to, struct text *rest)
{
    bool is_escaped = false;
    size_t i = 0;

    for (bool is_open = true; is_open && i < rest->len; i++) {
        const char c = rest->at[i];
        if (c == '\r' || c == '\n')
            continue;
        *to++ = c;
        is_open = i == 0 || is_escaped || c != '"';
        is_escaped = !is_escaped && c == '\\';
    }
    *rest = (struct text){rest->at + i, rest->len - i};
    return to;
}

/* Returns the end of what was put, which is never longer than the value. */
static char *digest_put_value(char *to, struct text value, enum digest_space space)
{
    struct text rest = text_trim(value);

    while (rest.len > 0) {
        size_t i = 0;
        while (text_is_white(rest.at[i]))
            i++;
        if (i > 0 && digest_keeps_space(space, rest.at[-1], rest.at[i]))
            *to++ = ' ';
        if (space == SPACE_QUOTED && rest.at[i] == '"') {
            rest = (struct text){rest.at + i, rest.len - i};
            to = digest_put_quoted(to, &rest);
            continue;
        }
        const char stop = space == SPACE_QUOTED ? '"' : ' ';
        for (; i < rest.len && !text_is_white(rest.at[i]) && rest.at[i] != stop; i++)
            *to++ = rest.at[i];
        rest = (struct text){rest.at + i, rest.len - i};
    }
    return to;
}

static enum digest_result digest_keep(struct digest *d, enum field_name name, struct text value)
{
    const size_t name_len = strlen(field_name_text(name));
    struct kept *kept = &d->kept[name];

    if (value.len > MESSAGE_HEADER_MAX - d->octets ||
            name_len > MESSAGE_HEADER_MAX - d->octets - value.len)
        return DIGEST_TOO_LARGE;
    if (!digest_make_room(kept, name_len + strlen(":\r\n") + value.len))
        return DIGEST_MEMORY;
    struct writer w = writer_of(kept->at + kept->len, kept->size - kept->len);
    writer_string(&w, field_name_text(name));
    writer_char(&w, ':');
    w.at = digest_put_value(w.at, value, digest_spaces[name]);
    writer_string(&w, "\r\n");
    kept->len += writer_text(&w).len;
    kept->instances++;
    d->octets += name_len + value.len;
    return DIGEST_OK;
}

enum digest_result digest_field(struct digest *d, const struct field *field)
{
    const bool is_covered = field->known != FIELD_OTHER && field->known < FIELD_DIGESTED_END;
    const bool is_read = is_covered || field->known == FIELD_AUTHENTICATION_RESULTS;

    if (d->result != DIGEST_OK)
        return d->result;
    if (d->in_body)
        d->result = DIGEST_ORDER;
    else if (field->has_bare_cr)
        d->result = DIGEST_BARE_CR;
    else if (field->space_before_colon)
        d->result = DIGEST_SPACED;
    else if (is_read && field->longest_line > DIGEST_LINE_MAX)
        d->result = DIGEST_LONG_LINE;
    else if (is_covered)
        d->result = digest_keep(d, field->known, field->value);
    return d->result;
}

static void digest_flush(struct digest *d)
{
    crypto_generichash_update(&d->hash, (const unsigned char *)d->unhashed, d->unhashed_len);
    d->unhashed_len = 0;
}

static void digest_hash(struct digest *d, struct text t)
{
    if (t.len > sizeof d->unhashed - d->unhashed_len)
        digest_flush(d);
    if (t.len > sizeof d->unhashed) {
        crypto_generichash_update(&d->hash, (const unsigned char *)t.at, t.len);
        return;
    }
    if (t.len > 0)
        memcpy(d->unhashed + d->unhashed_len, t.at, t.len);
    d->unhashed_len += t.len;
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

/* What waited, other than a CR, before octets that stay. */
static void digest_hash_waiting(struct digest *d)
{
    digest_hash_lines(d);
    if (d->white)
        digest_hash(d, text_of(" "));
    d->white = false;
    d->any = true;
}

/* `t` begins with an octet that stays. Takes it and those behind it up to white space, or as many
 * as there is room for; returns how many. */
static size_t digest_take_run(struct digest *d, struct text t)
{
    size_t run = 0;

    digest_hash_waiting(d);
    if (d->unhashed_len == sizeof d->unhashed)
        digest_flush(d);
    char *to = d->unhashed + d->unhashed_len;
    const size_t left = sizeof d->unhashed - d->unhashed_len;
    const size_t most = t.len < left ? t.len : left;
    for (; run < most && !text_is_white(t.at[run]); run++)
        to[run] = t.at[run];
    d->unhashed_len += run;
    d->column += run;
    return run;
}

/* The CR that waited is not part of a line end. */
static void digest_settle_cr(struct digest *d)
{
    if (!d->cr)
        return;
    digest_hash_waiting(d);
    digest_hash(d, text_of("\r"));
    d->cr = false;
    d->column++;
}

static void digest_end_line(struct digest *d)
{
    if (d->column > d->longest)
        d->longest = d->column;
    d->column = 0;
}

/* White space is dropped before empty lines are looked for, as the steps of RFC 6376 3.4.4 stand:
 * a line of white space only is an empty one. */
static void digest_take_white(struct digest *d, char c)
{
    if (c == '\n') {
        d->cr = false;
        d->white = false;
        d->lines++;
        digest_end_line(d);
    } else if (c == '\r') {
        d->cr = true;
    } else {
        d->white = true;
        d->column++;
    }
}

/* Whether the whole lines are in relaxed form already: no white space that would go or become
 * another, and no CR or LF but in line ends. Octets that stand behind each other are looked at in
 * pairs, without a branch, so that the compiler can take many at once. */
static bool digest_is_relaxed(struct text lines)
{
    unsigned char bad = lines.at[0] == '\n';

    for (size_t i = 0; i + 1 < lines.len; i++) {
        const char c = lines.at[i];
        const char next = lines.at[i + 1];
        const unsigned char space = c == ' ';
        const unsigned char cr = c == '\r';
        bad |= (unsigned char)((c == '\t') | (space & ((next == ' ') | (next == '\r'))) |
                               (cr ^ (next == '\n')));
    }
    return bad == 0;
}

/* The whole lines that `t` begins with, one at least if there is one, and no more than `most`
 * octets of them. `longest_r`: octets of the longest, without its CRLF. */
static struct text digest_whole_lines(struct text t, size_t most, uint64_t *longest_r)
{
    size_t len = 0;

    *longest_r = 0;
    for (const char *end; (end = memchr(t.at + len, '\n', t.len - len)) != NULL;) {
        const size_t line = (size_t)(end - t.at) + 1 - len;
        if (len > 0 && len + line > most)
            break;
        if (line > *longest_r + 2)
            *longest_r = line - 2;
        len += line;
        if (len >= most)
            break;
    }
    return (struct text){t.at, len};
}

/* Takes whole lines that need no change: most mail has no others. Returns how many octets it took;
 * 0 when one of them needs a change. */
static size_t digest_take_lines(struct digest *d, struct text t, size_t most)
{
    uint64_t longest = 0;

    if (d->column > 0 || d->white || d->cr)
        return 0;
    const struct text lines = digest_whole_lines(t, most, &longest);
    size_t stay = lines.len;
    if (lines.len == 0 || !digest_is_relaxed(lines))
        return 0;
    while (stay > 0 && text_is_white(lines.at[stay - 1]))
        stay--;
    if (stay > 0) {
        digest_hash_waiting(d);
        digest_hash(d, (struct text){lines.at, stay});
    }
    d->lines += (lines.len - stay) / strlen("\r\n");
    if (longest > d->longest)
        d->longest = longest;
    return lines.len;
}

/* Takes a run of octets that are all white space, or all not. */
static size_t digest_take_some(struct digest *d, struct text t)
{
    if (t.at[0] != '\n')
        digest_settle_cr(d);
    if (!text_is_white(t.at[0]))
        return digest_take_run(d, t);
    digest_take_white(d, t.at[0]);
    return 1;
}

void digest_body(struct digest *d, struct text chunk)
{
    size_t by_line = 0; /* up to here a line needs a change, so each is looked at by itself */

    digest_begin_body(d);
    for (size_t i = 0; i < chunk.len;) {
        const struct text rest = {chunk.at + i, chunk.len - i};
        size_t taken = digest_take_lines(d, rest, i < by_line ? 1 : DIGEST_AT_ONCE);
        if (taken == 0 && i >= by_line) {
            by_line = i + DIGEST_AT_ONCE;
            taken = digest_take_lines(d, rest, 1);
        }
        i += taken > 0 ? taken : digest_take_some(d, rest);
    }
}

void digest_final(struct digest *d, char text_r[DIGEST_TEXT + 1])
{
    unsigned char octets[DIGEST_OCTETS];

    digest_begin_body(d);
    digest_settle_cr(d);
    digest_end_line(d);
    if (d->any)
        digest_hash(d, text_of("\r\n"));
    digest_flush(d);
    crypto_generichash_final(&d->hash, octets, sizeof octets);
    sodium_bin2base64(text_r, DIGEST_TEXT + 1, octets, sizeof octets,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (d->result != DIGEST_OK)
        text_r[0] = '\0';
}

uint64_t digest_longest_body_line(const struct digest *d)
{
    return d->longest;
}

bool digest_is_text(struct text t)
{
    return t.len == DIGEST_TEXT && text_is_base64(t);
}
