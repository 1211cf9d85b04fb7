// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "filter/envelope.h"
#include "unit.h"

#define PATHS_MAX 4

static struct text written(const struct envelope *envelope, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);

    return receiving_format(envelope->receiving, &w) ? writer_text(&w) : text_of("(none)");
}

static void check(const char *what, struct text got, const char *want)
{
    if (text_equal(got, text_of(want)))
        return;
    print_error("%s: got \"%.*s\", want \"%s\"\n", what, (int)got.len, got.at, want);
    fail();
}

TEST(paths)
{
    static const struct {
        const char *paths[PATHS_MAX];
        const char *rcpt;
        const char *receiving;
    } table[] = {
            {{NULL}, "", "(none)"},
            {{"<bob@b.example>"}, "b.example", "b.example:1"},
            {{"bob@b.example"}, "b.example", "b.example:1"},
            {{"<bob@b.example>", "<eve@B.Example>"}, "b.example", "b.example:2"},
            {{"<bob@b.example>", "<eve@c.example>", "<dan@b.example>"}, "b.example,c.example",
                    "b.example:2,c.example:1"},
            {{"<@relay.example,@x.example:bob@b.example>"}, "b.example", "b.example:1"},
            {{"<\"bob@c.example\"@b.example>"}, "b.example", "b.example:1"},
            {{"<\"a>b\"@b.example>"}, "b.example", "b.example:1"},
            {{"<bob@b\xc3\xbc"
              "cher.example>"},
                    "xn--bcher-kva.example", "xn--bcher-kva.example:1"},
            /* what no stamp can name */
            {{"<bob@[192.0.2.1]>"}, "*", "*:1"},
            {{"<postmaster>"}, "*", "*:1"},
            {{"<>"}, "*", "*:1"},
            {{""}, "*", "*:1"},
            {{"<"}, "*", "*:1"},
            {{"<bob@b.example.>"}, "*", "*:1"},
            {{"<bob@b.example,c.example>"}, "*", "*:1"},
            {{"<bob@b.example>", "<postmaster>"}, "*", "*:2"},
            {{"<postmaster>", "<bob@b.example>"}, "*", "*:2"},
    };
    char buffer[RECEIVING_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct envelope envelope;
        assert_true(envelope_init(&envelope));
        for (size_t k = 0; k < PATHS_MAX && table[i].paths[k] != NULL; k++) {
            const struct text path = exact_copy(text_of(table[i].paths[k]));
            envelope_add(&envelope, path);
            exact_free(path);
        }
        assert_false(envelope.failed);
        check(table[i].paths[0] != NULL ? table[i].paths[0] : "no recipient",
                envelope_rcpt(&envelope), table[i].rcpt);
        check(table[i].rcpt, written(&envelope, buffer, sizeof buffer), table[i].receiving);
        envelope_clear(&envelope);
    }
}

/* So many domains of 32 octets: with commas they fill 33 each, the last 32. */
static void add_domains(struct envelope *envelope, unsigned count)
{
    char path[64];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "<u@a234567890b234567890%04u.example>", i);
        envelope_add(envelope, text_of(path));
    }
}

TEST(many_domains)
{
    static const struct {
        unsigned count;
        size_t len;
    } table[] = {{1, 32}, {62, 62 * 33 - 1}, {63, 1}, {1000, 1}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct envelope envelope;
        assert_true(envelope_init(&envelope));
        add_domains(&envelope, table[i].count);
        assert_int_equal(envelope_rcpt(&envelope).len, table[i].len);
        envelope_clear(&envelope);
    }
}
