// SPDX-License-Identifier: ISC
#include "users/stored.h"

#include <string.h>

#include "base/date.h"

#define FORM 1
#define HEAD 3 /* octets */

#define FLAG_ALLOW 0x01U
#define FLAG_PINNED 0x02U
#define FLAG_ALIAS 0x04U
#define FLAG_NOT_BEFORE 0x08U
#define MODE_SHIFT 4

#define TIME_OCTETS 8

bool stored_write(const struct row *row, struct writer *w)
{
    const unsigned mode = row->is_alias ? 0 : (unsigned)row->rule.mode;
    const uint64_t not_before = row->is_alias ? 0 : row->rule.not_before;
    const unsigned flags = (row->rule.allow_unauthorized && !row->is_alias ? FLAG_ALLOW : 0) |
                           (not_before > 0 ? FLAG_NOT_BEFORE : 0) |
                           (row->pinned ? FLAG_PINNED : 0) | (row->is_alias ? FLAG_ALIAS : 0) |
                           mode << MODE_SHIFT;
    const size_t count = mode == RULE_HOSTS_DOMAIN ? 0 : row->rule.hosts.count;

    writer_char(w, FORM);
    writer_char(w, (char)flags);
    writer_char(w, (char)count);
    if (row->is_alias)
        writer_put(w, address_text(&row->alias));
    for (size_t i = 0; not_before > 0 && i < TIME_OCTETS; i++)
        writer_char(w, (char)(unsigned char)(not_before >> (8 * i)));
    for (size_t i = 0; i < count; i++) {
        writer_string(w, row->rule.hosts.names[i]);
        writer_char(w, '\0');
    }
    return !w->failed;
}

/* Whether the name is as parsing would have made it. */
static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if (text_lower(name.at[i]) != name.at[i])
            return false;
    return domain_is_ldh(name);
}

static bool read_names(struct text names, size_t count, struct row *row)
{
    struct reader r = {.rest = {row->storage, names.len}};

    if (names.len > sizeof row->storage)
        return false;
    if (names.len > 0)
        memcpy(row->storage, names.at, names.len);
    row->rule.hosts = (struct host_list){row->names, count};
    for (size_t i = 0; i < count; i++) {
        const struct text name = reader_until(&r, '\0');
        if (r.failed || !is_name(name))
            return false;
        row->names[i] = name.at;
    }
    return r.rest.len == 0;
}

/* Not 0, and a year that date_format() writes. */
static bool read_time(struct text *rest, uint64_t *time_r)
{
    char date[DATE_TEXT_MAX];

    if (rest->len < TIME_OCTETS)
        return false;
    *time_r = 0;
    for (size_t i = 0; i < TIME_OCTETS; i++)
        *time_r |= (uint64_t)(unsigned char)rest->at[i] << (8 * i);
    *rest = (struct text){rest->at + TIME_OCTETS, rest->len - TIME_OCTETS};
    date_format(*time_r, date);
    return *time_r > 0 && date[0] != '\0';
}

static bool read_rule(unsigned flags, size_t count, struct text names, struct row *row)
{
    const unsigned mode = flags >> MODE_SHIFT;

    if (mode > RULE_HOSTS_ONLY || count > ROW_HOSTS_MAX ||
            (mode == RULE_HOSTS_DOMAIN && count > 0) || (mode == RULE_HOSTS_MORE && count == 0))
        return false;
    row->rule.mode = (enum rule_hosts)mode;
    row->rule.allow_unauthorized = (flags & FLAG_ALLOW) != 0;
    if ((flags & FLAG_NOT_BEFORE) != 0 && !read_time(&names, &row->rule.not_before))
        return false;
    return read_names(names, count, row);
}

static bool read_alias(unsigned flags, size_t count, struct text user, struct row *row)
{
    char buffer[ADDRESS_MAX + 1];
    struct text key;

    return (flags & ~(FLAG_PINNED | FLAG_ALIAS)) == 0 && count == 0 &&
           row_parse_user(user, buffer, &key) && text_equal(key, user) &&
           address_parse(user, (struct text){NULL, 0}, &row->alias);
}

bool stored_read(struct text octets, struct row *row_r)
{
    const unsigned char *head = (const unsigned char *)octets.at;

    if (octets.len < HEAD || octets.len > STORED_MAX || head[0] != FORM)
        return false;
    const struct text rest = {octets.at + HEAD, octets.len - HEAD};
    row_r->rule = (struct rule){0};
    row_r->pinned = (head[1] & FLAG_PINNED) != 0;
    row_r->is_alias = (head[1] & FLAG_ALIAS) != 0;
    return row_r->is_alias ? read_alias(head[1], head[2], rest, row_r)
                           : read_rule(head[1], head[2], rest, row_r);
}
