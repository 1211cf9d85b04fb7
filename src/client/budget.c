// SPDX-License-Identifier: ISC
#include "client/budget.h"

#include <stdlib.h>

#include "client/keyed_ratelimit.h"
#include "client/known_networks.h"
#include "protocol/domain.h"

#define DOMAINS_MAX 50000 /* about 150 octets each, for stamped and for unstamped mail */
#define SHARES_MAX 50000  /* the same */
#define MACHINES_MAX 20000
#define NETWORKS_MAX 50000 /* about 250 octets each */
#define NETWORKS_PER_DOMAIN 64
#define SHARE_KEY_MAX (DOMAIN_MAX + 16)

/* Mail with a stamp and mail without: a flood without stamps uses up nothing of the budgets of
 * stamped mail. */
enum traffic { UNSTAMPED, STAMPED, TRAFFICS };

struct budget {
    struct keyed_ratelimit *domains[TRAFFICS];
    struct keyed_ratelimit *shares[TRAFFICS]; /* of networks in a domain's budget */
    struct keyed_ratelimit *machines[TRAFFICS];
    struct keyed_ratelimit *reserves; /* of domains, for stamped mail */
    struct known_networks *known;     /* by registrable domain: it takes more than a wildcard in the
                                       * DNS to push out those of other domains */
};

struct budget *budget_init(void)
{
    struct budget *budget = calloc(1, sizeof *budget);

    if (budget == NULL)
        return NULL;
    budget->reserves = keyed_ratelimit_init(DOMAINS_MAX);
    budget->known = known_networks_init(NETWORKS_MAX, NETWORKS_PER_DOMAIN);
    bool good = budget->reserves != NULL && budget->known != NULL;
    for (size_t i = 0; i < TRAFFICS; i++) {
        budget->domains[i] = keyed_ratelimit_init(DOMAINS_MAX);
        budget->shares[i] = keyed_ratelimit_init(SHARES_MAX);
        budget->machines[i] = keyed_ratelimit_init(MACHINES_MAX);
        good = good && budget->domains[i] != NULL && budget->shares[i] != NULL &&
               budget->machines[i] != NULL;
    }
    if (!good)
        budget_free(&budget);
    return budget;
}

void budget_free(struct budget **budget)
{
    struct budget *b = *budget;

    if (b == NULL)
        return;
    for (size_t i = 0; i < TRAFFICS; i++) {
        keyed_ratelimit_free(&b->domains[i]);
        keyed_ratelimit_free(&b->shares[i]);
        keyed_ratelimit_free(&b->machines[i]);
    }
    keyed_ratelimit_free(&b->reserves);
    known_networks_free(&b->known);
    free(b);
    *budget = NULL;
}

static enum traffic budget_traffic(const struct budget_claim *claim)
{
    return claim->is_stamped ? STAMPED : UNSTAMPED;
}

static struct text budget_share_key(const struct budget_claim *claim, char buffer_r[SHARE_KEY_MAX])
{
    struct writer w = writer_of(buffer_r, SHARE_KEY_MAX);

    writer_put(&w, claim->domain);
    writer_char(&w, '\0');
    writer_put(&w, claim->network);
    return writer_text(&w);
}

static bool budget_take_share(
        struct budget *budget, const struct budget_claim *claim, uint32_t per_minute, uint64_t now)
{
    char buffer[SHARE_KEY_MAX];
    const uint32_t share = per_minute > BUDGET_SHARE ? per_minute / BUDGET_SHARE : 1;

    return claim->network.len == 0 || keyed_ratelimit_take(budget->shares[budget_traffic(claim)],
                                              budget_share_key(claim, buffer), share, now);
}

static void budget_give_back_share(struct budget *budget, const struct budget_claim *claim)
{
    char buffer[SHARE_KEY_MAX];

    if (claim->network.len > 0)
        keyed_ratelimit_give_back(
                budget->shares[budget_traffic(claim)], budget_share_key(claim, buffer));
}

static bool budget_take_reserve(
        struct budget *budget, struct budget_claim *claim, uint32_t per_minute, uint64_t now)
{
    claim->is_reserved =
            claim->is_stamped && claim->network.len > 0 &&
            known_networks_has(budget->known, claim->organization, claim->network, now) &&
            keyed_ratelimit_take(budget->reserves, claim->domain, per_minute, now);
    return claim->is_reserved;
}

bool budget_take(
        struct budget *budget, struct budget_claim *claim, uint32_t per_minute, uint64_t now)
{
    claim->is_reserved = false;
    if (!budget_take_share(budget, claim, per_minute, now))
        return false;
    if (keyed_ratelimit_take(
                budget->domains[budget_traffic(claim)], claim->domain, per_minute, now) ||
            budget_take_reserve(budget, claim, per_minute, now))
        return true;
    budget_give_back_share(budget, claim);
    return false;
}

static void budget_give_back_domain(struct budget *budget, const struct budget_claim *claim)
{
    keyed_ratelimit_give_back(
            claim->is_reserved ? budget->reserves : budget->domains[budget_traffic(claim)],
            claim->domain);
}

void budget_give_back(struct budget *budget, const struct budget_claim *claim)
{
    budget_give_back_domain(budget, claim);
    budget_give_back_share(budget, claim);
}

enum budget_result budget_take_machine(struct budget *budget, struct budget_claim *claim,
        struct text machine, uint32_t per_minute, uint32_t domain_per_minute, uint64_t now)
{
    const struct budget_claim before = *claim;

    if (claim->is_reserved)
        return BUDGET_RESERVED;
    if (keyed_ratelimit_take(budget->machines[budget_traffic(claim)], machine, per_minute, now))
        return BUDGET_TAKEN;
    if (!budget_take_reserve(budget, claim, domain_per_minute, now))
        return BUDGET_SPENT;
    budget_give_back_domain(budget, &before);
    return BUDGET_RESERVED;
}

void budget_give_back_machine(
        struct budget *budget, const struct budget_claim *claim, struct text machine)
{
    keyed_ratelimit_give_back(budget->machines[budget_traffic(claim)], machine);
}

/* NO `forged`: it did not open. NO `refused`: nobody waits for such mail. `testing`: it would have
 * been a NO. `unstamped`: the stamp is stale, and says nothing about the message. Without a reason
 * that is known nothing is told. */
bool budget_is_genuine(const struct answer *answer)
{
    static const enum reason reasons[] = {REASON_REDIRECTED, REASON_CHANGED, REASON_REPLAYED,
            REASON_EXPIRED, REASON_UNCOUNTED, REASON_CLASSIC, REASON_HOST, REASON_UNSERVED};

    if (answer->verdict == VERDICT_YES)
        return true;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (answer->verdict == VERDICT_ALLOW && answer->reason == reasons[i])
            return true;
    return false;
}

void budget_note_genuine(struct budget *budget, const struct budget_claim *claim, uint64_t now)
{
    if (claim->is_stamped && claim->network.len > 0)
        known_networks_add(budget->known, claim->organization, claim->network, now);
}
