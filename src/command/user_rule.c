// SPDX-License-Identifier: ISC
#include "command/user_rule.h"

#include <stdio.h>
#include <string.h>

#define TABLE_SCHEME "lmdb:"

static const struct config_domain *user_rule_exactly(const struct config *config, struct text name)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (text_equal_fold(text_of(config->domains[i].name.at), name))
            return &config->domains[i];
    return NULL;
}

const struct config_domain *user_rule_domain(const struct config *config, struct text domain)
{
    struct reader labels = reader_of(domain);
    const struct config_domain *found = user_rule_exactly(config, domain);

    while (found == NULL && labels.rest.len > 0) {
        (void)reader_field(&labels, '.');
        found = user_rule_exactly(config, labels.rest);
    }
    return found;
}

const struct config_user *user_rule_section(const struct config_domain *domain, struct text local)
{
    for (size_t i = 0; i < domain->users_count; i++)
        if (text_equal_fold(text_of(domain->users[i].local.at), local))
            return &domain->users[i];
    return NULL;
}

const char *user_rule_table(const struct config_domain *domain)
{
    return domain->table.at != NULL ? domain->table.at + strlen(TABLE_SCHEME) : NULL;
}

/* The row as it stands in the table, if it leads to a rule. */
static enum table_result user_rule_row(
        struct table *table, struct text local, struct text domain, struct user_rule *rule)
{
    char octets[ADDRESS_MAX + 1];
    struct writer key = writer_of(octets, sizeof octets);
    struct writer words = writer_of(rule->row, sizeof rule->row - 1);
    struct row row;
    enum table_result result = table_find(table, local, domain, &rule->is);

    if (result == TABLE_OK && row_key(local, domain, &key))
        result = table_get(table, writer_text(&key), &row);
    if (result == TABLE_OK && row_format(&row, &words))
        rule->row[writer_text(&words).len] = '\0';
    return result;
}

static void user_rule_take_section(struct user_rule *rule, const struct config_user *user)
{
    const struct config_list *list = user->hosts_given ? &user->hosts : &user->more_hosts;
    struct row *row = &rule->is;

    *row = (struct row){.pinned = false};
    row->rule = (struct rule){.mode = user->hosts_given            ? RULE_HOSTS_ONLY
                                      : user->more_hosts.count > 0 ? RULE_HOSTS_MORE
                                                                   : RULE_HOSTS_DOMAIN,
            .hosts.names = row->names,
            .allow_unauthorized = user->allow_unauthorized,
            .not_before = user->not_before};
    rule->is_too_long = list->count > ROW_HOSTS_MAX;
    for (size_t i = 0; i < list->count && i < ROW_HOSTS_MAX; i++)
        row->names[row->rule.hosts.count++] = list->at[i].at;
    rule->kind = USER_RULE_SECTION;
    rule->section = user;
}

/* Whether the local part has a rule; also if that cannot be known. */
static bool user_rule_try(const struct config_domain *domain, struct table *table,
        struct text local, struct user_rule *rule)
{
    const struct config_user *section = user_rule_section(domain, local);

    rule->local = local;
    if (section != NULL) {
        user_rule_take_section(rule, section);
        return true;
    }
    if (table == NULL)
        return rule->kind == USER_RULE_UNKNOWN;
    switch (user_rule_row(table, local, text_of(domain->name.at), rule)) {
    case TABLE_OK:
        rule->kind = USER_RULE_ROW;
        return true;
    case TABLE_ABSENT:
        return false;
    case TABLE_ERROR:
        break;
    }
    rule->kind = USER_RULE_UNKNOWN;
    snprintf(rule->error, sizeof rule->error, "%s", table_error(table));
    return true;
}

void user_rule_find(
        const struct config_domain *domain, const struct address *user, struct user_rule *rule_r)
{
    const struct text tries[] = {address_local(user), address_without_detail(user), text_of("*")};
    const char *path = user_rule_table(domain);
    bool found = false;

    *rule_r = (struct user_rule){.kind = USER_RULE_NONE};
    struct table *table = path != NULL ? table_open_to_read(path, rule_r->error) : NULL;
    if (path != NULL && table == NULL)
        rule_r->kind = USER_RULE_UNKNOWN;
    for (size_t i = 0; !found && i < sizeof tries / sizeof *tries; i++)
        found = user_rule_try(domain, table, tries[i], rule_r);
    table_close(&table);
}
