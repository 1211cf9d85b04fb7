// SPDX-License-Identifier: ISC
#include "protocol/candidates.h"

#include <idn2.h>
#include <stdlib.h>

#include "protocol/lenient.h"

#define GROWTH 8 /* octets of a text, mapped, for one before it was decoded */

/* The domains */

static bool candidates_has(const struct candidates *candidates, struct text domain)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (text_equal(text_of(candidates->domains[i]), domain))
            return true;
    return false;
}

void candidates_add_domain(struct candidates *candidates, struct text domain)
{
    if (domain.len > DOMAIN_MAX || candidates_has(candidates, domain))
        return;
    if (candidates->count == CANDIDATES_MAX) {
        candidates->more = true;
        return;
    }
    struct writer w = writer_of(candidates->domains[candidates->count++], DOMAIN_MAX + 1);
    writer_put(&w, domain);
    writer_char(&w, '\0');
}

static bool candidates_is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Whether the DNS could have the name: labels of 1 to 63 octets, two or more, with a letter in the
 * last one. */
static bool candidates_is_name(struct text run)
{
    size_t labels = 1;
    size_t len = 0;
    bool has_letter = false;

    for (size_t i = 0; i < run.len; i++) {
        if (run.at[i] == '.') {
            if (len == 0)
                return false;
            labels++;
            len = 0;
            has_letter = false;
        } else if (++len > 63) {
            return false;
        }
        has_letter = has_letter || candidates_is_letter(run.at[i]);
    }
    return len > 0 && labels > 1 && has_letter;
}

static struct text candidates_trim(struct text run, const char *ends)
{
    while (run.len > 0 && strchr(ends, run.at[0]) != NULL)
        run = (struct text){run.at + 1, run.len - 1};
    while (run.len > 0 && strchr(ends, run.at[run.len - 1]) != NULL)
        run.len--;
    return run;
}

/* Some readers end a domain at its last letter or digit. */
static void candidates_add_name(struct candidates *candidates, struct text run)
{
    const struct text inner = candidates_trim(run, "-_.");

    if (candidates_is_name(run) && run.at[0] != '-' && run.at[run.len - 1] != '-')
        candidates_add_domain(candidates, run);
    if (inner.len < run.len && candidates_is_name(inner))
        candidates_add_domain(candidates, inner);
}

/* A run in ASCII. Where it has dots side by side, the parts between count, and the whole with one
 * dot for each. */
static void candidates_add_run(struct candidates *candidates, struct text run)
{
    char whole[DOMAIN_MAX + 1];
    struct writer w = writer_of(whole, DOMAIN_MAX);
    size_t start = 0;

    for (size_t i = 0; i <= run.len; i++) {
        const bool is_end =
                i == run.len ||
                (run.at[i] == '.' && (i == start || i + 1 == run.len || run.at[i + 1] == '.'));
        if (!is_end)
            continue;
        if (i > start) {
            const struct text part = {run.at + start, i - start};
            candidates_add_name(candidates, part);
            if (writer_text(&w).len > 0)
                writer_char(&w, '.');
            writer_put(&w, part);
        }
        start = i + 1;
    }
    if (!w.failed)
        candidates_add_name(candidates, writer_text(&w));
}

/* Each stretch of a run that is ASCII. */
static void candidates_add_stretches(struct candidates *candidates, struct text run)
{
    size_t start = 0;

    for (size_t i = 0; i <= run.len; i++) {
        if (i < run.len && (unsigned char)run.at[i] < 0x80)
            continue;
        candidates_add_run(candidates, (struct text){run.at + start, i - start});
        start = i + 1;
    }
}

static bool candidates_is_ascii(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.at[i] >= 0x80)
            return false;
    return true;
}

/* A label as A-label; false when it cannot be mapped. */
static bool candidates_map_label(struct text label, int flags, struct writer *w)
{
    char copy[DOMAIN_MAX + 1];
    struct writer to = writer_of(copy, sizeof copy);
    uint8_t *found = NULL;

    if (candidates_is_ascii(label)) {
        writer_put(w, label);
        return !w->failed;
    }
    writer_put(&to, label);
    writer_char(&to, '\0');
    if (to.failed || idn2_lookup_u8((const uint8_t *)copy, &found, flags) != IDN2_OK)
        return false;
    writer_string(w, (const char *)found);
    idn2_free(found);
    return !w->failed;
}

/* Adds a run beyond ASCII with its labels mapped; false when one of them cannot be. */
static bool candidates_add_mapped(struct candidates *candidates, struct text run, int flags)
{
    char mapped[DOMAIN_MAX + 1];
    struct writer w = writer_of(mapped, DOMAIN_MAX);
    struct reader labels = reader_of(run);

    while (labels.rest.len > 0) {
        if (!candidates_map_label(reader_field(&labels, '.'), flags, &w))
            return false;
        if (labels.rest.len > 0)
            writer_char(&w, '.');
    }
    candidates_add_run(candidates, writer_text(&w));
    return !w.failed;
}

/* Readers differ in four letters (`ss` for U+00DF), and in whether symbols may be in a domain: what
 * either mapping takes counts. */
static void candidates_take_run(struct candidates *candidates, struct text untrimmed)
{
    const struct text run = candidates_trim(untrimmed, ".");

    if (run.len == 0 || memchr(run.at, '.', run.len) == NULL)
        return;
    candidates_add_stretches(candidates, run);
    if (candidates_is_ascii(run))
        return;
    if (++candidates->mapped > CANDIDATES_MAPPED_MAX)
        candidates->is_unreadable = true;
    if (candidates->is_unreadable)
        return;
    const bool now = candidates_add_mapped(candidates, run, IDN2_NONTRANSITIONAL);
    const bool earlier = candidates_add_mapped(candidates, run, IDN2_TRANSITIONAL);
    if (!now && !earlier)
        candidates->is_unreadable = true;
}

static bool is_run(char c)
{
    return candidates_is_letter(c) || text_is_digit(c) || c == '-' || c == '_' || c == '.' ||
           (unsigned char)c >= 0x80;
}

static void candidates_take_runs(struct candidates *candidates, struct text stripped)
{
    size_t start = 0;

    for (size_t i = 0; i <= stripped.len; i++) {
        if (i < stripped.len && is_run(stripped.at[i]))
            continue;
        if (i > start)
            candidates_take_run(candidates, (struct text){stripped.at + start, i - start});
        if (candidates->more || candidates->is_unreadable)
            return;
        start = i + 1;
    }
}

/* Mailboxes without a domain */

/* Whether an `@` with something of a domain, or a domain literal, behind it is in `t`. */
static bool candidates_has_domain(struct text t)
{
    for (size_t i = 0; i + 1 < t.len; i++)
        if (t.at[i] == '@' && (is_run(t.at[i + 1]) || t.at[i + 1] == '['))
            return true;
    return false;
}

/* An element of the list, without white space and comments: the address in brackets counts, or the
 * whole if it has none. */
static bool candidates_element_lacks(struct text element)
{
    const char *open = element.len > 0 ? memchr(element.at, '<', element.len) : NULL;

    if (open == NULL)
        return !candidates_has_domain(element);
    struct reader parts =
            reader_of((struct text){open + 1, element.len - (size_t)(open + 1 - element.at)});
    do {
        const struct text part = reader_field(&parts, '<');
        const char *close = part.len > 0 ? memchr(part.at, '>', part.len) : NULL;
        const size_t len = close != NULL ? (size_t)(close - part.at) : part.len;
        if (!candidates_has_domain((struct text){part.at, len}))
            return true;
    } while (parts.rest.len > 0);
    return false;
}

/* Without any element the field is empty: that lacks all. */
static bool candidates_lack_domain(struct text stripped)
{
    bool has_element = false;
    size_t start = 0;

    for (size_t i = 0; i <= stripped.len; i++) {
        if (i < stripped.len && stripped.at[i] != ',' && stripped.at[i] != ';')
            continue;
        const struct text element = {stripped.at + start, i - start};
        if (element.len > 0 && candidates_element_lacks(element))
            return true;
        has_element = has_element || element.len > 0;
        start = i + 1;
    }
    return !has_element;
}

/* The texts of a field */

/* Room for the steps that a text goes through, each as large as any of them needs. */
struct workspace {
    char *memory;
    size_t size;
    char *plain;
    char *octets; /* of encoded words that are decoded together */
    char *decoded;
    char *mapped;
    char *stripped;
};

static bool workspace_init(struct workspace *workspace_r, size_t len)
{
    const size_t size = GROWTH * (len + 1);
    char *memory = malloc(5 * size);

    *workspace_r = (struct workspace){.memory = memory, .size = size};
    if (memory == NULL)
        return false;
    workspace_r->plain = memory;
    workspace_r->octets = memory + size;
    workspace_r->decoded = memory + 2 * size;
    workspace_r->mapped = memory + 3 * size;
    workspace_r->stripped = memory + 4 * size;
    return true;
}

static void workspace_free(struct workspace *workspace)
{
    free(workspace->memory);
}

static size_t candidates_count(struct text t, char c)
{
    size_t count = 0;

    for (size_t i = 0; i < t.len; i++)
        count += t.at[i] == c;
    return count;
}

/* Of several `<`: whether they are not as many as `>`, or one stands behind another without a comma
 * or semicolon between. Side by side they are one, unless there are quotes. Some readers then find
 * addresses that nobody else does. */
static bool candidates_angles_tangle(struct text t)
{
    const size_t opened = candidates_count(t, '<');
    const bool has_quotes = candidates_count(t, '"') > 0;
    bool in_element = false;

    if (opened > 1 && opened != candidates_count(t, '>'))
        return true;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == ',' || t.at[i] == ';') {
            in_element = false;
        } else if (t.at[i] == '<') {
            if (in_element && (has_quotes || t.at[i - 1] != '<'))
                return true;
            in_element = true;
        }
    }
    return false;
}

/* Whether one of several `(` outside quotes is not closed. */
static bool candidates_comments_tangle(struct text t)
{
    size_t opened = 0;
    size_t depth = 0;
    bool in_quotes = false;

    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '\\') {
            i++;
        } else if (t.at[i] == '"') {
            in_quotes = !in_quotes && lenient_quote_closes((struct text){t.at + i, t.len - i});
        } else if (t.at[i] == '(' && !in_quotes) {
            opened++;
            depth++;
        } else if (t.at[i] == ')' && !in_quotes && depth > 0) {
            depth--;
        }
    }
    return opened > 1 && depth > 0;
}

static bool candidates_has_control(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((t.at[i] >= '\0' && t.at[i] < ' ' && !text_is_white(t.at[i])) || t.at[i] == 0x7f)
            return true;
    return false;
}

static void candidates_take_text(
        struct candidates *candidates, struct text t, const struct workspace *workspace)
{
    static const char *const ignored[] = {"", " "};
    size_t len = SIZE_MAX;

    for (size_t i = 0; i < 2; i++) {
        struct writer mapped = writer_of(workspace->mapped, workspace->size);
        const struct text text = lenient_map(t, ignored[i], &mapped);
        candidates->is_unreadable = candidates->is_unreadable || mapped.failed;
        if (text.len == len) /* nothing is ignored */
            break;
        for (enum lenient_strip strip = LENIENT_ALL; strip < LENIENT_STRIPS; strip++) {
            struct writer w = writer_of(workspace->stripped, workspace->size);
            candidates_take_runs(candidates, lenient_strip(text, strip, &w));
        }
        len = text.len;
    }
}

/* Whether the text, which was taken last, has a mailbox without a domain. */
static bool candidates_text_lacks(struct text t, const struct workspace *workspace)
{
    struct writer mapped = writer_of(workspace->mapped, workspace->size);
    struct writer w = writer_of(workspace->stripped, workspace->size);

    return candidates_lack_domain(lenient_strip(lenient_map(t, "", &mapped), LENIENT_ALL, &w));
}

/* The value with its encoded words decoded. Neighbours are one text for some readers, and stand
 * apart for others. */
static void candidates_take_decoded(struct candidates *candidates, struct text value,
        encoded_word_charset *decode, const struct workspace *workspace)
{
    struct writer octets = writer_of(workspace->octets, workspace->size);
    struct writer joined = writer_of(workspace->decoded, workspace->size);

    if (value.len == 0 || memmem(value.at, value.len, "=?", 2) == NULL) {
        candidates->lacks_domain =
                candidates->lacks_domain || candidates_text_lacks(value, workspace);
        return;
    }
    if (!encoded_word_decode(value, "", decode, &octets, &joined))
        candidates->is_unreadable = true;
    candidates_take_text(candidates, writer_text(&joined), workspace);
    candidates->lacks_domain =
            candidates->lacks_domain || candidates_text_lacks(writer_text(&joined), workspace);
    struct writer apart = writer_of(workspace->decoded, workspace->size);
    (void)encoded_word_decode(value, " ", decode, &octets, &apart);
    candidates_take_text(candidates, writer_text(&apart), workspace);
}

/* Without backslashes: a reader can take them out before it decodes. */
static struct text candidates_without_pairs(struct text value, struct writer *w)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] != '\\')
            writer_char(w, value.at[i]);
    return writer_text(w);
}

void candidates_add_from(
        struct candidates *candidates, struct text value, encoded_word_charset *decode)
{
    struct workspace workspace;

    candidates->octets += value.len;
    if (candidates->octets > CANDIDATES_FROM_MAX || candidates_has_control(value) ||
            candidates_angles_tangle(value) || candidates_comments_tangle(value)) {
        candidates->is_unreadable = true;
        return;
    }
    if (!workspace_init(&workspace, value.len)) {
        candidates->is_out_of_memory = true;
        return;
    }
    candidates_take_text(candidates, value, &workspace);
    candidates_take_decoded(candidates, value, decode, &workspace);
    if (value.len > 0 && memchr(value.at, '\\', value.len) != NULL) {
        struct writer w = writer_of(workspace.plain, workspace.size);
        candidates_take_decoded(
                candidates, candidates_without_pairs(value, &w), decode, &workspace);
    }
    workspace_free(&workspace);
}

void candidates_add_sender(struct candidates *candidates, struct text sender)
{
    struct workspace workspace;

    if (sender.len > CANDIDATES_FROM_MAX) {
        candidates->is_unreadable = true;
    } else if (workspace_init(&workspace, sender.len)) {
        candidates_take_text(candidates, sender, &workspace);
        workspace_free(&workspace);
    } else {
        candidates->is_out_of_memory = true;
    }
}
