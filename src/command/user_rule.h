// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_USER_RULE_H
#define VERIMAIL_COMMAND_USER_RULE_H

#include "config/config.h"
#include "protocol/address.h"
#include "users/row.h"
#include "users/table.h"

/* Where the rule of a user is, as the service finds it (design section 3, step 3). */
enum user_rule_kind {
    USER_RULE_NONE,
    USER_RULE_SECTION, /* a section `user` of the configuration */
    USER_RULE_ROW,     /* a row of the domain's table */
    USER_RULE_UNKNOWN, /* the table cannot be read */
};

struct user_rule {
    enum user_rule_kind kind;
    struct text local; /* whose rule it is: the user's, the one without +detail, or `*`; borrowed
                          from the user */
    const struct config_user *section;
    char row[ROW_TEXT_MAX + 1];  /* the words of the row as it stands in the table */
    struct row is;               /* `is.rule` is the rule of either; aliases are followed */
    bool is_too_long;            /* a section with more hosts than a row has room for */
    char error[TABLE_ERROR_MAX]; /* why the table cannot be read */
};

/* The section of this domain, else of the nearest domain above it; NULL: neither. */
const struct config_domain *user_rule_domain(const struct config *config, struct text domain);
/* NULL when the domain has no such section. */
const struct config_user *user_rule_section(const struct config_domain *domain, struct text local);
/* The path of the domain's table, or NULL. */
const char *user_rule_table(const struct config_domain *domain);

/* Fills the structure in place: it must not be copied. No other table may be open in this process,
 * since it is opened for the look-up. */
void user_rule_find(
        const struct config_domain *domain, const struct address *user, struct user_rule *rule_r);

#endif
