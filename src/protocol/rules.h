// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_RULES_H
#define VERIMAIL_PROTOCOL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/address.h"
#include "protocol/text.h"

/* Which hosts may stamp for a user (2013's permittedHosts: null, a list, false). */
enum rule_hosts {
    RULE_HOSTS_DOMAIN, /* the domain's list */
    RULE_HOSTS_MORE,   /* the domain's list, and the rule's */
    RULE_HOSTS_ONLY,   /* the rule's list alone; empty: none */
};

/* Names as A-labels; the arrays and what they point to are borrowed. */
struct host_list {
    const char *const *names;
    size_t count;
};

struct rule {
    enum rule_hosts mode;
    struct host_list hosts;
    bool allow_unauthorized;
    uint64_t not_before; /* Unix seconds: stamps issued before are taken back; 0: none */
};

/* What a domain says about its users, apart from their rules. */
struct domain_policy {
    const char *name; /* A-label, lower case */
    struct host_list hosts;
    uint64_t lifetime; /* seconds a payload is good for */
    uint64_t ttl;      /* seconds an answer about unstamped mail may be kept, 0: not at all */
    bool testing;      /* ALLOW where the answer would be NO */
    bool subdomains;   /* the domain's subdomains may send without being served */
    bool deny_expired; /* the three that an operator can make a NO */
    bool deny_changed;
    bool deny_redirected;
    uint64_t checks_per_recipient; /* how often a payload may be asked about for each recipient */
    bool has_table;                /* of users: some of their rules are there, not in memory */
};

/* How rules that are kept in a table of users are looked up. */
enum rules_found {
    RULES_FOUND,
    RULES_ABSENT,
    RULES_UNKNOWN, /* they cannot be looked up now */
};
struct rules_lookup {
    /* `local`: a local part in any case, or `*`. The rule is good until the next call. */
    enum rules_found (*find)(void *context, const struct domain_policy *policy, struct text local,
            const struct rule **rule_r);
    void *context;
};

/* The served domains and the rules of their users, in memory. Built once, then only read; what a
 * look-up returns stays where it is until rules_free(), whatever is added after it. A look-up is
 * one hash over the folded name, however many there are. */
struct rules;

#define RULES_SEED 16 /* octets */

/* `seed` keys the hash: random, so that users cannot be chosen to collide. NULL when out of memory.
 */
struct rules *rules_init(const unsigned char seed[RULES_SEED]);
void rules_free(struct rules **rules);

/* The policy and what it points to stay with the caller and must outlive the rules. False when its
 * name is no LDH domain or is there already, or out of memory; nothing is then added. */
bool rules_add_domain(struct rules *rules, const struct domain_policy *policy)
        __attribute__((warn_unused_result));
/* `local`: canonical local part, or `*`. The rule is copied, what it points to is not. False when
 * the domain is not there or has this user already (case folded), `local` could not be anybody's,
 * or out of memory; nothing is then added. */
bool rules_add_user(struct rules *rules, struct text domain, struct text local,
        const struct rule *rule) __attribute__((warn_unused_result));

/* Lists a sending host, whose own name may be an author's domain. `expires`: Unix seconds from
 * which on none of its stamps is permitted; 0: there is no end, or another call says when. False
 * when it is no LDH domain, or out of memory. */
bool rules_add_host(struct rules *rules, struct text name, uint64_t expires)
        __attribute__((warn_unused_result));
bool rules_has_host(const struct rules *rules, struct text name);
/* When its stamps end; 0: never, or it is not listed. */
uint64_t rules_host_expires(const struct rules *rules, struct text name);

/* The domain itself, or NULL. */
const struct domain_policy *rules_domain(const struct rules *rules, struct text domain);
/* The nearest served domain above this one, or NULL. */
const struct domain_policy *rules_parent(const struct rules *rules, struct text domain);
/* Design section 3, step 3: the exact user, else without its +detail, else `*`; of two rules for
 * one of these the one in memory. `policy`: whose rules; the user's own domain does not count.
 * `lookup` may be NULL; it is used for domains that have a table.
 * `matched_r`: the local part whose rule it is, borrowed from the rules or from `user`; empty if
 * there is no rule. */
enum rules_found rules_user(const struct rules *rules, const struct rules_lookup *lookup,
        const struct domain_policy *policy, const struct address *user, const struct rule **rule_r,
        struct text *matched_r);
/* Whether it is known that no rule of this domain has allow_unauthorized: one answer about
 * unstamped mail holds for all its users. */
bool rules_unstamped_is_uniform(const struct rules *rules, struct text domain);

/* `policy`: of the domain whose rule it is. Names are compared with ASCII case folded. */
bool rule_permits(const struct rule *rule, const struct domain_policy *policy, struct text host);

#endif
