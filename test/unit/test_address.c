// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/address.h"
#include "unit.h"
#include "vectors.h"

static bool make(struct text local, struct text domain, struct address *address_r)
{
    const struct text local_in = exact_copy(local);
    const struct text domain_in = exact_copy(domain);
    const bool ok = address_make(local_in, domain_in, address_r);

    exact_free(local_in);
    exact_free(domain_in);
    return ok;
}

static bool parse(struct text canonical, struct text default_domain, struct address *address_r)
{
    const struct text in = exact_copy(canonical);
    const struct text default_in = exact_copy(default_domain);
    const bool ok = address_parse(in, default_in, address_r);

    exact_free(in);
    exact_free(default_in);
    return ok;
}

static struct address parsed(const char *canonical)
{
    struct address address;

    assert_true(parse(text_of(canonical), text_of(""), &address));
    return address;
}

static void say(const struct vectors *v, const char *what, struct text got)
{
    print_error(
            "addresses.txt:%u: %s: got \"%.*s\"\n", vectors_line(v), what, (int)got.len, got.at);
    fail();
}

static void check(const struct vectors *v, bool ok, const struct address *address)
{
    if (ok != text_equal(vectors_get(v, "result"), text_of("ok")))
        say(v, "result", text_of(ok ? "ok" : "refused"));
    if (!ok)
        return;
    const struct text text = address_text(address);
    if (!text_equal(text, vectors_get(v, "address")))
        say(v, "address", text);
    assert_int_equal(strlen(address->text), address->len);
    assert_int_equal(address->text[address->at], '@');
    if (vectors_has(v, "without_detail") &&
            !text_equal(address_without_detail(address), vectors_get(v, "without_detail")))
        say(v, "without_detail", address_without_detail(address));
}

static void check_equal(const struct vectors *v)
{
    struct address a;
    struct address b;

    assert_true(parse(vectors_get(v, "canonical"), text_of(""), &a));
    assert_true(parse(vectors_get(v, "other"), text_of(""), &b));
    const char *got = address_equal(&a, &b) ? "yes" : "no";
    if (!text_equal(vectors_get(v, "result"), text_of(got)))
        say(v, "result", text_of(got));
    assert_int_equal(address_equal(&a, &b), address_equal(&b, &a));
}

TEST(vectors_hold)
{
    struct vectors *v = vectors_open("addresses.txt");
    size_t made = 0;
    size_t read = 0;
    size_t compared = 0;

    while (vectors_next(v)) {
        const struct text what = vectors_get(v, "what");
        struct address address = {.len = 0};
        if (text_equal(what, text_of("make"))) {
            check(v, make(vectors_get(v, "local"), vectors_get(v, "domain"), &address), &address);
            made++;
        } else if (text_equal(what, text_of("read"))) {
            const struct text domain = vectors_has(v, "default_domain")
                                               ? vectors_get(v, "default_domain")
                                               : text_of("");
            check(v, parse(vectors_get(v, "canonical"), domain, &address), &address);
            read++;
        } else if (text_equal(what, text_of("equal"))) {
            check_equal(v);
            compared++;
        } else if (!text_equal(what, text_of("domain"))) {
            say(v, "what", what);
        }
    }
    vectors_free(&v);
    assert_true(made > 20 && read > 40 && compared > 5);
}

/* Each octet alone: written as itself or as %XX, and read back to the same text. */
TEST(every_octet_has_one_form)
{
    for (unsigned octet = 0; octet <= 0xff; octet++) {
        const char local[] = {'x', (char)octet};
        const bool encoded = octet <= ' ' || octet >= 0x7f || octet == '%' || octet == '@';
        struct address made;
        struct address back;
        assert_true(make((struct text){local, 2}, text_of("example.org"), &made));
        assert_int_equal(made.at, encoded ? 4 : 2);
        assert_int_equal(made.text[1], encoded ? '%' : (char)octet);
        assert_true(parse(address_text(&made), text_of(""), &back));
        assert_string_equal(back.text, made.text);
    }
}

/* Any %XX but those that address_make() writes is refused, whatever the case of its digits. */
TEST(no_octet_has_two_forms)
{
    static const char digits[] = "0123456789ABCDEFabcdef";
    size_t taken = 0;

    for (size_t high = 0; high < sizeof digits - 1; high++) {
        for (size_t low = 0; low < sizeof digits - 1; low++) {
            const char text[] = {'x', '%', digits[high], digits[low], '@', 'a', '.', 'b'};
            struct address address;
            taken += parse((struct text){text, sizeof text}, text_of(""), &address);
        }
    }
    assert_int_equal(taken, (' ' + 1) + (0xff - 0x7f + 1) + 2);
}

TEST(refusal_leaves_the_result_alone)
{
    struct address address = parsed("alice@example.org");

    assert_false(make(text_of("bob"), text_of("a_b"), &address));
    assert_false(make(text_of("*"), text_of("example.org"), &address));
    assert_false(parse(text_of("bo%62@example.org"), text_of(""), &address));
    assert_string_equal(address.text, "alice@example.org");
    assert_int_equal(address.len, 17);
    assert_int_equal(address.at, 5);
}

TEST(parts_are_cut_at_the_at)
{
    const struct address address = parsed("a%40+b+c@x.example");

    assert_true(text_equal(address_text(&address), text_of("a%40+b+c@x.example")));
    assert_true(text_equal(address_local(&address), text_of("a%40+b+c")));
    assert_true(text_equal(address_domain(&address), text_of("x.example")));
    assert_true(text_equal(address_without_detail(&address), text_of("a%40")));
}

/* All 64 octets encoded and a domain of 253: ADDRESS_MAX is that, to the octet. */
TEST(longest_fits)
{
    char local[ADDRESS_LOCAL_MAX];
    char domain[DOMAIN_MAX];
    struct address address;

    memset(local, '@', sizeof local);
    memset(domain, 'a', sizeof domain);
    for (size_t i = 63; i < sizeof domain; i += 64)
        domain[i] = '.';
    assert_true(make(
            (struct text){local, sizeof local}, (struct text){domain, sizeof domain}, &address));
    assert_int_equal(address.len, ADDRESS_MAX);
    assert_int_equal(address.text[ADDRESS_MAX], '\0');
}
