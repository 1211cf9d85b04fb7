// SPDX-License-Identifier: ISC
#include "protocol/rules.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64 /* a power of two, as they are for ever after */

/* One table holds all: a domain and a host under its name, a user under `local@domain`. */
struct entry {
    const struct domain_policy *policy; /* a domain's */
    bool is_host;                       /* a sending host's */
    uint64_t expires;                   /* a sending host's; 0: never */
    bool lenient;                       /* a domain's: one of its users has allow_unauthorized */
    struct rule rule;                   /* a user's */
    size_t len;
    char key[];
};

struct slot {
    uint64_t hash;
    struct entry *entry; /* NULL: free. On its own, so that it stays where it is. */
};

struct rules {
    unsigned char seed[RULES_SEED];
    size_t size; /* slots; at least half of them are free, so that every search ends */
    size_t used;
    struct slot *slots;
    size_t longest; /* octets of the longest domain */
};

_Static_assert(RULES_SEED == crypto_shorthash_KEYBYTES, "the seed is the hash's key");

struct rules *rules_init(const unsigned char seed[RULES_SEED])
{
    struct rules *rules = calloc(1, sizeof *rules);

    if (rules == NULL)
        return NULL;
    memcpy(rules->seed, seed, RULES_SEED);
    rules->size = SLOTS_MIN;
    rules->slots = calloc(rules->size, sizeof *rules->slots);
    if (rules->slots == NULL)
        rules_free(&rules);
    return rules;
}

void rules_free(struct rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; (*rules)->slots != NULL && i < (*rules)->size; i++)
        free((*rules)->slots[i].entry);
    free((*rules)->slots);
    free(*rules);
    *rules = NULL;
}

/* Folded `local@domain`, or a name alone. */
struct key {
    struct writer text;
    char buffer[ADDRESS_MAX];
    uint64_t hash;
};

static void put_folded(struct writer *w, struct text t)
{
    char *buffer = writer_reserve(w, t.len);

    for (size_t i = 0; buffer != NULL && i < t.len; i++)
        buffer[i] = text_lower(t.at[i]);
}

static void rules_finish_key(const struct rules *rules, struct key *key)
{
    unsigned char hash[crypto_shorthash_BYTES];
    const struct text t = writer_text(&key->text);

    crypto_shorthash(hash, (const unsigned char *)t.at, t.len, rules->seed);
    memcpy(&key->hash, hash, sizeof key->hash);
}

static void domain_key(const struct rules *rules, struct text domain, struct key *key_r)
{
    key_r->text = writer_of(key_r->buffer, sizeof key_r->buffer);
    put_folded(&key_r->text, domain);
    rules_finish_key(rules, key_r);
}

static void rules_user_key(
        const struct rules *rules, struct text local, struct text domain, struct key *key_r)
{
    key_r->text = writer_of(key_r->buffer, sizeof key_r->buffer);
    put_folded(&key_r->text, local);
    writer_char(&key_r->text, '@');
    put_folded(&key_r->text, domain);
    rules_finish_key(rules, key_r);
}

/* The slot that has the key, or the free one where it belongs. */
static struct slot *rules_find(const struct rules *rules, const struct key *key)
{
    const struct text wanted = writer_text(&key->text);

    for (size_t i = key->hash & (rules->size - 1);; i = (i + 1) & (rules->size - 1)) {
        struct slot *slot = &rules->slots[i];
        if (slot->entry == NULL)
            return slot;
        if (slot->hash == key->hash &&
                text_equal((struct text){slot->entry->key, slot->entry->len}, wanted))
            return slot;
    }
}

static struct entry *rules_look_up(const struct rules *rules, const struct key *key)
{
    /* A name that is too long for its key was never added. */
    return key->text.failed ? NULL : rules_find(rules, key)->entry;
}

static bool rules_grow(struct rules *rules)
{
    struct rules larger = *rules;

    larger.size *= 2;
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < rules->size; i++) {
        const struct slot *slot = &rules->slots[i];
        size_t at = slot->hash & (larger.size - 1);
        if (slot->entry == NULL)
            continue;
        while (larger.slots[at].entry != NULL)
            at = (at + 1) & (larger.size - 1);
        larger.slots[at] = *slot;
    }
    free(rules->slots);
    *rules = larger;
    return true;
}

/* A new entry under this key, otherwise zero; NULL when there is one, or out of memory. */
static struct entry *rules_add(struct rules *rules, const struct key *key)
{
    const struct text t = writer_text(&key->text);

    if (key->text.failed || (rules->used >= rules->size / 2 && !rules_grow(rules)))
        return NULL;
    struct slot *slot = rules_find(rules, key);
    if (slot->entry != NULL)
        return NULL;
    struct entry *entry = calloc(1, sizeof *entry + t.len);
    if (entry == NULL)
        return NULL;
    entry->len = t.len;
    memcpy(entry->key, t.at, t.len);
    *slot = (struct slot){key->hash, entry};
    rules->used++;
    return entry;
}

/* The entry of a domain or a host, which may be new; NULL when it is no name, or out of memory. */
static struct entry *rules_add_name(struct rules *rules, struct text name)
{
    struct key key;

    if (!domain_is_ldh(name))
        return NULL;
    domain_key(rules, name, &key);
    struct entry *entry = rules_look_up(rules, &key);
    return entry != NULL ? entry : rules_add(rules, &key);
}

bool rules_add_host(struct rules *rules, struct text name, uint64_t expires)
{
    struct entry *entry = rules_add_name(rules, name);

    if (entry == NULL)
        return false;
    entry->is_host = true;
    if (expires > 0)
        entry->expires = expires;
    return true;
}

bool rules_add_domain(struct rules *rules, const struct domain_policy *policy)
{
    const struct text name = text_of(policy->name);
    struct entry *entry = rules_add_name(rules, name);

    if (entry == NULL || entry->policy != NULL)
        return false;
    entry->policy = policy;
    if (name.len > rules->longest)
        rules->longest = name.len;
    return true;
}

static bool is_local(struct text local, struct text domain)
{
    struct address address;

    return text_equal(local, text_of("*")) ||
           (address_parse(local, domain, &address) && text_equal(address_local(&address), local));
}

bool rules_add_user(
        struct rules *rules, struct text domain, struct text local, const struct rule *rule)
{
    struct key key;

    domain_key(rules, domain, &key);
    struct entry *of = rules_look_up(rules, &key);
    if (of == NULL || of->policy == NULL || !is_local(local, domain))
        return false;
    rules_user_key(rules, local, domain, &key);
    struct entry *entry = rules_add(rules, &key);
    if (entry == NULL)
        return false;
    entry->rule = *rule;
    of->lenient = of->lenient || rule->allow_unauthorized;
    return true;
}

static const struct entry *domain_entry(const struct rules *rules, struct text domain)
{
    struct key key;

    domain_key(rules, domain, &key);
    return rules_look_up(rules, &key);
}

bool rules_has_host(const struct rules *rules, struct text name)
{
    const struct entry *entry = domain_entry(rules, name);

    return entry != NULL && entry->is_host;
}

uint64_t rules_host_expires(const struct rules *rules, struct text name)
{
    const struct entry *entry = domain_entry(rules, name);

    return entry != NULL ? entry->expires : 0;
}

const struct domain_policy *rules_domain(const struct rules *rules, struct text domain)
{
    const struct entry *entry = domain_entry(rules, domain);

    return entry != NULL ? entry->policy : NULL;
}

const struct domain_policy *rules_parent(const struct rules *rules, struct text domain)
{
    struct reader labels = reader_of(domain);
    const struct domain_policy *parent = NULL;

    while (parent == NULL && labels.rest.len > 0) {
        (void)reader_field(&labels, '.');
        /* A name of 127 labels must not cost a stranger's question 126 look-ups. */
        if (labels.rest.len <= rules->longest)
            parent = rules_domain(rules, labels.rest);
    }
    return parent;
}

bool rules_unstamped_is_uniform(const struct rules *rules, struct text domain)
{
    const struct entry *entry = domain_entry(rules, domain);

    return entry == NULL || entry->policy == NULL || (!entry->lenient && !entry->policy->has_table);
}

static enum rules_found rules_found_in_memory(const struct rules *rules, struct text local,
        struct text domain, const struct rule **rule_r, struct text *matched_r)
{
    struct key key;

    rules_user_key(rules, local, domain, &key);
    const struct entry *entry = rules_look_up(rules, &key);
    if (entry == NULL)
        return RULES_ABSENT;
    *matched_r = (struct text){entry->key, local.len};
    *rule_r = &entry->rule;
    return RULES_FOUND;
}

enum rules_found rules_user(const struct rules *rules, const struct rules_lookup *lookup,
        const struct domain_policy *policy, const struct address *user, const struct rule **rule_r,
        struct text *matched_r)
{
    const struct text domain = text_of(policy->name);
    const struct text tries[] = {address_local(user), address_without_detail(user), text_of("*")};
    enum rules_found found = RULES_ABSENT;

    *rule_r = NULL;
    *matched_r = (struct text){NULL, 0};
    for (size_t i = 0; found == RULES_ABSENT && i < sizeof tries / sizeof *tries; i++) {
        if (i == 1 && tries[1].len == tries[0].len)
            continue;
        found = rules_found_in_memory(rules, tries[i], domain, rule_r, matched_r);
        if (found == RULES_ABSENT && lookup != NULL && policy->has_table) {
            found = lookup->find(lookup->context, policy, tries[i], rule_r);
            if (found == RULES_FOUND)
                *matched_r = tries[i];
        }
    }
    return found;
}

static bool lists(const struct host_list *hosts, struct text host)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (text_equal_fold(text_of(hosts->names[i]), host))
            return true;
    return false;
}

bool rule_permits(const struct rule *rule, const struct domain_policy *policy, struct text host)
{
    return (rule->mode != RULE_HOSTS_DOMAIN && lists(&rule->hosts, host)) ||
           (rule->mode != RULE_HOSTS_ONLY && lists(&policy->hosts, host));
}
