// SPDX-License-Identifier: ISC
#include "client/peers.h"

#include <stdlib.h>
#include <string.h>

#include "client/organization.h"

static int peers_compare(const void *a, const void *b)
{
    return strcmp(((const struct peer *)a)->domain, ((const struct peer *)b)->domain);
}

bool peers_init(struct peers *peers_r, const struct peer *from, size_t count)
{
    *peers_r = (struct peers){.at = calloc(count + 1, sizeof *peers_r->at)};
    if (peers_r->at == NULL)
        return false;
    if (count > 0)
        memcpy(peers_r->at, from, count * sizeof *from);
    qsort(peers_r->at, count, sizeof *peers_r->at, peers_compare);
    peers_r->count = count;
    return true;
}

void peers_free(struct peers *peers)
{
    free(peers->at);
    *peers = (struct peers){0};
}

/* As strcmp() orders them. */
static int peers_compare_domain(const void *domain, const void *peer)
{
    const struct text *wanted = domain;
    const char *name = ((const struct peer *)peer)->domain;
    const int order = strncmp(wanted->at, name, wanted->len);

    return order != 0 ? order : -(name[wanted->len] != '\0');
}

const struct peer *peers_find(const struct peers *peers, struct text domain)
{
    return peers->count == 0 || domain.len > DOMAIN_MAX
                   ? NULL
                   : bsearch(&domain, peers->at, peers->count, sizeof *peers->at,
                             peers_compare_domain);
}

const struct peer *peers_find_above(const struct peers *peers, struct text domain)
{
    const struct text organization = peers->count > 0 ? organization_of(domain) : text_of("");

    return organization.len > 0 && organization.len < domain.len ? peers_find(peers, organization)
                                                                 : NULL;
}
