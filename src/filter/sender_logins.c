// SPDX-License-Identifier: ISC
#include "filter/sender_logins.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/from.h"

#define WILDCARD "*@"
#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* some editors write it, and no login begins with it */
#define PROBLEMS_MAX 100               /* with so many, the file is no table of logins */

/* One address of one login. */
struct row {
    struct text login; /* in `text` */
    bool any_local;
    struct address address; /* when any_local, only its domain counts */
};

enum sender_logins_rule { SAME, ANY, TABLE };

struct sender_logins {
    enum sender_logins_rule rule;
    struct row *rows; /* sorted by login */
    size_t count;
    char *text; /* a copy of the table */
};

static struct sender_logins *sender_logins_make(enum sender_logins_rule rule)
{
    struct sender_logins *logins = calloc(1, sizeof *logins);

    if (logins != NULL)
        logins->rule = rule;
    return logins;
}

struct sender_logins *sender_logins_same(void)
{
    return sender_logins_make(SAME);
}

struct sender_logins *sender_logins_any(void)
{
    return sender_logins_make(ANY);
}

void sender_logins_free(struct sender_logins **logins)
{
    if (*logins == NULL)
        return;
    free((*logins)->rows);
    free((*logins)->text);
    free(*logins);
    *logins = NULL;
}

static int sender_logins_compare_logins(struct text a, struct text b)
{
    const size_t shorter = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < shorter; i++) {
        const int difference =
                (unsigned char)text_lower(a.at[i]) - (unsigned char)text_lower(b.at[i]);
        if (difference != 0)
            return difference;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int sender_logins_compare_rows(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;

    return sender_logins_compare_logins(left->login, right->login);
}

static bool sender_logins_add_row(struct sender_logins *logins, const struct row *row)
{
    /* The array is full when the count is a power of two. */
    if ((logins->count & (logins->count - 1)) == 0) {
        struct row *larger = reallocarray(
                logins->rows, logins->count > 0 ? logins->count * 2 : 1, sizeof *larger);
        if (larger == NULL)
            return false;
        logins->rows = larger;
    }
    logins->rows[logins->count++] = *row;
    return true;
}

static bool sender_logins_has_any(struct text t, const char *octets)
{
    for (size_t i = 0; i < t.len; i++)
        if (strchr(octets, t.at[i]) != NULL)
            return true;
    return false;
}

/* from_parse() also takes names and comments, which are refused here. A `*` is valid in a local
 * part, but was meant for something else. */
static bool sender_logins_read_address(struct text word, struct row *row_r)
{
    const struct text prefix = text_of(WILDCARD);

    row_r->any_local = text_starts_with_fold(word, prefix);
    if (row_r->any_local) {
        const struct text domain = {word.at + prefix.len, word.len - prefix.len};
        return address_make(text_of("any"), domain, &row_r->address);
    }
    return !sender_logins_has_any(word, "(<*") && from_parse(word, &row_r->address) == FROM_OK;
}

static struct text sender_logins_next_word(struct reader *r)
{
    size_t begin = 0;

    while (begin < r->rest.len && text_is_white(r->rest.at[begin]))
        begin++;
    size_t end = begin;
    while (end < r->rest.len && !text_is_white(r->rest.at[end]))
        end++;
    const struct text word = {r->rest.at + begin, end - begin};
    r->rest = (struct text){r->rest.at + end, r->rest.len - end};
    return word;
}

static void sender_logins_complain(struct problems *problems, unsigned line, const char *what,
        struct text value, const char *expected)
{
    char *copy = strndup(value.at, value.len);

    problems_add(problems, line, what, copy, expected);
    free(copy);
}

static bool sender_logins_read_line(
        struct sender_logins *logins, struct text content, unsigned line, struct problems *problems)
{
    struct reader words = reader_of(content);
    struct row row = {.login = sender_logins_next_word(&words)};
    size_t addresses = 0;

    if (row.login.len == 0 || row.login.at[0] == '#')
        return true;
    if (sender_logins_has_any(row.login, "*"))
        sender_logins_complain(
                problems, line, "bad login", row.login, "one login: `*` stands for no others");
    if (text_starts_with_fold(row.login, text_of(BYTE_ORDER_MARK)))
        sender_logins_complain(
                problems, line, "bad login", row.login, "no byte order mark before it");
    for (struct text word = sender_logins_next_word(&words); word.len > 0;
            word = sender_logins_next_word(&words)) {
        addresses++;
        if (!sender_logins_read_address(word, &row))
            sender_logins_complain(problems, line, "not an address", word,
                    "user@domain, or *@domain for all of its users");
        else if (!sender_logins_add_row(logins, &row))
            return false;
    }
    if (addresses == 0)
        sender_logins_complain(
                problems, line, "a login without addresses", row.login, "those that it may use");
    return true;
}

/* False when out of memory. */
static bool sender_logins_read_table(
        struct sender_logins *logins, size_t len, struct problems *problems)
{
    struct reader lines = reader_of((struct text){logins->text, len});

    if (memchr(logins->text, '\0', len) != NULL) {
        problems_add(problems, 0, "a NUL in the table", NULL, "text");
        return true;
    }
    for (unsigned line = 1; lines.rest.len > 0; line++) {
        if (problems_count(problems) >= PROBLEMS_MAX) {
            problems_add(problems, line, "and so on", NULL, "a table of logins");
            return true;
        }
        if (!sender_logins_read_line(logins, reader_field(&lines, '\n'), line, problems))
            return false;
    }
    return true;
}

struct sender_logins *sender_logins_table(
        const char *text, size_t len, const char *path, struct problems *problems)
{
    struct problems *own = problems_init(path);
    struct sender_logins *logins = sender_logins_make(TABLE);
    bool ok = own != NULL && logins != NULL;

    if (ok)
        logins->text = malloc(len + 1);
    ok = ok && logins->text != NULL;
    if (ok) {
        memcpy(logins->text, text, len);
        ok = sender_logins_read_table(logins, len, own);
    }
    if (!ok)
        problems_add_memory(problems);
    else
        problems_join(problems, own);
    if (!ok || problems_count(own) > 0)
        sender_logins_free(&logins);
    else if (logins->count > 0)
        qsort(logins->rows, logins->count, sizeof *logins->rows, sender_logins_compare_rows);
    problems_free(&own);
    return logins;
}

/* `wanted`: a canonical local part. Without a +detail it admits the author with any detail; with
 * one it admits that detail only. */
static bool sender_logins_admits(struct text wanted, const struct address *author)
{
    return text_equal_fold(wanted, address_local(author)) ||
           text_equal_fold(wanted, address_without_detail(author));
}

/* The login is the author's address, or its local part. address_make() makes it canonical first:
 * as it is, it might be the canonical text of another user. */
static bool sender_logins_is_same(const char *login, const struct address *author)
{
    const char *at = strrchr(login, '@');
    const struct text domain = at != NULL ? text_of(at + 1) : address_domain(author);
    const struct text local = {login, at != NULL ? (size_t)(at - login) : strlen(login)};
    struct address own;

    return address_make(local, domain, &own) &&
           text_equal_fold(address_domain(&own), address_domain(author)) &&
           sender_logins_admits(address_local(&own), author);
}

static bool sender_logins_row_admits(const struct row *row, const struct address *author)
{
    return text_equal_fold(address_domain(&row->address), address_domain(author)) &&
           (row->any_local || sender_logins_admits(address_local(&row->address), author));
}

static bool sender_logins_is_listed(
        const struct sender_logins *logins, const char *login, const struct address *author)
{
    size_t low = 0;
    size_t high = logins->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sender_logins_compare_logins(logins->rows[middle].login, text_of(login)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < logins->count; i++) {
        if (sender_logins_compare_logins(logins->rows[i].login, text_of(login)) != 0)
            return false;
        if (sender_logins_row_admits(&logins->rows[i], author))
            return true;
    }
    return false;
}

bool sender_logins_permit(
        const struct sender_logins *logins, const char *login, const struct address *author)
{
    switch (logins->rule) {
    case ANY:
        return true;
    case SAME:
        return sender_logins_is_same(login, author);
    case TABLE:
        break;
    }
    return sender_logins_is_listed(logins, login, author);
}
