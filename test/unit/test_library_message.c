// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "fixture_library.h"
#include "unit.h"
#include "version.h"

/* libverimail's users, authors and digests, by verimail.h alone. */

TEST(every_result_has_a_text)
{
    for (int i = VERIMAIL_OK; i <= VERIMAIL_PEER; i++) {
        const char *text = verimail_result_text((enum verimail_result)i);
        assert_non_null(text);
        assert_string_not_equal(text, "no such result");
        for (int j = VERIMAIL_OK; j < i; j++)
            assert_string_not_equal(text, verimail_result_text((enum verimail_result)j));
    }
    assert_string_equal(
            verimail_result_text((enum verimail_result)(VERIMAIL_PEER + 1)), "no such result");
    assert_string_equal(verimail_result_text((enum verimail_result) - 1), "no such result");
}

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

TEST(versions_agree)
{
    assert_string_equal(VERIMAIL_VERSION, VERSION);
    assert_string_equal(verimail_version(), VERSION);
    assert_string_equal(TEXT_OF(VERIMAIL_VERSION_MAJOR) "." TEXT_OF(
                                VERIMAIL_VERSION_MINOR) "." TEXT_OF(VERIMAIL_VERSION_PATCH),
            VERSION);
}

static enum verimail_result from_word(struct text word)
{
    static const struct {
        const char *word;
        enum verimail_result result;
    } table[] = {
            {"ok", VERIMAIL_OK},
            {"empty", VERIMAIL_ADDRESS_EMPTY},
            {"several", VERIMAIL_ADDRESS_SEVERAL},
            {"group", VERIMAIL_ADDRESS_GROUP},
            {"route", VERIMAIL_ADDRESS_ROUTE},
            {"comment", VERIMAIL_ADDRESS_COMMENT},
            {"misleading", VERIMAIL_ADDRESS_MISLEADING},
            {"phrase", VERIMAIL_ADDRESS_PHRASE},
            {"trailing", VERIMAIL_ADDRESS_TRAILING},
            {"encoded", VERIMAIL_ADDRESS_ENCODED},
            {"literal", VERIMAIL_ADDRESS_LITERAL},
            {"local", VERIMAIL_ADDRESS_LOCAL},
            {"domain", VERIMAIL_ADDRESS_DOMAIN},
            {"octet", VERIMAIL_ADDRESS_OCTET},
            {"syntax", VERIMAIL_ADDRESS_SYNTAX},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (is(word, table[i].word))
            return table[i].result;
    print_error("from.txt: unknown result: %.*s\n", (int)word.len, word.at);
    fail();
    return VERIMAIL_OK;
}

/* What has an author is also what a person may have typed, or it is no address alone: then it has
 * more in it than the author. */
static void check_typed(const struct vectors *v, struct text value, const char *author)
{
    char user[VERIMAIL_USER_SIZE];
    char *typed = strndup(value.at, value.len);

    assert_non_null(typed);
    const enum verimail_result result = verimail_user(typed, user, sizeof user);
    if (result == VERIMAIL_OK)
        assert_string_equal(user, author);
    else
        check_result("from.txt", vectors_line(v), result, VERIMAIL_ADDRESS_ALONE);
    free(typed);
}

TEST(vector_authors)
{
    struct vectors *v = vectors_open("from.txt");

    while (vectors_next(v)) {
        char user[VERIMAIL_USER_SIZE] = "x";
        const enum verimail_result want = from_word(vectors_get(v, "result"));
        const struct text in = exact_copy(vectors_get(v, "value"));
        check_result("from.txt", vectors_line(v), verimail_author(in.at, in.len, user, sizeof user),
                want);
        if (!is(want == VERIMAIL_OK ? vectors_get(v, "address") : (struct text){"", 0}, user)) {
            print_error("from.txt:%u: got %s\n", vectors_line(v), user);
            fail();
        }
        if (want == VERIMAIL_OK)
            check_typed(v, in, user);
        exact_free(in);
    }
    vectors_free(&v);
}

TEST(users_as_typed)
{
    static const struct {
        const char *typed;
        enum verimail_result result;
        const char *want;
    } table[] = {
            {"alice@example.org", VERIMAIL_OK, "alice@example.org"},
            {"Alice+News@EXAMPLE.org", VERIMAIL_OK, "Alice+News@example.org"},
            {"\xc3\x84nne@b\xc3\xbc"
             "cher.example",
                    VERIMAIL_OK, "%C3%84nne@xn--bcher-kva.example"},
            {"100%@example.org", VERIMAIL_OK, "100%25@example.org"},
            {"\"john doe\"@example.org", VERIMAIL_OK, "john%20doe@example.org"},
            {"\"john\"@example.org", VERIMAIL_OK, "john@example.org"},
            {"\"a@b\"@example.org", VERIMAIL_ADDRESS_MISLEADING, ""},
            {"\"a \\\"<b>\"@example.org", VERIMAIL_ADDRESS_MISLEADING, ""},
            {"", VERIMAIL_ADDRESS_EMPTY, ""},
            {"alice", VERIMAIL_ADDRESS_EMPTY, ""},
            {"@example.org", VERIMAIL_ADDRESS_LOCAL, ""},
            {"*@example.org", VERIMAIL_ADDRESS_LOCAL, ""},
            {"+news@example.org", VERIMAIL_ADDRESS_LOCAL, ""},
            {"a..b@example.org", VERIMAIL_ADDRESS_LOCAL, ""},
            {"alice@localhost", VERIMAIL_ADDRESS_DOMAIN, ""},
            {"alice@[192.0.2.1]", VERIMAIL_ADDRESS_LITERAL, ""},
            {"alice@example.org,bob@example.org", VERIMAIL_ADDRESS_SEVERAL, ""},
            {"friends:alice@example.org;", VERIMAIL_ADDRESS_GROUP, ""},
            {"\xff@example.org", VERIMAIL_ADDRESS_OCTET, ""},
            {"<alice@example.org>", VERIMAIL_ADDRESS_ALONE, ""},
            {"Alice <alice@example.org>", VERIMAIL_ADDRESS_ALONE, ""},
            {"\"Alice\" <\"alice\"@example.org>", VERIMAIL_ADDRESS_ALONE, ""},
            {"\"Alice\"<\"alice\"@example.org", VERIMAIL_ADDRESS_SYNTAX, ""},
            {"\"a\"\"b\"@example.org", VERIMAIL_ADDRESS_PHRASE, ""},
            {" alice@example.org", VERIMAIL_ADDRESS_ALONE, ""},
            {"alice@example.org\n", VERIMAIL_ADDRESS_ALONE, ""},
            {"alice@example.org (Alice)", VERIMAIL_ADDRESS_ALONE, ""},
            {"(Alice)alice@example.org", VERIMAIL_ADDRESS_ALONE, ""},
    };

    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        char user[VERIMAIL_USER_SIZE] = "x";
        check_result(table[i].typed, i, verimail_user(table[i].typed, user, sizeof user),
                table[i].result);
        assert_string_equal(user, table[i].want);
    }
}

TEST(user_room_at_its_edge)
{
    char buffer[32];

    for (size_t size = 0; size < sizeof buffer; size++) {
        memset(buffer, '!', sizeof buffer);
        check_result("room", size, verimail_user("alice@example.org", buffer, size),
                size > 17 ? VERIMAIL_OK : VERIMAIL_ROOM);
        assert_int_equal(buffer[size], '!');
        if (size > 0)
            assert_string_equal(buffer, size > 17 ? "alice@example.org" : "");
    }
}

TEST(vector_equal_users)
{
    struct vectors *v = vectors_open("addresses.txt");
    size_t compared = 0;

    while (vectors_next(v)) {
        if (!is(vectors_get(v, "what"), "equal"))
            continue;
        const struct text canonical = vectors_get(v, "canonical");
        const struct text other = vectors_get(v, "other");
        char *a = strndup(canonical.at, canonical.len);
        char *b = strndup(other.at, other.len);
        assert_int_equal(verimail_user_equal(a, b), is(vectors_get(v, "result"), "yes"));
        free(a);
        free(b);
        compared++;
    }
    vectors_free(&v);
    assert_true(compared > 3);
    /* What is no canonical text is nobody, not even itself. */
    assert_false(verimail_user_equal("", ""));
    assert_false(verimail_user_equal("alice", "alice"));
    assert_false(verimail_user_equal("a b@example.org", "a b@example.org"));
}

static void check_final(const char *name, unsigned line, struct verimail_digest *d,
        enum verimail_result result, struct text want)
{
    char got[VERIMAIL_DIGEST_SIZE] = "x";

    check_result(name, line, verimail_digest_final(d, got, sizeof got), result);
    if (!is(want, got)) {
        print_error("%s:%u: got %s\n", name, line, got);
        fail();
    }
}

static struct verimail_digest *new_digest(void)
{
    struct verimail_digest *d;

    check_result("new", 0, verimail_digest_new(&d), VERIMAIL_OK);
    assert_non_null(d);
    return d;
}

static enum verimail_result result_wanted(const struct vectors *v)
{
    const struct text none = vectors_has(v, "none") ? vectors_get(v, "none") : text_of("");

    if (is(none, "long-line"))
        return VERIMAIL_MESSAGE_LINE;
    if (is(none, "bare-cr"))
        return VERIMAIL_MESSAGE_CR;
    if (is(none, "spaced"))
        return VERIMAIL_MESSAGE_SPACE;
    return is(none, "not-field") ? VERIMAIL_MESSAGE_FIELD : VERIMAIL_OK;
}

static void check_vector(const struct vectors *v, struct verimail_digest *d)
{
    const enum verimail_result result = result_wanted(v);

    check_final("digests.txt", vectors_line(v), d, result,
            result == VERIMAIL_OK ? vectors_get(v, "digest") : text_of(""));
}

static void digest_whole(const struct vectors *v, struct text message, size_t chunk)
{
    struct verimail_digest *d = new_digest();

    for (size_t at = 0; at < message.len; at += chunk) {
        const size_t left = message.len - at;
        const struct text in =
                exact_copy((struct text){message.at + at, left < chunk ? left : chunk});
        (void)!verimail_digest_message(d, in.at, in.len);
        exact_free(in);
    }
    check_vector(v, d);
    verimail_digest_free(&d);
    assert_null(d);
}

/* As a mail server cuts it: octets of the field at the front, with its line end; 0 if there is none
 * any more. */
static size_t field_len(struct text rest)
{
    size_t len = 0;

    if (rest.len == 0 || rest.at[0] == '\n' || (rest.len > 1 && memcmp(rest.at, "\r\n", 2) == 0))
        return 0;
    do {
        const char *lf = memchr(rest.at + len, '\n', rest.len - len);
        len = lf != NULL ? (size_t)(lf - rest.at) + 1 : rest.len;
    } while (len < rest.len && (rest.at[len] == ' ' || rest.at[len] == '\t'));
    return len;
}

static void digest_in_parts(const struct vectors *v, struct text rest)
{
    struct verimail_digest *d = new_digest();

    for (size_t len; (len = field_len(rest)) > 0; rest.at += len, rest.len -= len) {
        const char *colon = memchr(rest.at, ':', len);
        assert_non_null(colon);
        const size_t name_len = (size_t)(colon - rest.at);
        (void)!verimail_digest_field(d, rest.at, name_len, colon + 1, len - name_len - 1);
    }
    const size_t empty_line = rest.len == 0 ? 0 : rest.at[0] == '\n' ? 1 : 2;
    if (rest.len > empty_line)
        (void)!verimail_digest_body(d, rest.at + empty_line, rest.len - empty_line);
    check_vector(v, d);
    verimail_digest_free(&d);
}

TEST(vector_digests)
{
    struct vectors *v = vectors_open("digests.txt");

    while (vectors_next(v)) {
        const struct text message = vectors_get(v, "message");
        digest_whole(v, message, message.len + 1);
        digest_whole(v, message, 1);
        if (result_wanted(v) != VERIMAIL_MESSAGE_FIELD)
            digest_in_parts(v, message);
    }
    vectors_free(&v);
}

/* m: a piece of message, f: a field, b: a piece of body, e: the end. Upper case: is refused. What
 * was refused stays so, and has no digest. */
TEST(digest_is_fed_in_order)
{
    static const char *const table[] = {"e", "me", "mmme", "fe", "ffbbe", "be", "mF", "mB", "fM",
            "ffbF", "bF", "bM", "eE", "eM", "eF", "eB", "meE", "meM", "fbeB", "mFME", "mFBE",
            "bFBE", "fMFE", "eMFBE"};

    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        struct verimail_digest *d = new_digest();
        for (const char *step = table[i]; *step != '\0'; step++) {
            char text[VERIMAIL_DIGEST_SIZE] = "x";
            const bool refused = *step < 'a';
            enum verimail_result got = VERIMAIL_OK;
            if ((*step | 0x20) == 'm')
                got = verimail_digest_message(d, "A: b\n\nc\n", step == table[i] ? 8 : 0);
            else if ((*step | 0x20) == 'f')
                got = verimail_digest_field(d, "A", 1, "b", 1);
            else if ((*step | 0x20) == 'b')
                got = verimail_digest_body(d, "c\n", 2);
            else
                got = verimail_digest_final(d, text, sizeof text);
            check_result(table[i], (size_t)(step - table[i]), got,
                    refused ? VERIMAIL_ORDER : VERIMAIL_OK);
            if ((*step | 0x20) == 'e')
                assert_int_equal(strlen(text), refused ? 0 : VERIMAIL_DIGEST_SIZE - 1);
        }
        verimail_digest_free(&d);
    }
}

TEST(digest_of_what_is_no_message)
{
    static const struct {
        const char *message;
        enum verimail_result feed; /* with the end it is known anyway */
        enum verimail_result final;
    } table[] = {
            {"no field\r\n\r\n", VERIMAIL_MESSAGE_FIELD, VERIMAIL_MESSAGE_FIELD},
            {" From: a@b.cd\r\n\r\n", VERIMAIL_MESSAGE_FIELD, VERIMAIL_MESSAGE_FIELD},
            {"From: a@b.cd\r\nno field", VERIMAIL_OK, VERIMAIL_MESSAGE_FIELD},
            {"From: a@b.cd\r\nX: a\rb\r\n\r\n", VERIMAIL_MESSAGE_CR, VERIMAIL_MESSAGE_CR},
            {"From: a@b.cd\r\nX : a\r\n\r\n", VERIMAIL_MESSAGE_SPACE, VERIMAIL_MESSAGE_SPACE},
    };

    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        struct verimail_digest *d = new_digest();
        check_result("feed", i,
                verimail_digest_message(d, table[i].message, strlen(table[i].message)),
                table[i].feed);
        check_final("end", i, d, table[i].final, (struct text){"", 0});
        check_result("after", i, verimail_digest_message(d, "", 0), table[i].final);
        verimail_digest_free(&d);
    }
}

TEST(digest_header_at_its_limit)
{
    const size_t limit = 1024 * 1024;
    char *octets = malloc(limit + 1);

    assert_non_null(octets);
    memset(octets, 'x', limit + 1);
    for (size_t over = 0; over < 2; over++) {
        const enum verimail_result want = over ? VERIMAIL_MESSAGE_HEADER : VERIMAIL_OK;
        struct verimail_digest *d = new_digest();
        check_result("field", 0, verimail_digest_field(d, "To", 2, octets, 8), VERIMAIL_OK);
        check_result("field", 1,
                verimail_digest_field(d, "Comment", 7, octets, limit - 10 - 7 + over), want);
        check_result("body", 0, verimail_digest_body(d, "x", 1), want);
        verimail_digest_free(&d);

        d = new_digest();
        check_result("name", 0, verimail_digest_field(d, octets, limit + over, "", 0), want);
        verimail_digest_free(&d);

        d = new_digest();
        memcpy(octets, "A:", 2);
        check_result("message", 0, verimail_digest_message(d, octets, limit + over), want);
        verimail_digest_free(&d);
    }
    free(octets);
}

TEST(digest_room_loses_nothing)
{
    struct verimail_digest *d = new_digest();
    char text[VERIMAIL_DIGEST_SIZE] = "x";

    check_result("body", 0, verimail_digest_body(d, NULL, 0), VERIMAIL_OK);
    check_result("final", 0, verimail_digest_final(d, text, 0), VERIMAIL_ROOM);
    assert_string_equal(text, "x");
    check_result("final", 1, verimail_digest_final(d, text, sizeof text - 1), VERIMAIL_ROOM);
    assert_string_equal(text, "");
    check_result("final", 2, verimail_digest_final(d, text, sizeof text), VERIMAIL_OK);
    assert_string_equal(text, "2r20m8hJTrs55a0bol81FJbJ_jmf2uxyO06S7eZeqNI");
    verimail_digest_free(&d);
    verimail_digest_free(&d);
}
