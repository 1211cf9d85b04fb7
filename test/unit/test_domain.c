// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/domain.h"
#include "unit.h"
#include "vectors.h"

static bool to_ascii(struct text domain, char ascii_r[DOMAIN_MAX + 1])
{
    const struct text in = exact_copy(domain);
    const bool ok = domain_to_ascii(in, ascii_r);

    exact_free(in);
    return ok;
}

static bool is_ldh(struct text domain)
{
    const struct text in = exact_copy(domain);
    const bool ok = domain_is_ldh(in);

    exact_free(in);
    return ok;
}

TEST(vectors_hold)
{
    struct vectors *v = vectors_open("addresses.txt");
    size_t seen = 0;

    while (vectors_next(v)) {
        if (!text_equal(vectors_get(v, "what"), text_of("domain")))
            continue;
        const struct text in = vectors_get(v, "domain");
        const bool want = text_equal(vectors_get(v, "result"), text_of("ok"));
        char ascii[DOMAIN_MAX + 1] = "";
        const bool got = to_ascii(in, ascii);
        if (got != want || (got && !text_equal(text_of(ascii), vectors_get(v, "ascii")))) {
            print_error("addresses.txt:%u: \"%.*s\": got %d \"%s\"\n", vectors_line(v), (int)in.len,
                    in.at, got, ascii);
            fail();
        }
        seen++;
    }
    vectors_free(&v);
    assert_true(seen > 50);
}

TEST(ldh_is_strict)
{
    static const struct {
        const char *domain;
        bool want;
    } table[] = {
            {"a", true},
            {"A-1.b--c.0", true},
            {"xn--bcher-kva.example", true},
            {"", false},
            {".", false},
            {"a.", false},
            {".a", false},
            {"a..b", false},
            {"-", false},
            {"-a", false},
            {"a-", false},
            {"a.-b", false},
            {"a_b", false},
            {"a/b", false},
            {"a:b", false},
            {"a@b", false},
            {"a[b", false},
            {"a`b", false},
            {"a{b", false},
            {"a b", false},
            {"\xc3\xbc", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (is_ldh(text_of(table[i].domain)) != table[i].want) {
            print_error("\"%s\": want %d\n", table[i].domain, table[i].want);
            fail();
        }
    }
    assert_false(is_ldh((struct text){"a\0b", 3}));
    assert_false(domain_is_ldh((struct text){NULL, 0}));
}

/* Labels of 63 octets and the dots between them, cut to `len`. */
static struct text long_domain(char buffer[300], size_t len)
{
    memset(buffer, 'a', 300);
    for (size_t i = 63; i < 300; i += 64)
        buffer[i] = '.';
    return (struct text){buffer, len};
}

TEST(lengths_at_their_edges)
{
    char buffer[300];
    char ascii[DOMAIN_MAX + 1];
    const struct text label = {buffer, 63};

    assert_true(is_ldh(long_domain(buffer, 253)));
    assert_true(to_ascii(long_domain(buffer, 253), ascii));
    assert_int_equal(strlen(ascii), 253);
    assert_false(is_ldh(long_domain(buffer, 254)));
    assert_false(to_ascii(long_domain(buffer, 254), ascii));
    assert_false(to_ascii(long_domain(buffer, 300), ascii));
    assert_true(is_ldh(label));
    buffer[63] = 'a';
    assert_false(is_ldh((struct text){buffer, 64}));
    assert_false(to_ascii((struct text){buffer, 64}, ascii));
    /* As UTF-8, a label may have 252 octets before it is looked at, whatever comes of it. */
    memset(buffer, 'a', sizeof buffer);
    memcpy(buffer, "\xc3\xa4", 2);
    for (size_t len = 252; len <= 253; len++)
        assert_false(to_ascii((struct text){buffer, len}, ascii));
}

TEST(under_needs_a_whole_label)
{
    static const struct {
        const char *domain;
        const char *parent;
        bool want;
    } table[] = {
            {"example.org", "example.org", true},
            {"Example.ORG", "eXample.org", true},
            {"mail.example.org", "example.org", true},
            {"a.b.MAIL.example.org", "EXAMPLE.org", true},
            {"badexample.org", "example.org", false},
            {"mail.example.net", "example.org", false},
            {"example.org", "mail.example.org", false},
            {"example.com", "example.org", false},
            {".example.org", "example.org", true},
            {"example.org.evil", "example.org", false},
            {"org", "example.org", false},
            {"", "example.org", false},
            {"a", "", false},
            {"", "", true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text domain = exact_copy(text_of(table[i].domain));
        const struct text parent = exact_copy(text_of(table[i].parent));
        if (domain_is_under(domain, parent) != table[i].want) {
            print_error("\"%s\" under \"%s\": want %d\n", table[i].domain, table[i].parent,
                    table[i].want);
            fail();
        }
        exact_free(domain);
        exact_free(parent);
    }
}
