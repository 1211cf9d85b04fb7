// SPDX-License-Identifier: ISC
#include <sodium.h>

#include "exact.h"
#include "protocol/key.h"
#include "unit.h"
#include "vectors.h"

static enum key_result result_from(struct text name)
{
    static const struct {
        const char *name;
        enum key_result result;
    } table[] = {
            {"ok", KEY_OK},
            {"not-key", KEY_NOT_KEY},
            {"wrong-kind", KEY_WRONG_KIND},
            {"check", KEY_CHECK},
            {"weak", KEY_WEAK},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (text_equal(name, text_of(table[i].name)))
            return table[i].result;
    fail_msg("unknown result");
    return KEY_OK;
}

static enum key_kind kind_from(struct text name)
{
    for (unsigned kind = KEY_SERVICE_SECRET; kind < KEY_KINDS; kind++)
        if (text_equal(name, text_of(key_kind_name((enum key_kind)kind))))
            return (enum key_kind)kind;
    fail_msg("unknown kind");
    return KEY_HOST_PUBLIC;
}

static void octets_of(
        const struct vectors *v, const char *name, unsigned char *octets_r, size_t size)
{
    size_t len = 0;

    assert_true(text_from_hex(vectors_get(v, name), octets_r, size, &len));
    assert_int_equal(len, size);
}

static void check_text(const struct vectors *v)
{
    const enum key_kind kind = kind_from(vectors_get(v, "kind"));
    const enum key_result want = result_from(vectors_get(v, "result"));
    const struct text in = exact_copy(vectors_get(v, "text"));
    unsigned char want_key[KEY_OCTETS] = {0};
    unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];

    if (want == KEY_OK)
        octets_of(v, "octets", want_key, sizeof want_key);
    memset(key, 0x55, sizeof key);
    const enum key_result got = key_parse(in, kind, key);
    if (got != want) {
        print_error("keys.txt:%u: got \"%s\", want \"%s\"\n", vectors_line(v), key_result_text(got),
                key_result_text(want));
        fail();
    }
    assert_memory_equal(key, want_key, sizeof key);
    if (want == KEY_OK) {
        key_format(kind, key, text);
        assert_true(text_equal(text_of(text), in));
    }
    exact_free(in);
}

static void check_public(const struct vectors *v)
{
    unsigned char secret[KEY_OCTETS];
    unsigned char want[KEY_OCTETS];
    unsigned char got[KEY_OCTETS];

    octets_of(v, "secret", secret, sizeof secret);
    octets_of(v, "public", want, sizeof want);
    key_public(secret, got);
    assert_memory_equal(got, want, sizeof got);
}

static void check_id(const struct vectors *v)
{
    unsigned char host[KEY_OCTETS];
    unsigned char service[KEY_OCTETS];
    unsigned char want[KEY_ID_OCTETS];
    unsigned char got[KEY_ID_OCTETS];

    octets_of(v, "host_public", host, sizeof host);
    octets_of(v, "service_public", service, sizeof service);
    octets_of(v, "id", want, sizeof want);
    key_id(host, service, got);
    assert_memory_equal(got, want, sizeof got);
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(vectors_hold)
{
    struct vectors *v = vectors_open("keys.txt");
    unsigned records = 0;

    for (; vectors_next(v); records++) {
        if (vectors_has(v, "kind"))
            check_text(v);
        else if (vectors_has(v, "secret"))
            check_public(v);
        else
            check_id(v);
    }
    vectors_free(&v);
    assert_true(records > 30);
}

/* Of all changes of one octet of the text none passes its check. */
TEST(any_one_octet_counts)
{
    unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];

    memset(key, 0x6b, sizeof key);
    key_format(KEY_HOST_SECRET, key, text);
    for (char *c = text; *c != '\0'; c++) {
        const char was = *c;
        for (unsigned octet = 0; octet <= UINT8_MAX; octet++) {
            *c = (char)octet;
            const bool same = *c == was;
            if (octet != 0 && (key_parse(text_of(text), KEY_HOST_SECRET, key) == KEY_OK) != same) {
                print_error("\"%s\": got %d, want %d\n", text, !same, same);
                fail();
            }
        }
        *c = was;
    }
}

TEST(only_public_keys_can_be_weak)
{
    static const unsigned char zero[KEY_OCTETS];
    unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];

    key_format(KEY_SERVICE_SECRET, zero, text);
    assert_int_equal(key_parse(text_of(text), KEY_SERVICE_SECRET, key), KEY_OK);
    key_format(KEY_SERVICE_PUBLIC, zero, text);
    assert_int_equal(key_parse(text_of(text), KEY_SERVICE_PUBLIC, key), KEY_WEAK);
    /* What is asked for matters first. */
    assert_int_equal(key_parse(text_of(text), KEY_HOST_PUBLIC, key), KEY_WRONG_KIND);
}

TEST(longest_text_fits)
{
    static const unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];

    key_format(KEY_SERVICE_SECRET, key, text);
    assert_int_equal(strlen(text), KEY_TEXT_MAX);
    key_format(KEY_HOST_PUBLIC, key, text);
    assert_int_equal(strlen(text), KEY_TEXT_MAX - 3);
}

static struct text fill_in(
        const char *content, const char *ours, const char *theirs, struct writer w)
{
    for (const char *c = content; *c != '\0'; c++) {
        if (*c == '@')
            writer_string(&w, ours);
        else if (*c == '%')
            writer_string(&w, theirs);
        else
            writer_char(&w, *c);
    }
    return writer_text(&w);
}

/* `@` stands for a key of the kind asked for, `%` for one of another kind. */
TEST(file_has_one_key)
{
    static const struct {
        const char *content;
        enum key_result result;
    } table[] = {
            {"@", KEY_OK},
            {"@\n", KEY_OK},
            {"@\r\n", KEY_OK},
            {"\n\r\n \t\n@\n\n", KEY_OK},
            {"# @\n#\n  # indented\n \t@ \t\n# the end", KEY_OK},
            {"", KEY_NOT_KEY},
            {"\n\n", KEY_NOT_KEY},
            {"# @\n", KEY_NOT_KEY},
            {"@ # mail.example.org", KEY_NOT_KEY},
            {"@@", KEY_NOT_KEY},
            {"@\nexample", KEY_NOT_KEY},
            {"example\n@", KEY_NOT_KEY},
            {"\xef\xbb\xbf@", KEY_NOT_KEY},
            {"@\n@", KEY_SEVERAL},
            {"@\n\n# old:\n@\n@\n", KEY_SEVERAL},
            {"%", KEY_WRONG_KIND},
            {"@\n%\n", KEY_WRONG_KIND},
            {"host-secret:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", KEY_CHECK},
    };
    unsigned char secret[KEY_OCTETS];
    char ours[KEY_TEXT_MAX + 1];
    char theirs[KEY_TEXT_MAX + 1];

    memset(secret, 7, sizeof secret);
    key_format(KEY_HOST_SECRET, secret, ours);
    key_format(KEY_SERVICE_SECRET, secret, theirs);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[512];
        unsigned char key[KEY_OCTETS];
        unsigned char want[KEY_OCTETS] = {0};
        const struct text in = exact_copy(
                fill_in(table[i].content, ours, theirs, writer_of(buffer, sizeof buffer)));
        if (table[i].result == KEY_OK)
            memcpy(want, secret, sizeof want);
        const enum key_result got = key_parse_file(in, KEY_HOST_SECRET, key);
        if (got != table[i].result || memcmp(key, want, sizeof key) != 0) {
            print_error("\"%s\": got \"%s\", want \"%s\"\n", table[i].content, key_result_text(got),
                    key_result_text(table[i].result));
            fail();
        }
        exact_free(in);
    }
}

TEST(faults_name_the_kind_that_was_found)
{
    static const struct {
        enum key_result result;
        const char *content;
        const char *want;
    } table[] = {
            {KEY_WRONG_KIND, "host-secret:x",
                    "is a key of another kind: the secret half of a host's"},
            {KEY_WRONG_KIND, "# made\n\n  service-public:x\n",
                    "is a key of another kind: the public half of a service's"},
            {KEY_WRONG_KIND, "nonsense", "is a key of another kind"},
            {KEY_CHECK, "host-secret:x", "is mistyped: its check does not fit"},
            {KEY_NOT_KEY, "", "is not the text of a key"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text content = exact_copy(text_of(table[i].content));
        assert_string_equal(key_fault_text(table[i].result, content), table[i].want);
        exact_free(content);
    }
}
