// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "filter/sender_logins.h"
#include "unit.h"

struct row {
    const char *login;
    const char *author; /* canonical */
    bool want;
};

static void check(const struct sender_logins *logins, const struct row *rows, size_t count)
{
    assert_non_null(logins);
    for (size_t i = 0; i < count; i++) {
        struct address author;
        char *login = strdup(rows[i].login);
        assert_true(address_parse(text_of(rows[i].author), text_of(""), &author));
        const bool got = sender_logins_permit(logins, login, &author);
        free(login);
        if (got == rows[i].want)
            continue;
        print_error("\"%s\" as %s: got %d, want %d\n", rows[i].login, rows[i].author, got,
                rows[i].want);
        fail();
    }
}

#define CHECK(logins, rows) check(logins, rows, sizeof(rows) / sizeof *(rows))

/* From an allocation of exactly its size. */
static struct sender_logins *read_table(const char *table, struct problems *problems)
{
    const size_t len = strlen(table);
    char *copy = calloc(1, len > 0 ? len : 1);

    assert_non_null(copy);
    assert_non_null(problems);
    memcpy(copy, table, len);
    struct sender_logins *logins = sender_logins_table(copy, len, "/t", problems);
    free(copy);
    return logins;
}

/* A row of hostile logins that no rule means. */
#define HOSTILE(author)                                                                            \
    {"", author, false}, {"*", author, false}, {"@", author, false}, {"*@*", author, false},       \
            {"@example.org", author, false}, {"*@example.org", author, false},                     \
            {"+", author, false}, {"+@example.org", author, false}, {"alice@", author, false},     \
            {"alice@@example.org", author, false}, {"alice@example.org@", author, false},          \
            {"alice@example.org@example.net", author, false}, {" alice", author, false},           \
            {"alice ", author, false}, {"alice\n", author, false}, {"alice\xff", author, false},   \
            {"\"alice\"", author, false}, {"<alice@example.org>", author, false},                  \
            {"alic", author, false}, {"alicee", author, false}, {"al%69ce", author, false},        \
            {"#", author, false}, {"alice@example.org.", author, false},                           \
            {"alice@sub.example.org", author, false},                                              \
    {                                                                                              \
        "bob@alice@example.org", author, false                                                     \
    }

TEST(same)
{
    static const struct row rows[] = {
            {"alice", "alice@example.org", true},
            {"ALICE", "Alice@example.org", true},
            {"alice", "alice@example.net", true}, /* both are ours: that is asked before */
            {"alice@example.org", "alice@example.org", true},
            {"Alice@Example.ORG", "alice@example.org", true},
            {"alice@example.net", "alice@example.org", false},
            {"alice", "alice+news@example.org", true},
            {"alice", "alice+a+b@example.org", true},
            {"alice@example.org", "alice+news@example.org", true},
            {"alice+news", "alice+news@example.org", true},
            {"alice+news@example.org", "alice+NEWS@example.org", true},
            {"alice+news", "alice@example.org", false},
            {"alice+news", "alice+new@example.org", false},
            {"alice+news", "alice+news+x@example.org", false},
            {"alice+", "alice@example.org", false},
            {"bob", "alice@example.org", false},
            {"alice", "bob@example.org", false},
            {"alice", "alice.b@example.org", false},
            /* a login is not canonical text: it is read as what it is */
            {"a b", "a%20b@example.org", true},
            {"a%20b", "a%20b@example.org", false},
            {"a%20b", "a%2520b@example.org", true},
            {"a%40b", "a%40b@example.org", false},
            {"a@b", "a%40b@example.org", false},
            {"a@example.org@example.org", "a%40example.org@example.org", true},
            {"j\xc3\xb6rg", "j%C3%B6rg@example.org", true},
            {"a@b\xc3\xbc"
             "cher.example",
                    "a@xn--bcher-kva.example", true},
            HOSTILE("alice@example.org"),
    };
    struct sender_logins *logins = sender_logins_same();

    CHECK(logins, rows);
    sender_logins_free(&logins);
    assert_null(logins);
    sender_logins_free(&logins);
}

TEST(any)
{
    static const struct row rows[] = {
            {"alice", "bob@example.org", true}, {"", "bob@example.org", true}};
    struct sender_logins *logins = sender_logins_any();

    CHECK(logins, rows);
    sender_logins_free(&logins);
}

TEST(table)
{
    static const struct row rows[] = {
            {"alice", "alice@example.org", true},
            {"ALICE", "alice@example.org", true},
            {"alice", "ALICE@example.org", true},
            {"alice", "alice+x@example.org", true},
            {"alice", "office@example.org", true},
            {"alice", "third@example.org", true}, /* from another line */
            {"alice", "alice@example.net", false},
            {"alice", "bob@example.org", false},
            {"alice@example.org", "alice@example.org", false}, /* another login */
            {"news", "anybody@lists.example.org", true},
            {"news", "any+x@lists.example.org", true},
            {"news", "anybody@example.org", false},
            {"news", "anybody@sub.lists.example.org", false},
            {"bob", "bob+only@example.org", true},
            {"bob", "bob@example.org", false},
            {"bob", "bob+other@example.org", false},
            {"crlf", "c@example.org", true},
            {"crlf", "d@example.org", true},
            {"j\xc3\xb6rg", "j%C3%B6rg@xn--bcher-kva.example", true},
            {"J\xc3\xb6rg", "j%C3%B6rg@xn--bcher-kva.example", true},
            {"last", "last@example.org", true},
            {"#", "alice@example.org", false},
            HOSTILE("alice@example.org"),
            HOSTILE("anybody@lists.example.org"),
    };
    struct problems *problems = problems_init("f");
    struct sender_logins *logins = read_table("# who may be whom\n"
                                              "\n"
                                              "alice  alice@example.org\toffice@example.org\n"
                                              "  news *@Lists.example.org\n"
                                              "bob bob+only@example.org\n"
                                              "crlf c@example.org \r\n\r\n"
                                              "crlf d@example.org\r\n"
                                              "\t# indented\n"
                                              "j\xc3\xb6rg j\xc3\xb6rg@b\xc3\xbc"
                                              "cher.example\n"
                                              "ALICE third@example.org\n"
                                              "last last@example.org",
            problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    CHECK(logins, rows);
    sender_logins_free(&logins);
    problems_free(&problems);
}

TEST(empty_tables_permit_nobody)
{
    static const char *const tables[] = {"", "\n", "# nobody\n", "\r\n \t\n#"};
    static const struct row rows[] = {HOSTILE("alice@example.org")};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        struct sender_logins *logins = read_table(tables[i], problems);
        assert_string_equal(problems_text(problems), "");
        CHECK(logins, rows);
        sender_logins_free(&logins);
        problems_free(&problems);
    }
}

#define ADDRESS ": expected user@domain, or *@domain for all of its users\n"
#define LOGIN ": expected one login: `*` stands for no others\n"

TEST(mistakes_have_their_line)
{
    static const struct {
        const char *table;
        const char *want;
    } rows[] = {
            {"alice\n", "/t:1: a login without addresses: alice: expected those that it may use\n"},
            {"\n\nalice  \r\nb b@c.de\n",
                    "/t:3: a login without addresses: alice: expected those that it may use\n"},
            {"a *@*\n", "/t:1: not an address: *@*" ADDRESS},
            {"a *\n", "/t:1: not an address: *" ADDRESS},
            {"a *@\nb @c.de\nc bob@\nd bob\n",
                    "/t:1: not an address: *@" ADDRESS "/t:2: not an address: @c.de" ADDRESS
                    "/t:3: not an address: bob@" ADDRESS "/t:4: not an address: bob" ADDRESS},
            {"a b*@c.de *b@c.de **@c.de *+x@c.de\n",
                    "/t:1: not an address: b*@c.de" ADDRESS "/t:1: not an address: *b@c.de" ADDRESS
                    "/t:1: not an address: **@c.de" ADDRESS
                    "/t:1: not an address: *+x@c.de" ADDRESS},
            {"a *@*.c.de a@c_d.de a@c.de,\n", "/t:1: not an address: *@*.c.de" ADDRESS
                                              "/t:1: not an address: a@c_d.de" ADDRESS
                                              "/t:1: not an address: a@c.de," ADDRESS},
            {"a <a@c.de> (x)a@c.de\n", "/t:1: not an address: <a@c.de>" ADDRESS
                                       "/t:1: not an address: (x)a@c.de" ADDRESS},
            {"* a@c.de\n*@c.de a@c.de\n",
                    "/t:1: bad login: *" LOGIN "/t:2: bad login: *@c.de" LOGIN},
            {"\xef\xbb\xbf"
             "alice alice@c.de\n",
                    "/t:1: bad login: \\xef\\xbb\\xbfalice: expected no byte order mark before "
                    "it\n"},
            {"bob bob@c.de\n\xef\xbb\xbf# x\n",
                    "/t:2: bad login: \\xef\\xbb\\xbf#: expected no byte order mark before it\n"
                    "/t:2: not an address: x" ADDRESS},
            {"a\x1b[1m \xff\n", "/t:1: not an address: \\xff" ADDRESS},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        struct sender_logins *logins = read_table(rows[i].table, problems);
        if (logins != NULL || strcmp(problems_text(problems), rows[i].want) != 0) {
            print_error(
                    "%s\ngot:\n%swant:\n%s", rows[i].table, problems_text(problems), rows[i].want);
            fail();
        }
        problems_free(&problems);
    }
}

TEST(a_nul_is_no_text)
{
    static const char octets[] = "a a@c.de\nb b@c.de\0x\n";
    struct problems *problems = problems_init("f");

    assert_non_null(problems);
    assert_null(sender_logins_table(octets, sizeof octets - 1, "/t", problems));
    assert_string_equal(problems_text(problems), "/t: a NUL in the table: expected text\n");
    problems_free(&problems);
}

/* A file that is no table is not described line by line. */
TEST(other_files_are_soon_given_up)
{
    enum { LINES = 10000 };
    struct problems *problems = problems_init("f");
    char *text = malloc(LINES * 2);

    assert_non_null(problems);
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + i * 2, "x\n", 2);
    assert_null(sender_logins_table(text, LINES * 2, "/t", problems));
    assert_in_range(problems_count(problems), 2, 200);
    free(text);
    problems_free(&problems);
}

/* The client chose it. */
TEST(long_logins)
{
    enum { LEN = 100000 };
    char *login = malloc(LEN + 20);
    struct problems *problems = problems_init("f");
    struct sender_logins *kinds[] = {
            sender_logins_same(), read_table("a a@c.de\nb *@c.de\n", problems)};
    struct address author;

    assert_non_null(problems);
    assert_true(address_parse(text_of("a@c.de"), text_of(""), &author));
    for (int octet = 1; octet < 256; octet += 31) {
        memset(login, octet, LEN);
        for (size_t i = 0; i < 2; i++) {
            assert_non_null(kinds[i]);
            login[LEN] = '\0';
            assert_false(sender_logins_permit(kinds[i], login, &author));
            strcpy(login + LEN, "@c.de");
            assert_false(sender_logins_permit(kinds[i], login, &author));
        }
    }
    free(login);
    sender_logins_free(&kinds[0]);
    sender_logins_free(&kinds[1]);
    problems_free(&problems);
}
