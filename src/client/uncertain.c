// SPDX-License-Identifier: ISC
#include "client/uncertain.h"

static bool uncertain_is_ours(const struct uncertain_ours *ours, struct text domain)
{
    for (size_t i = 0; i < ours->count; i++)
        if (domain_is_under(domain, ours->domains[i]))
            return true;
    return false;
}

static void uncertain_set(char domain_r[DOMAIN_MAX + 1], struct text domain)
{
    struct writer w = writer_of(domain_r, DOMAIN_MAX + 1);

    writer_put(&w, domain);
    writer_char(&w, '\0');
}

static enum uncertain_result uncertain_look_up(struct client *client,
        const struct client_policy *policy, struct text ip, const struct candidates *candidates,
        char domain_r[DOMAIN_MAX + 1])
{
    struct text domains[CANDIDATES_MAX];
    size_t which = 0;

    for (size_t i = 0; i < candidates->count; i++)
        domains[i] = text_of(candidates->domains[i]);
    const enum discovery_result found =
            candidates->count > 0
                    ? client_find_service(client, policy, domains, candidates->count, ip, &which)
                    : DISCOVERY_NONE;
    if (found != DISCOVERY_NONE)
        uncertain_set(domain_r, domains[which]);
    switch (found) {
    case DISCOVERY_FOUND:
        return UNCERTAIN_SERVICE;
    case DISCOVERY_ERROR:
        return UNCERTAIN_UNKNOWN;
    case DISCOVERY_SHORTAGE:
        return UNCERTAIN_SHORTAGE;
    case DISCOVERY_NONE:
        break;
    }
    return candidates->more ? UNCERTAIN_MANY : UNCERTAIN_NONE;
}

enum uncertain_result uncertain_judge(struct client *client, const struct client_policy *policy,
        const struct uncertain_ours *ours, struct text sender, struct text ip,
        struct candidates *candidates, char domain_r[DOMAIN_MAX + 1])
{
    domain_r[0] = '\0';
    if (candidates->lacks_domain)
        candidates_add_sender(candidates, sender);
    if (candidates->is_out_of_memory)
        return UNCERTAIN_SHORTAGE;
    if (candidates->is_unreadable)
        return UNCERTAIN_UNREADABLE;
    if (candidates->lacks_domain && ours->count > 0) {
        uncertain_set(domain_r, ours->domains[0]);
        return UNCERTAIN_OURS;
    }
    for (size_t i = 0; i < candidates->count; i++) {
        const struct text domain = text_of(candidates->domains[i]);
        if (!uncertain_is_ours(ours, domain))
            continue;
        uncertain_set(domain_r, domain);
        return UNCERTAIN_OURS;
    }
    return uncertain_look_up(client, policy, ip, candidates, domain_r);
}

const char *uncertain_text(enum uncertain_result result)
{
    static const char *const texts[] = {
            [UNCERTAIN_NONE] = "that uses Verimail cannot be meant",
            [UNCERTAIN_UNREADABLE] = "could be meant that cannot be told",
            [UNCERTAIN_OURS] = "is served here and could be meant",
            [UNCERTAIN_SERVICE] = "uses Verimail and could be meant",
            [UNCERTAIN_UNKNOWN] =
                    "could be meant, and the DNS does not say whether it uses Verimail",
            [UNCERTAIN_MANY] = "could be meant, and there are more than are looked up",
            [UNCERTAIN_SHORTAGE] = "could not be looked up now",
    };

    return texts[result];
}

const char *uncertain_word(enum uncertain_result result)
{
    static const char *const words[] = {
            [UNCERTAIN_NONE] = "none",
            [UNCERTAIN_UNREADABLE] = "unreadable",
            [UNCERTAIN_OURS] = "ours",
            [UNCERTAIN_SERVICE] = "service",
            [UNCERTAIN_UNKNOWN] = "dns",
            [UNCERTAIN_MANY] = "many",
            [UNCERTAIN_SHORTAGE] = "shortage",
    };

    return words[result];
}
