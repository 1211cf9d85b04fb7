// SPDX-License-Identifier: ISC
/* The digest of a body, beside BLAKE2b of the same octets: what relaxed form costs. Interleaved,
 * medians of CPU time. digest [ROUNDS] */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "protocol/digest.h"

#define BODY 25000000  /* octets */
#define PIECE 65535    /* octets: what a mail server gives at once */
#define ROUNDS_MAX 101 /* odd ones have a median */

static char body[BODY];

static double cpu_seconds(void)
{
    struct timespec at;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static struct text piece_at(size_t at)
{
    return (struct text){body + at, BODY - at < PIECE ? BODY - at : PIECE};
}

static double time_digest(void)
{
    const double begin = cpu_seconds();
    struct digest *digest = digest_init();
    char text[DIGEST_TEXT + 1];

    if (digest == NULL)
        abort();
    for (size_t at = 0; at < BODY; at += PIECE)
        digest_body(digest, piece_at(at));
    digest_final(digest, text);
    digest_free(&digest);
    return cpu_seconds() - begin;
}

static double time_blake2b(void)
{
    const double begin = cpu_seconds();
    crypto_generichash_state state;
    unsigned char hash[DIGEST_OCTETS];

    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t at = 0; at < BODY; at += PIECE) {
        const struct text piece = piece_at(at);
        (void)crypto_generichash_update(&state, (const unsigned char *)piece.at, piece.len);
    }
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    return cpu_seconds() - begin;
}

/* Lines of `line` octets, of letters with a space in the place of one in `space` of them (0: none),
 * and with two spaces once in `doubled` lines (0: never). */
static void fill(unsigned line, unsigned space, unsigned doubled)
{
    size_t column = 0;
    size_t lines = 0;

    for (size_t i = 0; i < BODY; i++) {
        const char *end = column < line ? NULL : column == line ? "\r" : "\n";
        const bool is_inside = column > 0 && column + 1 < line;
        const bool is_space = space > 0 && is_inside && randombytes_uniform(space) == 0;
        body[i] = end != NULL ? *end : is_space && body[i - 1] != ' ' ? ' ' : 'x';
        if (doubled > 0 && lines % doubled == 0 && (column == 10 || column == 11))
            body[i] = ' ';
        column = column == line + 1 ? 0 : column + 1;
        lines += column == 0;
    }
}

static int by_size(const void *a, const void *b)
{
    const double *const x = a;
    const double *const y = b;

    return (*x > *y) - (*x < *y);
}

static void compare(const char *name, size_t rounds)
{
    double ours[ROUNDS_MAX];
    double blake2b[ROUNDS_MAX];
    double ratios[ROUNDS_MAX];

    for (size_t i = 0; i < rounds; i++) {
        ours[i] = time_digest();
        blake2b[i] = time_blake2b();
        ratios[i] = blake2b[i] / ours[i];
    }
    qsort(ours, rounds, sizeof *ours, by_size);
    qsort(blake2b, rounds, sizeof *blake2b, by_size);
    qsort(ratios, rounds, sizeof *ratios, by_size);
    printf("| %s | %.0f | %.0f | %.2f |\n", name, BODY / 1e6 / ours[rounds / 2],
            BODY / 1e6 / blake2b[rounds / 2], ratios[rounds / 2]);
}

int main(int argc, char **argv)
{
    const unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 9;

    if (sodium_init() < 0 || rounds == 0 || rounds > ROUNDS_MAX)
        return EXIT_FAILURE;
    puts("| body | digest, MB/s | BLAKE2b, MB/s | ratio |\n|---|---|---|---|");
    fill(76, 0, 0);
    compare("base64", rounds);
    fill(72, 6, 0);
    compare("words", rounds);
    fill(72, 6, 10);
    compare("words, a double space in each tenth line", rounds);
    return EXIT_SUCCESS;
}
