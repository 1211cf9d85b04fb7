// SPDX-License-Identifier: ISC
#include "users/rule_words.h"

#include <stdbool.h>
#include <stdio.h>

#define SHOWN_MAX 100 /* octets */

static bool is_divider(char c)
{
    return c == ',' || text_is_white(c);
}

static struct text next_item(struct text *rest)
{
    size_t begin = 0;

    while (begin < rest->len && is_divider(rest->at[begin]))
        begin++;
    size_t end = begin;
    while (end < rest->len && !is_divider(rest->at[end]))
        end++;
    const struct text item = {rest->at + begin, end - begin};
    *rest = (struct text){rest->at + end, rest->len - end};
    return item;
}

/* `{...}` is an array, since no name begins with a brace. */
static bool open_array(struct text *value)
{
    if (value->len < 2 || value->at[0] != '{' || value->at[value->len - 1] != '}')
        return false;
    *value = (struct text){value->at + 1, value->len - 2};
    return true;
}

static struct text unquote(struct text item)
{
    if (item.len < 2 || item.at[0] != '"' || item.at[item.len - 1] != '"')
        return item;
    return (struct text){item.at + 1, item.len - 2};
}

bool rule_words_add_hosts(struct text value, struct writer *hosts, char error_r[ROW_ERROR_MAX])
{
    struct text rest = text_trim(value);

    const bool is_array = open_array(&rest);
    for (struct text item = next_item(&rest); item.len > 0; item = next_item(&rest)) {
        if (is_array && text_equal_fold(item, text_of("NULL"))) {
            snprintf(error_r, ROW_ERROR_MAX, "a NULL among hosts: expected names, or no array");
            return false;
        }
        if (writer_text(hosts).len > 0)
            writer_char(hosts, ',');
        writer_put(hosts, is_array ? unquote(item) : item);
    }
    if (hosts->failed)
        snprintf(error_r, ROW_ERROR_MAX, "too many hosts: expected at most 2048 octets");
    return !hosts->failed;
}

static bool rule_words_fail(
        const char *name, struct text value, const char *expected, char error_r[ROW_ERROR_MAX])
{
    const int len = (int)(value.len < SHOWN_MAX ? value.len : SHOWN_MAX);

    snprintf(error_r, ROW_ERROR_MAX, "bad %s: %.*s: expected %s", name, len,
            len > 0 ? value.at : "", expected);
    return false;
}

static bool is_one_of(struct text value, const char *const *words)
{
    for (; *words != NULL; words++)
        if (text_equal_fold(value, text_of(*words)))
            return true;
    return false;
}

bool rule_words_flag(struct text value, bool *flag_r, char error_r[ROW_ERROR_MAX])
{
    static const char *const yes[] = {"true", "yes", "on", "t", "y", "1", NULL};
    static const char *const no[] = {"false", "no", "off", "f", "n", "0", NULL};

    *flag_r = is_one_of(value, yes);
    return *flag_r || is_one_of(value, no) ||
           rule_words_fail("allow_unauthorized", value, "true or false", error_r);
}

bool rule_words_date(struct text value, char date_r[DATE_TEXT_MAX], char error_r[ROW_ERROR_MAX])
{
    uint64_t at = 0;

    if (!date_parse(text_trim(value), &at))
        return rule_words_fail("not_before", value, "a date with its time", error_r);
    date_format(at, date_r);
    return true;
}

void rule_words_put(struct writer *words, const char *name, struct text value)
{
    writer_char(words, ' ');
    writer_string(words, name);
    writer_char(words, '=');
    writer_put(words, value);
}

#define VALUES_MAX 1000000000 /* values of one attribute; more than any directory has */

static enum ranged ranged_read_range(struct text range, uint64_t *first_r, uint64_t *next_r)
{
    struct reader r = reader_of(range);
    const struct text first = reader_until(&r, '-');
    const struct text last = reader_rest(&r);

    if (r.failed || !text_decimal(first, VALUES_MAX, first_r))
        return RANGED_WRONG;
    if (text_equal(last, text_of("*")))
        return RANGED_LAST;
    if (!text_decimal(last, VALUES_MAX, next_r) || *next_r < *first_r)
        return RANGED_WRONG;
    ++*next_r;
    return RANGED_PART;
}

enum ranged ranged_read(
        struct text description, struct text wanted, uint64_t *first_r, uint64_t *next_r)
{
    const struct text prefix = text_of("range=");
    struct reader r = reader_of(description);

    if (!text_starts_with_fold(description, wanted))
        return RANGED_ANOTHER;
    r.rest = (struct text){description.at + wanted.len, description.len - wanted.len};
    if (r.rest.len > 0 && r.rest.at[0] != ';')
        return RANGED_ANOTHER;
    while (r.rest.len > 0) {
        const struct text option = reader_field(&r, ';');
        if (text_starts_with_fold(option, prefix))
            return ranged_read_range((struct text){option.at + prefix.len, option.len - prefix.len},
                    first_r, next_r);
    }
    return RANGED_ALL;
}
