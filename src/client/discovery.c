// SPDX-License-Identifier: ISC
#include "client/discovery.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/kept_services.h"
#include "client/organization.h"
#include "client/resolver.h"
#include "client/srv.h"

#define PREFIX "_verimail._tcp."
#define NAME_SIZE (sizeof PREFIX + DOMAIN_MAX)
#define DOMAINS_MAX 2 /* the author's and the organizational one */
#define TARGETS_MAX 4
#define FAMILIES 2       /* of addresses: IPv6 and IPv4 */
#define MORE_TIMEOUT 250 /* milliseconds for another target, once there is an address to ask */

struct discovery {
    struct resolver *resolver;
    struct kept_services *kept;
};

struct discovery *discovery_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    struct discovery *discovery = calloc(1, sizeof *discovery);

    snprintf(error_r, DISCOVERY_ERROR_MAX, "out of memory");
    if (discovery == NULL)
        return NULL;
    organization_load();
    discovery->kept = kept_services_init(options->kept_path, KEPT_SERVICES_MAX, unix_now());
    if (discovery->kept != NULL)
        discovery->resolver = resolver_init(options, error_r);
    if (discovery->resolver == NULL)
        discovery_free(&discovery);
    return discovery;
}

bool discovery_start(struct discovery *discovery)
{
    return resolver_start(discovery->resolver);
}

void discovery_free(struct discovery **discovery)
{
    if (*discovery == NULL)
        return;
    resolver_free(&(*discovery)->resolver);
    kept_services_free(&(*discovery)->kept);
    free(*discovery);
    *discovery = NULL;
}

static uint32_t discovery_random(uint32_t most)
{
    return randombytes_uniform(most + 1);
}

static void discovery_fail(
        struct discovery_answer *answer, const char *what, enum resolver_result result)
{
    static const char *const texts[] = {
            [RESOLVER_DATA] = "an answer that makes no sense",
            [RESOLVER_NO_DATA] = "there is none",
            [RESOLVER_FAILED] = "the name servers failed",
            [RESOLVER_BOGUS] = "its DNSSEC signature is not valid",
            [RESOLVER_LATE] = "no answer in time",
            [RESOLVER_SHORTAGE] = "too many look-ups wait for name servers, or out of memory",
    };

    answer->result = result == RESOLVER_SHORTAGE ? DISCOVERY_SHORTAGE : DISCOVERY_ERROR;
    snprintf(answer->cause, sizeof answer->cause, "%s: %s", what, texts[result]);
}

/* Where a record goes: behind the others, or, when there are SRV_MAX, in the place of one that
 * would be tried later; NULL when it is itself to be tried last. An answer has no order. */
static struct srv *discovery_slot(
        const struct srv *record, struct srv records[SRV_MAX], size_t *count)
{
    struct srv *last = &records[0];

    if (*count < SRV_MAX)
        return &records[(*count)++];
    for (size_t i = 1; i < SRV_MAX; i++)
        if (records[i].priority > last->priority)
            last = &records[i];
    return record->priority < last->priority ? last : NULL;
}

/* The good ones of an SRV answer; `foreign_r`: whether there was anything at all that was not. */
static size_t discovery_read_records(
        const struct ub_result *answer, struct srv records_r[SRV_MAX], bool *foreign_r)
{
    size_t count = 0;

    *foreign_r = false;
    for (size_t i = 0; answer->data[i] != NULL; i++) {
        const unsigned char *rdata = (const unsigned char *)answer->data[i];
        struct srv record;
        if (answer->len[i] <= 0 || !srv_parse(rdata, (size_t)answer->len[i], &record)) {
            *foreign_r = true;
            continue;
        }
        struct srv *slot = discovery_slot(&record, records_r, &count);
        if (slot != NULL)
            *slot = record;
    }
    return count;
}

/* Without the target `.`, which says that there is no service. */
static size_t discovery_drop_absent(struct srv *records, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (records[i].target[0] != '\0')
            records[kept++] = records[i];
    return kept;
}

enum step {
    STEP_RECORDS, /* there are records to follow */
    STEP_ABSENT,  /* the domain has none */
    STEP_END,     /* the answer is complete */
};

/* What came of the question for them. */
static enum step discovery_take_records(const struct resolver_query *query,
        struct srv records_r[SRV_MAX], size_t *count_r, struct discovery_answer *answer)
{
    bool foreign;

    if (query->result != RESOLVER_DATA && query->result != RESOLVER_NO_DATA) {
        discovery_fail(answer, "its SRV record", query->result);
        return STEP_END;
    }
    answer->secure = answer->secure && query->secure;
    if (query->result == RESOLVER_NO_DATA)
        return STEP_ABSENT;
    const size_t read = discovery_read_records(query->answer, records_r, &foreign);
    *count_r = discovery_drop_absent(records_r, read);
    if (*count_r > 0)
        return STEP_RECORDS;
    if (foreign || read == 0)
        discovery_fail(answer, "its SRV record", RESOLVER_DATA);
    return STEP_END;
}

/* Where the records of a domain are. False: no name in the DNS is that long, so there are none. */
static bool discovery_name(struct text domain, char name_r[NAME_SIZE])
{
    if (sizeof PREFIX - 1 + domain.len > DOMAIN_MAX)
        return false;
    (void)snprintf(name_r, NAME_SIZE, PREFIX "%.*s", (int)domain.len, domain.at);
    return true;
}

/* The domains at which a service is looked for. Returns how many; the last one of `domains_r` is
 * the organizational one in any case. */
static size_t discovery_domains(struct text domain, struct text domains_r[DOMAINS_MAX])
{
    domains_r[0] = domain;
    domains_r[1] = organization_of(domain);
    return domains_r[1].len > 0 && domains_r[1].len < domain.len ? 2 : 1;
}

/* What a query for the records at this domain says. */
static enum step discovery_take_from(struct discovery *discovery, struct text domain,
        struct resolver_query *query, struct srv records_r[SRV_MAX], size_t *count_r,
        struct discovery_answer *answer)
{
    (void)snprintf(answer->domain, sizeof answer->domain, "%.*s", (int)domain.len, domain.at);
    const enum step step = discovery_take_records(query, records_r, count_r, answer);
    resolver_release(discovery->resolver, query, 1);
    if (step == STEP_ABSENT || (step == STEP_END && answer->result == DISCOVERY_NONE))
        kept_services_drop(discovery->kept, domain);
    return step;
}

/* The SRV records at exactly this domain, in the order to be tried in. */
static enum step discovery_find_records(struct discovery *discovery,
        const struct resolver_asker *asker, struct text domain, uint64_t deadline,
        struct srv records_r[SRV_MAX], size_t *count_r, struct discovery_answer *answer)
{
    char name[NAME_SIZE];
    struct resolver_query query = {.name = name, .type = RESOLVER_SRV};

    if (!discovery_name(domain, name))
        return STEP_ABSENT;
    resolver_ask(discovery->resolver, asker, &query, 1, deadline);
    const enum step step =
            discovery_take_from(discovery, domain, &query, records_r, count_r, answer);
    if (step == STEP_RECORDS)
        srv_order(records_r, *count_r, discovery_random);
    return step;
}

/* The addresses of one target, in the order to be tried in: IPv6 and IPv4 in turn. */
struct addresses {
    const struct srv *srv;
    const struct ub_result *answers[2]; /* AAAA, A; NULL: none */
    bool secure;
};

static bool discovery_make_endpoint(
        const struct ub_result *answer, size_t i, uint16_t port, struct endpoint *endpoint_r)
{
    *endpoint_r = (struct endpoint){0};
    if (answer->qtype == RESOLVER_AAAA &&
            answer->len[i] == (int)sizeof endpoint_r->address.v6.sin6_addr) {
        endpoint_r->address.v6.sin6_family = AF_INET6;
        endpoint_r->address.v6.sin6_port = htons(port);
        memcpy(&endpoint_r->address.v6.sin6_addr, answer->data[i], (size_t)answer->len[i]);
        endpoint_r->len = sizeof endpoint_r->address.v6;
    } else if (answer->qtype == RESOLVER_A &&
               answer->len[i] == (int)sizeof endpoint_r->address.v4.sin_addr) {
        endpoint_r->address.v4.sin_family = AF_INET;
        endpoint_r->address.v4.sin_port = htons(port);
        memcpy(&endpoint_r->address.v4.sin_addr, answer->data[i], (size_t)answer->len[i]);
        endpoint_r->len = sizeof endpoint_r->address.v4;
    }
    return endpoint_r->len > 0;
}

static bool discovery_has(const struct discovery_answer *answer, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < answer->count; i++)
        if (endpoint_equal(&answer->servers[i].endpoint, endpoint))
            return true;
    return false;
}

static void discovery_add_server(struct discovery_answer *answer, const struct addresses *addresses,
        const struct ub_result *from, size_t i)
{
    struct endpoint endpoint;

    if (answer->count == DISCOVERY_ADDRESSES_MAX ||
            !discovery_make_endpoint(from, i, addresses->srv->port, &endpoint) ||
            discovery_has(answer, &endpoint))
        return;
    struct discovery_server *server = &answer->servers[answer->count++];
    server->endpoint = endpoint;
    memcpy(server->target, addresses->srv->target, sizeof server->target);
    answer->secure = answer->secure && addresses->secure;
}

static void discovery_add_target(struct discovery_answer *answer, const struct addresses *addresses)
{
    bool more[2] = {addresses->answers[0] != NULL, addresses->answers[1] != NULL};

    for (size_t i = 0; more[0] || more[1]; i++) {
        for (size_t family = 0; family < 2; family++) {
            const struct ub_result *from = addresses->answers[family];
            more[family] = more[family] && from->data[i] != NULL;
            if (more[family])
                discovery_add_server(answer, addresses, from, i);
        }
    }
}

/* A name server that is silent must leave time for the next target and for the question. */
static uint64_t discovery_half_way(uint64_t deadline)
{
    const uint64_t now = mono_ms();

    return now < deadline ? now + (deadline - now) / 2 : deadline;
}

/* Adds the addresses of one target; the worse of `worst` and what went wrong. */
static enum resolver_result discovery_find_target(struct discovery *discovery,
        const struct resolver_asker *asker, const struct srv *record, uint64_t deadline,
        enum resolver_result worst, struct discovery_answer *answer)
{
    struct resolver_query pair[FAMILIES] = {
            {.name = record->target, .type = RESOLVER_AAAA},
            {.name = record->target, .type = RESOLVER_A},
    };

    resolver_ask(discovery->resolver, asker, pair, FAMILIES, deadline);
    const struct addresses addresses = {
            .srv = record,
            .answers = {pair[0].answer, pair[1].answer},
            .secure = (pair[0].answer == NULL || pair[0].secure) &&
                      (pair[1].answer == NULL || pair[1].secure),
    };
    discovery_add_target(answer, &addresses);
    for (size_t i = 0; i < FAMILIES; i++)
        if (pair[i].result > worst)
            worst = pair[i].result;
    resolver_release(discovery->resolver, pair, FAMILIES);
    return worst;
}

/* One target after another, so that no message takes many places of the resolver. */
static void discovery_find_addresses(struct discovery *discovery,
        const struct resolver_asker *asker, const struct srv *records, size_t count, uint64_t end,
        struct discovery_answer *answer)
{
    enum resolver_result worst = RESOLVER_NO_DATA;

    answer->result = DISCOVERY_FOUND;
    for (size_t i = 0; i < count && i < TARGETS_MAX && answer->count < DISCOVERY_ADDRESSES_MAX;
            i++) {
        uint64_t until = i + 1 < count ? discovery_half_way(end) : end;
        if (answer->count > 0 && until > mono_ms() + MORE_TIMEOUT)
            until = mono_ms() + MORE_TIMEOUT;
        worst = discovery_find_target(discovery, asker, &records[i], until, worst, answer);
    }
    if (answer->count == 0)
        discovery_fail(answer, "the address of its server", worst);
}

static void discovery_take_policy(
        const struct resolver_query *query, struct discovery_answer *answer)
{
    struct policy_record_set set = {0};

    if (query->result != RESOLVER_DATA && query->result != RESOLVER_NO_DATA) {
        if (answer->result == DISCOVERY_FOUND)
            discovery_fail(answer, "its policy record", query->result);
        return;
    }
    for (size_t i = 0; query->result == RESOLVER_DATA && query->answer->data[i] != NULL; i++)
        if (query->answer->len[i] > 0)
            policy_record_add(
                    &set, (struct text){query->answer->data[i], (size_t)query->answer->len[i]});
    answer->policy_result = set.result;
    answer->policy = set.record;
    answer->policy_secure = answer->policy_secure && query->secure;
    answer->secure = answer->secure && query->secure;
}

/* What follows SRV records: the addresses, and side by side with them the policy record. */
static void discovery_follow(struct discovery *discovery, const struct resolver_asker *asker,
        const struct srv *records, size_t count, uint64_t deadline, struct discovery_answer *answer)
{
    const uint64_t end = discovery_half_way(deadline);
    char name[NAME_SIZE];
    struct resolver_query policy = {.name = name, .type = RESOLVER_TXT};

    (void)!discovery_name(text_of(answer->domain), name); /* it has SRV records */
    resolver_hold(discovery->resolver, asker, &policy, 1);
    answer->policy_secure = answer->secure;
    discovery_find_addresses(discovery, asker, records, count, end, answer);
    resolver_await(discovery->resolver, &policy, 1, end);
    discovery_take_policy(&policy, answer);
    resolver_release(discovery->resolver, &policy, 1);
}

void discovery_keep(struct discovery *discovery, const struct discovery_answer *answer)
{
    if (answer->result == DISCOVERY_FOUND && !answer->is_kept)
        kept_services_put(discovery->kept, answer, unix_now());
}

/* At the first of these domains that has records. */
static void discovery_find_at(struct discovery *discovery, const struct resolver_asker *asker,
        const struct text *domains, size_t domains_count, uint64_t deadline,
        struct discovery_answer *answer_r)
{
    struct srv records[SRV_MAX];
    struct discovery_answer kept;
    size_t count = 0;
    enum step step = STEP_ABSENT;

    *answer_r = (struct discovery_answer){.result = DISCOVERY_NONE, .secure = true};
    for (size_t i = 0; i < domains_count && step == STEP_ABSENT; i++) {
        /* What is kept is of use only while there is time to ask the service. */
        const bool has_kept = kept_services_get(discovery->kept, domains[i], unix_now(), &kept);
        step = discovery_find_records(discovery, asker, domains[i],
                has_kept ? discovery_half_way(deadline) : deadline, records, &count, answer_r);
    }
    if (step == STEP_RECORDS)
        discovery_follow(discovery, asker, records, count, deadline, answer_r);
    if (answer_r->result == DISCOVERY_ERROR || answer_r->result == DISCOVERY_SHORTAGE)
        answer_r->secure = false;
    if (answer_r->result == DISCOVERY_ERROR)
        kept_services_stand_in(discovery->kept, domains[domains_count - 1], unix_now(), answer_r);
}

void discovery_find(struct discovery *discovery, struct text domain, struct text network,
        uint64_t deadline, struct discovery_answer *answer_r)
{
    struct text domains[DOMAINS_MAX];
    const size_t count = discovery_domains(domain, domains);
    const struct resolver_asker asker = {network, domains[DOMAINS_MAX - 1]};

    discovery_find_at(discovery, &asker, domains, count, deadline, answer_r);
}

void discovery_find_exactly(struct discovery *discovery, struct text domain, struct text network,
        uint64_t deadline, struct discovery_answer *answer_r)
{
    const struct resolver_asker asker = {network, organization_of(domain)};

    discovery_find_at(discovery, &asker, &domain, 1, deadline, answer_r);
}

void discovery_begin(struct discovery *discovery, struct text domain, struct text network)
{
    struct text domains[DOMAINS_MAX];
    const size_t count = discovery_domains(domain, domains);
    const struct resolver_asker asker = {network, domains[DOMAINS_MAX - 1]};
    char names[DOMAINS_MAX][NAME_SIZE];
    struct resolver_query queries[DOMAINS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!discovery_name(domains[i], names[n]))
            continue;
        queries[n] = (struct resolver_query){.name = names[n], .type = RESOLVER_SRV};
        n++;
    }
    resolver_prefetch(discovery->resolver, &asker, queries, n);
}

bool discovery_is_none(
        struct discovery *discovery, struct text domain, struct discovery_answer *answer_r)
{
    struct text domains[DOMAINS_MAX];
    const size_t domains_count = discovery_domains(domain, domains);
    struct srv records[SRV_MAX];
    size_t count;
    enum step step = STEP_ABSENT;

    *answer_r = (struct discovery_answer){.result = DISCOVERY_NONE, .secure = true};
    for (size_t i = 0; i < domains_count && step == STEP_ABSENT; i++) {
        char name[NAME_SIZE];
        struct resolver_query query = {.name = name, .type = RESOLVER_SRV};
        if (!discovery_name(domains[i], name))
            continue;
        resolver_peek(discovery->resolver, &query);
        step = discovery_take_from(discovery, domains[i], &query, records, &count, answer_r);
    }
    return step != STEP_RECORDS && answer_r->result == DISCOVERY_NONE;
}

/* A domain that is looked for. */
struct look {
    struct text domain;
    char name[NAME_SIZE];
    enum step step;
    struct discovery_answer answer;
};

/* Looks up those of which nothing is known yet, at the same time. */
static void discovery_look_up(struct discovery *discovery, const struct resolver_asker *asker,
        struct look *looks, size_t count, uint64_t deadline)
{
    struct resolver_query queries[DISCOVERY_LOOKS_MAX];
    struct look *asked[DISCOVERY_LOOKS_MAX];
    struct srv records[SRV_MAX];
    size_t found;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (looks[i].step != STEP_ABSENT || looks[i].domain.len == 0 ||
                !discovery_name(looks[i].domain, looks[i].name))
            continue;
        queries[n] = (struct resolver_query){.name = looks[i].name, .type = RESOLVER_SRV};
        asked[n++] = &looks[i];
    }
    resolver_ask(discovery->resolver, asker, queries, n, deadline);
    for (size_t i = 0; i < n; i++) {
        asked[i]->step = discovery_take_records(&queries[i], records, &found, &asked[i]->answer);
        if (asked[i]->step == STEP_RECORDS)
            asked[i]->answer.result = DISCOVERY_FOUND;
    }
    resolver_release(discovery->resolver, queries, n);
}

void discovery_look_for(struct discovery *discovery, const struct text *domains, size_t count,
        struct text network, uint64_t deadline, enum discovery_result *results_r)
{
    struct look looks[DISCOVERY_LOOKS_MAX];
    const struct resolver_asker asker = {
            network, count > 0 ? organization_of(domains[0]) : text_of("")};

    for (size_t i = 0; i < count; i++)
        looks[i] = (struct look){
                .domain = domains[i], .step = STEP_ABSENT, .answer = {.result = DISCOVERY_NONE}};
    discovery_look_up(discovery, &asker, looks, count, deadline);
    for (size_t i = 0; i < count; i++) {
        const struct text organization = organization_of(domains[i]);
        looks[i].domain = organization.len < domains[i].len ? organization : text_of("");
    }
    discovery_look_up(discovery, &asker, looks, count, deadline);
    for (size_t i = 0; i < count; i++)
        results_r[i] = looks[i].answer.result;
}
