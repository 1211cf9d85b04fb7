// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Adds and looks up, as the input says, and compares with the simplest thing that does the same: a
 * list that is searched from its start. */

#define USERS_MAX 600
#define LOCAL_MAX 12

static const struct domain_policy policies[] = {{.name = "example.org"},
        {.name = "sub.example.org"}, {.name = "A.B.c.example.org"}, {.name = "Example.NET"},
        {.name = "org"}, {.name = "e.net"}, {.name = "not_ldh"}, {.name = ""}};

#define DOMAINS (sizeof policies / sizeof *policies)

struct model {
    bool served[DOMAINS];
    bool host[DOMAINS];
    uint64_t expires[DOMAINS];
    size_t users;
    struct {
        size_t domain;
        char local[LOCAL_MAX + 1];
        bool lenient;
    } user[USERS_MAX];
};

struct input {
    const uint8_t *at;
    size_t left;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* Few different octets, so that names meet. */
static struct text next_local(struct input *in, char buffer[LOCAL_MAX + 1])
{
    static const char octets[] = "aAbB+*%2@. ";
    const size_t len = next(in) % (LOCAL_MAX + 1);

    for (size_t i = 0; i < len; i++)
        buffer[i] = octets[next(in) % (sizeof octets - 1)];
    buffer[len] = '\0';
    return (struct text){buffer, len};
}

static size_t model_find(const struct model *m, size_t domain, struct text local)
{
    for (size_t i = 0; i < m->users; i++)
        if (m->user[i].domain == domain && text_equal_fold(text_of(m->user[i].local), local))
            return i;
    return USERS_MAX;
}

static bool is_local(struct text local)
{
    struct address address;

    return text_equal(local, text_of("*")) || (memchr(local.at, '@', local.len) == NULL &&
                                                      address_parse(local, text_of("a"), &address));
}

static void add_domain(struct rules *rules, struct model *m, size_t domain)
{
    const bool want = !m->served[domain] && domain_is_ldh(text_of(policies[domain].name));

    must(rules_add_domain(rules, &policies[domain]) == want);
    m->served[domain] = m->served[domain] || want;
}

static void add_host(struct rules *rules, struct model *m, size_t domain, uint64_t expires)
{
    const struct text name = text_of(policies[domain].name);
    const bool want = domain_is_ldh(name);

    must(rules_add_host(rules, name, expires) == want);
    m->host[domain] = want;
    if (want && expires > 0)
        m->expires[domain] = expires;
}

static void add_user(
        struct rules *rules, struct model *m, size_t domain, struct text local, bool lenient)
{
    const bool want =
            m->served[domain] && is_local(local) && model_find(m, domain, local) == USERS_MAX;
    const struct rule rule = {.allow_unauthorized = lenient};

    if (m->users == USERS_MAX)
        return;
    must(rules_add_user(rules, text_of(policies[domain].name), local, &rule) == want);
    if (!want)
        return;
    m->user[m->users].domain = domain;
    m->user[m->users].lenient = lenient;
    memcpy(m->user[m->users].local, local.at, local.len);
    m->users++;
}

static void check_user(
        const struct rules *rules, const struct model *m, size_t domain, struct text local)
{
    struct address user;
    struct text matched;

    if (memchr(local.at, '@', local.len) != NULL ||
            !address_parse(local, text_of(policies[domain].name), &user))
        return;
    size_t want = model_find(m, domain, local);
    if (want == USERS_MAX)
        want = model_find(m, domain, (struct text){local.at, strcspn(local.at, "+")});
    if (want == USERS_MAX)
        want = model_find(m, domain, text_of("*"));
    const struct rule *rule = NULL;
    const enum rules_found found =
            rules_user(rules, NULL, &policies[domain], &user, &rule, &matched);
    must(found == (want == USERS_MAX ? RULES_ABSENT : RULES_FOUND));
    must((rule == NULL) == (want == USERS_MAX));
    if (rule == NULL)
        return;
    must(rule->allow_unauthorized == m->user[want].lenient);
    must(text_equal_fold(matched, text_of(m->user[want].local)));
}

static void check_domain(const struct rules *rules, const struct model *m, size_t domain)
{
    const struct text name = text_of(policies[domain].name);
    const struct domain_policy *parent = NULL;
    bool uniform = true;

    must(rules_has_host(rules, name) == m->host[domain]);
    must(rules_host_expires(rules, name) == m->expires[domain]);
    must(rules_domain(rules, name) == (m->served[domain] ? &policies[domain] : NULL));
    for (size_t i = 0; i < m->users; i++)
        uniform = uniform && !(m->user[i].domain == domain && m->user[i].lenient);
    must(rules_unstamped_is_uniform(rules, name) == uniform);
    for (size_t i = 0; i < DOMAINS; i++) {
        const struct text above = text_of(policies[i].name);
        if (m->served[i] && i != domain && domain_is_under(name, above) &&
                (parent == NULL || strlen(parent->name) < above.len))
            parent = &policies[i];
    }
    must(rules_parent(rules, name) == parent);
}

static void add_many(struct rules *rules, struct model *m, size_t domain, unsigned count)
{
    char local[LOCAL_MAX + 1];

    for (unsigned i = 0; i < count; i++) {
        snprintf(local, sizeof local, "u%zu-%u", m->users, i);
        add_user(rules, m, domain, text_of(local), false);
        check_user(rules, m, domain, text_of(local));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    struct input in = {data, size};
    unsigned char seed[RULES_SEED] = {0};
    char buffer[LOCAL_MAX + 1];

    memset(&model, 0, sizeof model);
    seed[0] = next(&in);
    struct rules *rules = rules_init(seed);
    must(rules != NULL);
    while (in.left > 0) {
        const uint8_t what = next(&in);
        const size_t domain = what % DOMAINS;
        switch (what / DOMAINS % 6) {
        case 0:
            add_domain(rules, &model, domain);
            break;
        case 1:
            add_user(rules, &model, domain, next_local(&in, buffer), what >= 128);
            break;
        case 2:
            check_user(rules, &model, domain, next_local(&in, buffer));
            break;
        case 3:
            check_domain(rules, &model, domain);
            break;
        case 4:
            add_host(rules, &model, domain, next(&in) % 3);
            break;
        default:
            add_many(rules, &model, domain, next(&in));
            break;
        }
    }
    rules_free(&rules);
    return 0;
}
