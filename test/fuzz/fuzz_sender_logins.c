// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter/sender_logins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is a login, an author and a table, a line for each of the first two. Whatever they are,
 * a login may use no author that the simplest reading of the rules does not allow. */

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct text next_word(struct text *rest)
{
    *rest = text_trim(*rest);
    size_t len = 0;
    while (len < rest->len && !text_is_white(rest->at[len]))
        len++;
    const struct text word = {rest->at, len};
    *rest = (struct text){rest->at + len, rest->len - len};
    return word;
}

/* Equal, or equal without the author's +detail, when the wanted local part has none. */
static bool model_admits(struct text local, const struct address *author)
{
    const struct text whole = address_local(author);

    if (text_equal_fold(local, whole))
        return true;
    return memchr(local.at, '+', local.len) == NULL && whole.len > local.len &&
           whole.at[local.len] == '+' && text_starts_with_fold(whole, local);
}

/* Splits at the last `@`. */
static bool split(struct text typed, struct text *local_r, struct text *domain_r)
{
    for (size_t i = typed.len; i > 0; i--) {
        if (typed.at[i - 1] == '@') {
            *local_r = (struct text){typed.at, i - 1};
            *domain_r = (struct text){typed.at + i, typed.len - i};
            return true;
        }
    }
    return false;
}

/* Quotes around a local part are only its writing. */
static struct text unquoted(struct text local, char buffer[128])
{
    size_t len = 0;

    if (local.len < 2 || local.len > 128 || local.at[0] != '"')
        return local;
    for (size_t i = 1; i + 1 < local.len; i++) {
        if (local.at[i] == '\\' && i + 2 < local.len)
            i++;
        buffer[len++] = local.at[i];
    }
    return (struct text){buffer, len};
}

static bool model_word(struct text word, const struct address *author)
{
    char buffer[128];
    struct text local;
    struct text domain;
    struct address wanted;

    if (!split(word, &local, &domain))
        return false;
    const bool all = text_equal(local, text_of("*"));
    if (!address_make(all ? text_of("x") : unquoted(local, buffer), domain, &wanted) ||
            !text_equal_fold(address_domain(&wanted), address_domain(author)))
        return false;
    return all || model_admits(address_local(&wanted), author);
}

static bool model_table(struct text table, struct text login, const struct address *author)
{
    struct reader lines = reader_of(table);

    while (lines.rest.len > 0) {
        struct text line = reader_field(&lines, '\n');
        if (!text_equal_fold(next_word(&line), login) || login.len == 0 || login.at[0] == '#')
            continue;
        for (struct text word = next_word(&line); word.len > 0; word = next_word(&line))
            if (model_word(word, author))
                return true;
    }
    return false;
}

static bool model_same(struct text login, const struct address *author)
{
    struct text local = login;
    struct text domain = address_domain(author);
    struct address own;

    (void)split(login, &local, &domain);
    return address_make(local, domain, &own) &&
           text_equal_fold(address_domain(&own), address_domain(author)) &&
           model_admits(address_local(&own), author);
}

static void check_table(struct text table, const char *login, const struct address *author)
{
    struct problems *problems = problems_init("f");

    must(problems != NULL);
    struct sender_logins *logins = sender_logins_table(table.at, table.len, "t", problems);
    must((logins == NULL) == (problems_count(problems) > 0));
    if (logins != NULL)
        must(sender_logins_permit(logins, login, author) ==
                model_table(table, text_of(login), author));
    sender_logins_free(&logins);
    problems_free(&problems);
}

static void check_same(const char *login, const struct address *author)
{
    struct sender_logins *same = sender_logins_same();
    struct sender_logins *any = sender_logins_any();

    must(same != NULL && any != NULL);
    must(sender_logins_permit(any, login, author));
    must(sender_logins_permit(same, login, author) == model_same(text_of(login), author));
    must(sender_logins_permit(same, author->text, author) ||
            memchr(author->text, '%', author->len) != NULL);
    sender_logins_free(&same);
    sender_logins_free(&any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exactly its size, so that no reader goes one octet too far. */
    char *copy = malloc(size > 0 ? size : 1);
    struct address author;

    must(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    struct reader input = reader_of((struct text){copy, size});
    const struct text first = reader_field(&input, '\n');
    const struct text typed = reader_field(&input, '\n');
    if (address_parse(typed, text_of("example.org"), &author)) {
        char *login = strndup(first.at, first.len);
        must(login != NULL);
        check_same(login, &author);
        check_table(reader_rest(&input), login, &author);
        free(login);
    }
    free(copy);
    return 0;
}
