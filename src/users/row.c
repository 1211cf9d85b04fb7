// SPDX-License-Identifier: ISC
#include "users/row.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"

#define STAR "*"
#define VALUE_SHOWN_MAX 100 /* octets */

static bool row_fail(
        char error_r[ROW_ERROR_MAX], const char *what, struct text value, const char *expected)
{
    const int len = (int)(value.len < VALUE_SHOWN_MAX ? value.len : VALUE_SHOWN_MAX);

    if (value.at == NULL)
        snprintf(error_r, ROW_ERROR_MAX, "%s: expected %s", what, expected);
    else
        snprintf(error_r, ROW_ERROR_MAX, "%s: %.*s: expected %s", what, len, value.at, expected);
    return false;
}

static bool split(struct text user, struct text *local_r, struct text *domain_r)
{
    const char *at = user.len > 0 ? memrchr(user.at, '@', user.len) : NULL;

    if (at == NULL)
        return false;
    *local_r = (struct text){user.at, (size_t)(at - user.at)};
    *domain_r = (struct text){at + 1, user.len - local_r->len - 1};
    return true;
}

bool row_key(struct text local, struct text domain, struct writer *w)
{
    for (size_t i = 0; i < local.len; i++) {
        writer_char(w, text_lower(local.at[i]));
        if (local.at[i] == '%' && i + 2 < local.len) {
            writer_put(w, (struct text){local.at + i + 1, 2});
            i += 2;
        }
    }
    writer_char(w, '@');
    for (size_t i = 0; i < domain.len; i++)
        writer_char(w, text_lower(domain.at[i]));
    return !w->failed;
}

bool row_parse_user(struct text user, char buffer[ADDRESS_MAX + 1], struct text *key_r)
{
    char domain[DOMAIN_MAX + 1];
    struct address address;
    struct text local;
    struct text given;
    struct writer w = writer_of(buffer, ADDRESS_MAX + 1);

    if (!split(user, &local, &given) || !domain_to_ascii(given, domain))
        return false;
    if (!text_equal(local, text_of(STAR)) && (!address_parse(local, text_of(domain), &address) ||
                                                     !text_equal(address_local(&address), local)))
        return false;
    if (!row_key(local, text_of(domain), &w))
        return false;
    *key_r = writer_text(&w);
    return true;
}

/* Which words of a row were given, and where the next host's name is stored. */
struct given {
    bool hosts;
    bool more_hosts;
    bool allow_unauthorized;
    bool not_before;
    bool alias;
    bool pinned;
    size_t used; /* of the storage */
};

static bool row_take_host(struct row *row, struct given *given, struct text value, char *error_r)
{
    char *buffer = row->storage + given->used;
    char name[DOMAIN_MAX + 1];

    if (!domain_to_ascii(value, name))
        return row_fail(error_r, "bad host", value, "a domain name");
    const size_t size = strlen(name) + 1;
    if (row->rule.hosts.count == ROW_HOSTS_MAX || given->used + size > sizeof row->storage)
        return row_fail(error_r, "too many hosts", value, "at most 64, and 2048 octets");
    memcpy(buffer, name, size);
    given->used += size;
    row->names[row->rule.hosts.count++] = buffer;
    return true;
}

static bool take_hosts(struct row *row, struct given *given, struct text value,
        enum rule_hosts mode, char *error_r)
{
    struct reader hosts = reader_of(value);
    bool *once = mode == RULE_HOSTS_ONLY ? &given->hosts : &given->more_hosts;

    if (given->hosts || given->more_hosts)
        return row_fail(error_r, "hosts twice", value, "hosts= or more_hosts=, once");
    *once = true;
    row->rule.mode = mode;
    row->rule.hosts.names = row->names;
    while (hosts.rest.len > 0)
        if (!row_take_host(row, given, reader_field(&hosts, ','), error_r))
            return false;
    if (value.len > 0 && value.at[value.len - 1] == ',')
        return row_fail(
                error_r, "bad host", (struct text){NULL, 0}, "a domain name behind the comma");
    return mode == RULE_HOSTS_ONLY || value.len > 0 ||
           row_fail(error_r, "bad more_hosts", value, "at least one domain name");
}

static bool row_take_flag(
        bool *once, bool *flag, struct text name, struct text value, char *error_r)
{
    if (*once)
        return row_fail(error_r, "given twice", name, "each name once");
    *once = true;
    *flag = text_equal(value, text_of("yes"));
    return *flag || text_equal(value, text_of("no")) ||
           row_fail(error_r, "bad value", value, "yes or no");
}

static bool row_take_date(struct row *row, struct given *given, struct text value, char *error_r)
{
    if (given->not_before)
        return row_fail(error_r, "given twice", text_of("not_before"), "each name once");
    given->not_before = true;
    return date_parse(value, &row->rule.not_before) ||
           row_fail(error_r, "bad not_before", value,
                   "a date with its time, as in 2026-11-30T12:00 (UTC) or "
                   "2026-11-30T12:00+01:00");
}

static bool take_alias(struct row *row, struct given *given, struct text value, char *error_r)
{
    char buffer[ADDRESS_MAX + 1];
    struct text key;

    if (given->alias)
        return row_fail(error_r, "given twice", text_of("alias"), "each name once");
    given->alias = true;
    row->is_alias = true;
    if (!row_parse_user(value, buffer, &key) ||
            !address_parse(key, (struct text){NULL, 0}, &row->alias))
        return row_fail(error_r, "bad alias", value, "another user, local@domain");
    return true;
}

static bool row_take(struct row *row, struct given *given, struct text word, char *error_r)
{
    struct reader r = reader_of(word);
    const struct text name = reader_until(&r, '=');
    const struct text value = reader_rest(&r);

    if (r.failed)
        return row_fail(error_r, "bad word", word, "name=value");
    if (text_equal(name, text_of("hosts")))
        return take_hosts(row, given, value, RULE_HOSTS_ONLY, error_r);
    if (text_equal(name, text_of("more_hosts")))
        return take_hosts(row, given, value, RULE_HOSTS_MORE, error_r);
    if (text_equal(name, text_of("allow_unauthorized")))
        return row_take_flag(
                &given->allow_unauthorized, &row->rule.allow_unauthorized, name, value, error_r);
    if (text_equal(name, text_of("not_before")))
        return row_take_date(row, given, value, error_r);
    if (text_equal(name, text_of("pinned")))
        return row_take_flag(&given->pinned, &row->pinned, name, value, error_r);
    if (text_equal(name, text_of("alias")))
        return take_alias(row, given, value, error_r);
    return row_fail(error_r, "unknown name", name,
            "hosts, more_hosts, allow_unauthorized, not_before, alias or pinned");
}

static struct text row_next_word(struct text *rest)
{
    size_t len = 0;

    if (rest->len == 0)
        return (struct text){NULL, 0};
    while (rest->len > 0 && text_is_white(rest->at[0])) {
        rest->at++;
        rest->len--;
    }
    while (len < rest->len && !text_is_white(rest->at[len]))
        len++;
    const struct text word = {rest->at, len};
    rest->at += len;
    rest->len -= len;
    return word;
}

static bool has_no_controls(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f) && !text_is_white(t.at[i]))
            return false;
    return true;
}

/* Whether the stored form fits: names may have become longer as A-labels, and the row may yet be
 * pinned. */
static bool fits(const struct row *row)
{
    char buffer[ROW_TEXT_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    const bool formatted = row_format(row, &w);

    return formatted &&
           (row->pinned || writer_text(&w).len + sizeof " pinned=yes" <= sizeof buffer);
}

bool row_parse(struct text values, struct row *row_r, char error_r[ROW_ERROR_MAX])
{
    struct given given = {0};
    const struct text none = {NULL, 0};

    memset(&row_r->rule, 0, sizeof row_r->rule);
    row_r->pinned = false;
    row_r->is_alias = false;
    if (values.len > ROW_TEXT_MAX)
        return row_fail(error_r, "too long", none, "at most 2048 octets");
    if (!has_no_controls(values))
        return row_fail(error_r, "control octets", none, "none but white space");
    for (struct text word = row_next_word(&values); word.len > 0; word = row_next_word(&values))
        if (!row_take(row_r, &given, word, error_r))
            return false;
    if (given.alias &&
            (given.hosts || given.more_hosts || given.allow_unauthorized || given.not_before))
        return row_fail(error_r, "an alias with a rule", none, "the rule in the row that it names");
    if (!fits(row_r))
        return row_fail(error_r, "too long", none, "at most 2048 octets");
    return true;
}

static void row_put_name(struct writer *w, const char *name)
{
    if (writer_text(w).len > 0)
        writer_char(w, ' ');
    writer_string(w, name);
}

bool row_format(const struct row *row, struct writer *w)
{
    const struct rule *rule = &row->rule;
    char date[DATE_TEXT_MAX];

    if (row->is_alias) {
        row_put_name(w, "alias=");
        writer_put(w, address_text(&row->alias));
    } else if (rule->mode != RULE_HOSTS_DOMAIN) {
        row_put_name(w, rule->mode == RULE_HOSTS_ONLY ? "hosts=" : "more_hosts=");
        for (size_t i = 0; i < rule->hosts.count; i++) {
            writer_string(w, i > 0 ? "," : "");
            writer_string(w, rule->hosts.names[i]);
        }
    }
    if (rule->allow_unauthorized && !row->is_alias)
        row_put_name(w, "allow_unauthorized=yes");
    if (rule->not_before > 0 && !row->is_alias) {
        date_format(rule->not_before, date);
        row_put_name(w, "not_before=");
        writer_string(w, date);
    }
    if (row->pinned)
        row_put_name(w, "pinned=yes");
    return !w->failed;
}
