// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "protocol/digest.h"
#include "protocol/results.h"

/* Whatever a message brings: a value without our word, not even in pieces, is left alone, unless
 * readers could make something else of it; what we would write ourselves is always found, whatever
 * stands behind our id in quotes, and so is an encoded word in a field of ours; white space before
 * the colon never makes a value better. */

#define ID "mx.example.org"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_forged(struct text value, const char *name)
{
    const struct field field = field_of(text_of(name), value);

    return results_is_forged(&field, text_of(ID));
}

static bool has_word(struct text value)
{
    const struct text word = text_of(RESULTS_METHOD);

    for (; value.len >= word.len; value.at++, value.len--)
        if (text_starts_with_fold(value, word))
            return true;
    return false;
}

static bool has_pieces(struct text value)
{
    const char *next = RESULTS_METHOD;

    for (size_t i = 0; i < value.len && *next != '\0'; i++)
        next += text_lower(value.at[i]) == *next;
    return *next == '\0';
}

/* An encoded word, a CR without LF, or a long line. */
static bool is_odd(struct text value)
{
    if (value.len > DIGEST_LINE_MAX / 2)
        return true;
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] == '?' ||
                (value.at[i] == '\r' && (i + 1 == value.len || value.at[i + 1] != '\n')))
            return true;
    return false;
}

/* The input as the local part of an author of ours. */
static void check_written(struct text local)
{
    char buffer[RESULTS_VALUE_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct address author;

    if (!address_make(local, text_of("example.org"), &author))
        return;
    const struct results results = {.verdict = VERDICT_YES, .author = &author};
    require(results_format(text_of(ID), &results, "\n", &w));
    require(is_forged(writer_text(&w), RESULTS_NAME));
    const struct field field = field_of(text_of(RESULTS_NAME), writer_text(&w));
    require(!results_is_forged(&field, text_of("mx.example.net")));
}

static bool is_forged_with(const char *before, struct text value, const char *behind)
{
    const size_t size = value.len + 256;
    char *buffer = malloc(size);

    require(buffer != NULL);
    struct writer w = writer_of(buffer, size);
    writer_string(&w, before);
    writer_put(&w, value);
    writer_string(&w, behind);
    require(!w.failed);
    const bool forged = is_forged(writer_text(&w), RESULTS_NAME);
    free(buffer);
    return forged;
}

static bool ends_no_quotes(struct text value)
{
    return value.len == 0 ||
           (memchr(value.at, '"', value.len) == NULL && memchr(value.at, '\\', value.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    const bool forged = is_forged(value, RESULTS_NAME);

    require(!forged || has_pieces(value) || is_odd(value));
    require(!forged || is_forged(value, RESULTS_NAME " "));
    require(is_forged(value, RESULTS_NAME " ") || !has_word(value));
    check_written(value);
    require(is_forged_with(ID "; spf=pass ", value, " =?x"));
    require(is_forged_with(ID "; (", value, ") verimail=pass"));
    if (ends_no_quotes(value))
        require(is_forged_with("\"" ID "/", value, "\"; verimail=pass"));
    return 0;
}
