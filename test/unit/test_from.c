// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/from.h"
#include "unit.h"
#include "vectors.h"

/* The words of test/vectors/from.txt. */
static const char *const names[] = {
        [FROM_OK] = "ok",
        [FROM_EMPTY] = "empty",
        [FROM_SEVERAL] = "several",
        [FROM_GROUP] = "group",
        [FROM_ROUTE] = "route",
        [FROM_COMMENT] = "comment",
        [FROM_MISLEADING] = "misleading",
        [FROM_PHRASE] = "phrase",
        [FROM_TRAILING] = "trailing",
        [FROM_ENCODED] = "encoded",
        [FROM_LITERAL] = "literal",
        [FROM_LOCAL] = "local",
        [FROM_DOMAIN] = "domain",
        [FROM_OCTET] = "octet",
        [FROM_SYNTAX] = "syntax",
};

static enum from_result parse(struct text value, struct address *author_r)
{
    const struct text in = exact_copy(value);
    const enum from_result result = from_parse(in, author_r);

    exact_free(in);
    return result;
}

/* Every record is checked before the test fails, so that one run shows all that differ. */
TEST(vectors_hold)
{
    struct vectors *v = vectors_open("from.txt");
    size_t seen[sizeof names / sizeof *names] = {0};
    size_t wrong = 0;

    while (vectors_next(v)) {
        const struct text value = vectors_get(v, "value");
        struct address author = {.len = 0};
        const enum from_result result = parse(value, &author);
        const struct text want = result == FROM_OK && vectors_has(v, "address")
                                         ? vectors_get(v, "address")
                                         : text_of("");
        seen[result]++;
        if (text_equal(vectors_get(v, "result"), text_of(names[result])) &&
                text_equal(address_text(&author), want))
            continue;
        wrong++;
        print_error("from.txt:%u: \"%.*s\": got %s \"%s\", want %.*s \"%.*s\"\n", vectors_line(v),
                (int)value.len, value.at, names[result], author.text,
                (int)vectors_get(v, "result").len, vectors_get(v, "result").at, (int)want.len,
                want.at);
    }
    vectors_free(&v);
    assert_int_equal(wrong, 0);
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        assert_true(seen[i] > 0);
}

/* Each octet, alone, where a name, a comment, a quoted string, a local part and a domain may hold
 * it: only these are taken. */
TEST(every_octet_in_every_place)
{
    static const char visible[] = "!#$%&'*+-/=?^_`{|}~"
                                  "0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const struct {
        const char *before;
        const char *behind;
        const char *also;
        const char *but;
        bool high; /* from 0x80 on */
    } table[] = {
            {"A", "B <a@b.c>", ". \t", "", true},
            {"A (", ") <a@b.c>", ".,:;[] \t", "", true},
            {"A (\\", ") <a@b.c>", "", visible, false},
            {"A (", "@) <a@b.c>", "", visible, false},
            {"A (", "\\x) <a@b.c>", "", visible, false},
            {"\"", "\" <a@b.c>", ".,:;@<>[]() \t", "", true},
            {"\"\\", "\" <a@b.c>", ".,:;@<>[]()\"\\ \t", "", true},
            {"\"", "@\" <a@b.c>", ".,:;@<>[]()\\ \t", "", false},
            {"\"", "[\" <a@b.c>", ".,:;@<>[]()\\ \t", "", false},
            {"\"", "]\" <a@b.c>", ".,:;@<>[]()\\ \t", "", false},
            {"\"", "\\x\" <a@b.c>", ".,:;@<>[]()\\ \t", "", false},
            {"<a", "b@c.d>", ".", "", false},
            {"<\"a", "b\"@c.d>", ".\\ ", "", false},
            {"<a@b", "c.d>", ".", "!#$%&'*+/=?^_`{|}~", false},
            {"", "a@b.c", " \t", "+", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int octet = 0; octet <= 0xff; octet++) {
            char buffer[32];
            struct writer w = writer_of(buffer, sizeof buffer);
            writer_string(&w, table[i].before);
            writer_char(&w, (char)octet);
            writer_string(&w, table[i].behind);
            struct address author;
            const bool ok = parse(writer_text(&w), &author) == FROM_OK;
            const bool low =
                    octet != '\0' && strchr(table[i].but, octet) == NULL &&
                    (strchr(visible, octet) != NULL || strchr(table[i].also, octet) != NULL);
            const bool want = octet >= 0x80 ? table[i].high : low;
            if (ok != want) {
                print_error("%s\\x%02x%s: got %d, want %d\n", table[i].before, (unsigned)octet,
                        table[i].behind, ok, want);
                fail();
            }
        }
    }
}

/* Nothing that is cut off early is taken for more than it says. */
TEST(every_prefix_is_refused)
{
    static const char whole[] = "\"A\" (b) <alice@x.example>";
    struct address author;

    for (size_t len = 0; len < sizeof whole - 1; len++)
        assert_int_not_equal(parse((struct text){whole, len}, &author), FROM_OK);
    assert_int_equal(parse(text_of(whole), &author), FROM_OK);
}

TEST(depth_of_comments_costs_nothing)
{
    const size_t depth = 1000000;
    char *value = malloc(2 * depth + 5);
    struct address author;

    assert_non_null(value);
    memset(value, '(', depth);
    memset(value + depth, ')', depth);
    memcpy(value + 2 * depth, "a@b.c", 5);
    assert_int_equal(parse((struct text){value, 2 * depth + 5}, &author), FROM_OK);
    assert_int_equal(parse((struct text){value, 2 * depth}, &author), FROM_EMPTY);
    assert_int_equal(parse((struct text){value, 2 * depth - 1}, &author), FROM_COMMENT);
    free(value);
}

TEST(refusal_leaves_the_result_alone)
{
    static const char *const values[] = {"", "<bob@x.example>,", "bob@x", "+bob@x.example"};
    struct address author;

    assert_int_equal(parse(text_of("alice@example.org"), &author), FROM_OK);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_not_equal(parse(text_of(values[i]), &author), FROM_OK);
    assert_string_equal(author.text, "alice@example.org");
    assert_int_equal(from_parse((struct text){NULL, 0}, &author), FROM_EMPTY);
}

TEST(every_result_has_a_text_of_its_own)
{
    for (unsigned i = FROM_OK; i <= FROM_SYNTAX; i++) {
        const char *text = from_result_text((enum from_result)i);
        assert_true(strlen(text) > 0);
        for (unsigned other = FROM_OK; other < i; other++)
            assert_string_not_equal(text, from_result_text((enum from_result)other));
    }
}
