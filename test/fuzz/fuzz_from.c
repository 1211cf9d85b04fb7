// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/encoded_word.h"
#include "protocol/from.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_author(const struct address *author)
{
    const struct text domain = address_domain(author);
    struct address back;
    size_t octets = 0;

    require(address_parse(address_text(author), (struct text){NULL, 0}, &back));
    require(strcmp(author->text, back.text) == 0 && author->at == back.at);
    require(domain_is_ldh(domain) && memchr(domain.at, '.', domain.len) != NULL);
    for (size_t i = 0; i < author->at; i += author->text[i] == '%' ? 3 : 1)
        octets++;
    /* Quotes and specials in a local part mean something else to some reader. */
    require(strcspn(author->text, "\"\\<>(),:;[]") == author->len);
    require(octets >= 1 && octets <= ADDRESS_LOCAL_MAX);
}

/* What is accepted has nothing that a reader could take for another address, whatever it decodes.
 */
static void check_words(struct text value)
{
    const struct encoded_word_signs signs = encoded_word_signs(value);

    require(!signs.control && !signs.hidden && !(signs.less && signs.at));
}

/* `value` must give what the original gave. */
static void check_same(struct text value, enum from_result want, const struct address *author)
{
    struct address other;
    const enum from_result got = from_parse(value, &other);

    require(got == want);
    if (got == FROM_OK)
        require(strcmp(other.text, author->text) == 0);
}

/* A fold that is new: the same, or it shows some readers another author. */
static void check_folded(struct text value, enum from_result want, const struct address *author)
{
    struct address other;

    if (from_parse(value, &other) != FROM_MISLEADING)
        check_same(value, want, author);
}

/* A line end before each space that no backslash quotes, as a mail server may put there. */
static void check_refolded(
        struct text value, const char *eol, enum from_result want, const struct address *author)
{
    const size_t size = value.len * 3;
    char *buffer = malloc(size + 1);
    struct writer w = writer_of(buffer, size);

    require(buffer != NULL);
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == ' ' && (i == 0 || value.at[i - 1] != '\\'))
            writer_string(&w, eol);
        writer_char(&w, value.at[i]);
    }
    require(!w.failed);
    check_folded(writer_text(&w), want, author);
    free(buffer);
}

/* Octets that would change the result if one of them were read. */
static void check_end(struct text value, enum from_result want, const struct address *author)
{
    static const char *const behind[] = {".evil.example", ">", ")", "\"", "@x.example", "\n ", ","};

    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        const size_t size = value.len + strlen(behind[i]);
        char *buffer = malloc(size);
        struct writer w = writer_of(buffer, size);
        require(buffer != NULL);
        writer_put(&w, value);
        writer_string(&w, behind[i]);
        check_same((struct text){buffer, value.len}, want, author);
        free(buffer);
    }
}

/* Comments around the whole and a comma behind it: neutral, and never. */
static void check_surrounded(struct text value, const struct address *author)
{
    const size_t size = value.len + 16;
    char *buffer = malloc(size);
    struct writer w = writer_of(buffer, size);

    require(buffer != NULL);
    writer_string(&w, "(a,:;[])");
    writer_put(&w, value);
    writer_string(&w, "(x) ");
    check_same(writer_text(&w), FROM_OK, author);
    writer_char(&w, ',');
    struct address none;
    const enum from_result listed = from_parse(writer_text(&w), &none);
    require(listed == FROM_SEVERAL || listed == FROM_PHRASE); /* the latter behind a name like it */
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    struct address author;
    const enum from_result result = from_parse(value, &author);

    require(strlen(from_result_text(result)) > 0);
    if (result == FROM_OK) {
        check_author(&author);
        check_words(value);
        check_surrounded(value, &author);
    }
    check_end(value, result, &author);
    if (size == 0)
        return 0;
    /* Between a CR or LF and the space that makes it a fold there is no room for another one. */
    if (memchr(value.at, '\r', size) == NULL && memchr(value.at, '\n', size) == NULL) {
        check_refolded(value, "\r\n", result, &author);
        check_refolded(value, "\n", result, &author);
    }
    return 0;
}
