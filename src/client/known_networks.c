// SPDX-License-Identifier: ISC
#include "client/known_networks.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "client/lru.h"
#include "protocol/domain.h"

#define KEY_MAX ((size_t)2 * DOMAIN_MAX)

/* A domain's networks, the one that was added last at the end. */
struct known_domain {
    TAILQ_HEAD(, known_network) networks;
    size_t count;
};

struct known_network {
    TAILQ_ENTRY(known_network) entry;
    struct known_domain *domain;
    uint64_t added;
};

struct known_networks {
    size_t per_domain;
    struct lru *networks; /* of struct known_network, by domain and network */
    struct lru *domains;  /* of struct known_domain; none of them is empty */
};

struct known_networks *known_networks_init(size_t in_all, size_t per_domain)
{
    struct known_networks *known = calloc(1, sizeof *known);

    if (known == NULL)
        return NULL;
    known->per_domain = per_domain;
    known->networks = lru_init(in_all, sizeof(struct known_network));
    known->domains = lru_init(SIZE_MAX, sizeof(struct known_domain));
    if (known->networks == NULL || known->domains == NULL)
        known_networks_free(&known);
    return known;
}

void known_networks_free(struct known_networks **known)
{
    if (*known == NULL)
        return;
    lru_free(&(*known)->networks);
    lru_free(&(*known)->domains);
    free(*known);
    *known = NULL;
}

static struct text known_networks_key(
        struct text domain, struct text network, char buffer_r[KEY_MAX])
{
    struct writer w = writer_of(buffer_r, KEY_MAX);

    writer_put(&w, domain);
    writer_char(&w, '\0');
    writer_put(&w, network);
    return writer_text(&w);
}

/* Takes it from its domain's list; lru_make_room() drops it then. */
static bool known_networks_forget(void *value, const void *context)
{
    const struct known_networks *known = context;
    struct known_network *network = value;
    struct known_domain *domain = network->domain;

    TAILQ_REMOVE(&domain->networks, network, entry);
    if (--domain->count == 0)
        lru_drop(known->domains, domain);
    return true;
}

static struct known_domain *known_networks_domain(struct known_networks *known, struct text name)
{
    struct known_domain *domain = lru_find(known->domains, name);

    if (domain != NULL)
        return domain;
    domain = lru_add(known->domains, name);
    if (domain != NULL)
        TAILQ_INIT(&domain->networks);
    return domain;
}

/* A new one, in no list. */
static struct known_network *known_networks_make(struct known_networks *known, struct text key)
{
    return lru_make_room(known->networks, 1, known_networks_forget, known)
                   ? lru_add(known->networks, key)
                   : NULL;
}

/* Its oldest makes room. */
static void known_networks_trim(struct known_networks *known, struct known_domain *domain)
{
    struct known_network *oldest = TAILQ_FIRST(&domain->networks);

    if (domain->count <= known->per_domain)
        return;
    (void)known_networks_forget(oldest, known);
    lru_drop(known->networks, oldest);
}

void known_networks_add(
        struct known_networks *known, struct text domain, struct text network, uint64_t now)
{
    char buffer[KEY_MAX];
    const struct text key = known_networks_key(domain, network, buffer);
    struct known_network *found = lru_use(known->networks, key);

    if (found != NULL) {
        TAILQ_REMOVE(&found->domain->networks, found, entry);
    } else {
        found = known_networks_make(known, key);
        if (found == NULL)
            return;
        found->domain = known_networks_domain(known, domain);
        if (found->domain == NULL) {
            lru_drop(known->networks, found);
            return;
        }
        found->domain->count++;
    }
    found->added = now;
    TAILQ_INSERT_TAIL(&found->domain->networks, found, entry);
    known_networks_trim(known, found->domain);
}

bool known_networks_has(
        const struct known_networks *known, struct text domain, struct text network, uint64_t now)
{
    char buffer[KEY_MAX];
    const struct known_network *found =
            lru_find(known->networks, known_networks_key(domain, network, buffer));

    return found != NULL && now - found->added < KNOWN_NETWORKS_AGE;
}
