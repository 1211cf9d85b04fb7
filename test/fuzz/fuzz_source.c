// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Prepares a copy that ends where the text does. Returns whether it can be used. */
static bool prepare(const char *text, size_t len, char **prepared_r)
{
    struct problems *problems = problems_init("f");
    char *copy = malloc(len + 1);

    require(problems != NULL && copy != NULL);
    memcpy(copy, text, len);
    copy[len] = '\0';
    const bool ok = source_prepare(copy, len, problems);
    require(ok == (problems_count(problems) == 0));
    problems_free(&problems);
    *prepared_r = copy;
    return ok;
}

/* Octets stay or become blanks; what stays that could begin a comment is in quotes or a word. */
static void check_octets(const char *before, const char *after, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        require(after[i] == before[i] || (after[i] == ' ' && before[i] != '\n'));
        require(before[i] != '\0' && after[i] != '\0');
    }
    require(after[len] == '\0');
}

/* A text without what begins a comment has none: nothing changes. */
static void check_plain(const char *before, const char *after, size_t len)
{
    if (memchr(before, '#', len) == NULL && memchr(before, '/', len) == NULL)
        require(memcmp(before, after, len) == 0);
}

/* The same text behind a comment, and before one: the comment goes, all else stays. */
static void check_around(const char *text, const char *after, size_t len)
{
    static const char first[] = "/* \" */ # '\n";
    static const char last[] = "\n# {${*+";
    const size_t size = sizeof first - 1 + len + sizeof last - 1;
    char *whole = malloc(size);
    char *prepared;

    require(whole != NULL);
    memcpy(whole, first, sizeof first - 1);
    memcpy(whole + sizeof first - 1, text, len);
    memcpy(whole + sizeof first - 1 + len, last, sizeof last - 1);
    require(prepare(whole, size, &prepared));
    require(memcmp(prepared, "           \n", sizeof first - 1) == 0);
    require(memcmp(prepared + sizeof first - 1, after, len) == 0);
    require(strcmp(prepared + sizeof first - 1 + len, "\n       ") == 0);
    free(prepared);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char *once;
    char *twice;

    if (!prepare(text, size, &once)) {
        free(once);
        return 0;
    }
    check_octets(text, once, size);
    check_plain(text, once, size);
    check_around(text, once, size);
    require(prepare(once, size, &twice));
    require(strcmp(once, twice) == 0);
    free(twice);
    free(once);
    return 0;
}
