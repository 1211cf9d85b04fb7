// SPDX-License-Identifier: ISC
#include "client/client.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/charset.h"
#include "base/clock.h"
#include "client/call.h"
#include "client/organization.h"

#define ANSWERS_MAX 20000   /* about 700 octets each */
#define ENDPOINTS_MAX 10000 /* about 200 octets each */

static bool client_init_memory(struct client *client)
{
    client->cache = cache_init(ANSWERS_MAX);
    client->breaker = circuit_breaker_init(ENDPOINTS_MAX);
    client->budget = budget_init();
    client->key = client_key_init();
    return client->cache != NULL && client->breaker != NULL && client->budget != NULL &&
           client->key != NULL;
}

struct client *client_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    struct client *client = calloc(1, sizeof *client);
    int error = ENOMEM;

    snprintf(error_r, DISCOVERY_ERROR_MAX, "out of memory");
    if (client == NULL)
        return NULL;
    client->counts = &client->own;
    charset_load();
    pthread_mutex_init(&client->lock, NULL);
    clock_cond_init(&client->freed);
    bool good = client_init_memory(client);
    if (good) {
        error = EINVAL;
        client->discovery = discovery_init(options, error_r);
        good = client->discovery != NULL;
    }
    if (!good)
        client_free(&client);
    errno = error;
    return client;
}

bool client_start(struct client *client)
{
    return discovery_start(client->discovery);
}

void client_count(struct client *client, struct client_counts *counts)
{
    client->counts = counts;
}

void client_free(struct client **client)
{
    struct client *c = *client;

    if (c == NULL)
        return;
    cache_free(&c->cache);
    circuit_breaker_free(&c->breaker);
    budget_free(&c->budget);
    client_key_free(&c->key);
    discovery_free(&c->discovery);
    pthread_cond_destroy(&c->freed);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *client = NULL;
}

/* Whether the cache has an answer. */
static bool client_find_cached(const struct call *call, struct cached *cached_r)
{
    if (call->claim.is_stamped ||
            !cache_get(call->client->cache, &call->question->user, mono_ms(), cached_r))
        return false;
    /* The configuration may have changed since. */
    return call->peer != NULL ? cached_r->is_peer : !cached_r->is_peer || call->peer_above != NULL;
}

/* Whether an answer from the cache is the outcome. */
static bool client_use_cache(struct call *call)
{
    struct cached cached;

    if (call->early != NULL && call->early->is_cached)
        cached = call->early->cached;
    else if (!client_find_cached(call, &cached))
        return false;
    call_conclude(call->outcome, cached.answer.verdict, CLIENT_CACHED);
    call->outcome->reason = cached.answer.reason;
    call->outcome->secure = cached.secure;
    call->outcome->is_peer = cached.is_peer;
    call->outcome->sealed = cached.sealed;
    call->outcome->authenticated = cached.authenticated;
    return true;
}

static bool client_take_domain(struct call *call)
{
    if (budget_take(call->client->budget, &call->claim, call->policy->budget_per_domain, mono_ms()))
        return true;
    call_conclude(call->outcome, VERDICT_TEMPERROR, CLIENT_BUDGET);
    return false;
}

/* Remembers the answer. */
static void client_note(struct call *call)
{
    const struct attempt *attempt = &call->outcome->attempt;

    if (call->outcome->verdict == VERDICT_YES) {
        budget_give_back(call->client->budget, &call->claim);
        call_give_back_machine(call, attempt->which);
    }
    if (attempt->result == ATTEMPT_ANSWERED && !call->outcome->is_peer)
        discovery_keep(call->client->discovery, &call->outcome->discovery);
    if (attempt->result == ATTEMPT_ANSWERED && budget_is_genuine(&attempt->answer))
        budget_note_genuine(call->client->budget, &call->claim, mono_ms());
    if (call->outcome->verdict != VERDICT_YES && !call->claim.is_stamped &&
            attempt->result == ATTEMPT_ANSWERED)
        cache_put(call->client->cache, &call->question->user,
                &(struct cached){.answer = attempt->answer,
                        .secure = call->outcome->secure,
                        .is_peer = call->outcome->is_peer,
                        .sealed = call->outcome->sealed,
                        .authenticated = call->outcome->authenticated},
                mono_ms());
}

static void client_conclude_unanswered(struct client_outcome *outcome)
{
    call_conclude(outcome, VERDICT_TEMPERROR,
            outcome->attempt.result == ATTEMPT_SHORTAGE ? CLIENT_SHORTAGE : CLIENT_NO_ANSWER);
}

/* Sends the line and takes the answer. `exchange`: NULL for a plain one. */
static void client_converse(int fd, struct text line, const struct sealed_exchange *exchange,
        const struct question *question, uint64_t deadline, struct client_outcome *outcome)
{
    struct attempt *attempt = &outcome->attempt;

    attempt_converse(fd, line, exchange, question_is_stamped(question), deadline, attempt);
    if (attempt->result == ATTEMPT_ANSWERED) {
        call_conclude(outcome, attempt->answer.verdict, CLIENT_ANSWERED);
        outcome->reason = attempt->answer.reason;
    } else {
        client_conclude_unanswered(outcome);
    }
}

static struct text client_line(const struct client_outcome *outcome)
{
    return (struct text){outcome->line, outcome->line_len};
}

/* In a sealed conversation. */
static void client_converse_sealed(const struct call *call, int fd)
{
    struct client_outcome *outcome = call->outcome;
    char buffer[SEALED_QUESTION_MAX];
    struct writer line = writer_of(buffer, sizeof buffer);
    struct sealed_exchange exchange;
    struct text question = client_line(outcome);

    question.len -= 2; /* CRLF */
    if (client_key_seal(
                call->client->key, outcome->answer_key, question, mono_ms(), &exchange, &line)) {
        client_converse(fd, writer_text(&line), &exchange, call->question, call->deadline, outcome);
    } else {
        close(fd);
        call_conclude(outcome, VERDICT_TEMPERROR, CLIENT_FAILURE);
    }
    sodium_memzero(&exchange, sizeof exchange);
}

/* Once it is known who is asked. */
static void client_choose_channel(
        struct call *call, const unsigned char *answer_key, bool is_vouched_for)
{
    struct client_outcome *outcome = call->outcome;

    outcome->sealed = answer_key != NULL && !call->policy->plain;
    outcome->authenticated = outcome->sealed && is_vouched_for;
    if (outcome->sealed)
        memcpy(outcome->answer_key, answer_key, sizeof outcome->answer_key);
}

static void client_ask_servers(struct call *call)
{
    struct client *client = call->client;
    struct attempt *attempt = &call->outcome->attempt;
    const int fd = attempt_connect(call->endpoints, call->count, call->deadline, attempt);

    pthread_mutex_lock(&client->lock);
    call_release_others(call);
    pthread_mutex_unlock(&client->lock);
    if (fd < 0) {
        client_conclude_unanswered(call->outcome);
        return;
    }
    if (call->outcome->sealed)
        client_converse_sealed(call, fd);
    else
        client_converse(fd, client_line(call->outcome), NULL, call->question, call->deadline,
                call->outcome);
    pthread_mutex_lock(&client->lock);
    call_release(call, attempt->which);
    client_note(call);
    pthread_mutex_unlock(&client->lock);
    /* From here on it is an index of the discovery's servers. */
    attempt->which = call->servers[attempt->which];
}

/* The operator named it: the DNS and the list of addresses that may be asked do not matter. */
static bool client_use_peer(struct call *call, const struct peer *peer)
{
    struct discovery_answer *discovery = &call->outcome->discovery;

    *discovery = (struct discovery_answer){.result = DISCOVERY_FOUND, .count = 1};
    discovery->servers[0].endpoint = peer->endpoint;
    memcpy(discovery->domain, peer->domain, sizeof discovery->domain);
    call->outcome->secure = false;
    call->outcome->is_peer = true;
    client_choose_channel(call, peer->has_key ? peer->key : NULL, true);
    return true;
}

static void client_find(struct call *call)
{
    struct discovery *discovery = call->client->discovery;
    struct discovery_answer *answer = &call->outcome->discovery;

    atomic_fetch_add(&call->client->counts->discoveries, 1);
    /* What was said once stands, or the message would have no digest to ask with. */
    if (call->early != NULL && call->early->is_none)
        *answer = call->early->discovery;
    else if (call->peer_above != NULL)
        discovery_find_exactly(
                discovery, call->claim.domain, call->claim.network, call->deadline, answer);
    else
        discovery_find(discovery, call->claim.domain, call->claim.network, call->deadline, answer);
    atomic_fetch_sub(&call->client->counts->discoveries, 1);
    call->outcome->secure = answer->secure;
    call->outcome->defer = answer->policy.defer;
    client_choose_channel(
            call, answer->policy.has_key ? answer->policy.key : NULL, answer->policy_secure);
}

/* Whether there is a service to ask. */
static bool client_discover(struct call *call)
{
    struct client_outcome *outcome = call->outcome;

    if (call->peer != NULL)
        return client_use_peer(call, call->peer);
    client_find(call);
    switch (outcome->discovery.result) {
    case DISCOVERY_NONE:
        if (call->peer_above != NULL)
            return client_use_peer(call, call->peer_above);
        call_conclude(outcome, VERDICT_NONE, CLIENT_NO_SERVICE);
        return false;
    case DISCOVERY_ERROR:
        outcome->is_peer = call->peer_above != NULL;
        call_conclude(outcome, VERDICT_TEMPERROR, CLIENT_DNS);
        return false;
    case DISCOVERY_SHORTAGE:
        call_conclude(outcome, VERDICT_TEMPERROR, CLIENT_SHORTAGE);
        return false;
    case DISCOVERY_FOUND:
        break;
    }
    for (size_t i = 0; i < outcome->discovery.count; i++)
        outcome->acl_results[i] =
                target_acl_check(&call->policy->acl, &outcome->discovery.servers[i].endpoint);
    return true;
}

/* Formats the question; until there is more, the outcome is CLIENT_FAILURE. */
static bool client_format(const struct question *question, struct client_outcome *outcome_r)
{
    struct writer line = writer_of(outcome_r->line, sizeof outcome_r->line);

    *outcome_r = (struct client_outcome){.verdict = VERDICT_TEMPERROR, .step = CLIENT_FAILURE};
    if (!question_format(question, &line))
        return false;
    outcome_r->line_len = writer_text(&line).len;
    return true;
}

static void client_run(struct call *call)
{
    struct client *client = call->client;

    pthread_mutex_lock(&client->lock);
    const bool go_on = !client_use_cache(call) && client_take_domain(call);
    pthread_mutex_unlock(&client->lock);
    if (!go_on)
        return;
    const bool found = client_discover(call);
    pthread_mutex_lock(&client->lock);
    const bool chosen = found && call_choose_servers(call);
    if (!chosen)
        budget_give_back(client->budget, &call->claim);
    pthread_mutex_unlock(&client->lock);
    if (!chosen)
        return;
    client_ask_servers(call);
    atomic_fetch_add(&client->counts->budget_spent, call->outcome->verdict != VERDICT_YES);
}

/* Who asks. `network`: room for call->claim.network. */
static struct call client_call(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, char network[NETWORK_CLIENT_MAX])
{
    const struct text domain = address_domain(&question->user);

    return (struct call){
            .client = client,
            .policy = policy,
            .question = question,
            .peer = peers_find(&policy->peers, domain),
            .peer_above = peers_find_above(&policy->peers, domain),
            .claim = {.domain = domain,
                    .organization = organization_of(domain),
                    .network = network_of_client(ip, network),
                    .is_stamped = question_is_stamped(question)},
    };
}

void client_ask_begun(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, struct client_early *early,
        struct client_outcome *outcome_r)
{
    const uint64_t began = mono_ms();
    char network[NETWORK_CLIENT_MAX];
    struct call call = client_call(client, policy, question, ip, network);

    call.early = early;
    call.deadline = began + policy->timeout;
    call.outcome = outcome_r;
    if (client_format(question, outcome_r))
        client_run(&call);
    atomic_fetch_add(&client->counts->outcomes[outcome_r->step], 1);
    outcome_r->milliseconds = mono_ms() - began;
}

void client_ask(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, struct client_outcome *outcome_r)
{
    client_ask_begun(client, policy, question, ip, NULL, outcome_r);
}

struct client_early *client_begin(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip)
{
    char network[NETWORK_CLIENT_MAX];
    const struct call call = client_call(client, policy, question, ip, network);
    struct client_early *early = calloc(1, sizeof *early);

    if (early == NULL)
        return NULL;
    pthread_mutex_lock(&client->lock);
    early->is_cached = client_find_cached(&call, &early->cached);
    pthread_mutex_unlock(&client->lock);
    early->is_begun = !early->is_cached && call.peer == NULL && call.peer_above == NULL;
    if (early->is_begun) {
        (void)snprintf(early->domain, sizeof early->domain, "%.*s", (int)call.claim.domain.len,
                call.claim.domain.at);
        discovery_begin(client->discovery, call.claim.domain, call.claim.network);
    }
    return early;
}

bool client_needs_digest(struct client *client, struct client_early *early)
{
    if (early->is_begun && !early->is_none)
        early->is_none =
                discovery_is_none(client->discovery, text_of(early->domain), &early->discovery);
    return !early->is_cached && !early->is_none;
}

void client_forget(struct client_early **early)
{
    free(*early);
    *early = NULL;
}

enum discovery_result client_find_service(struct client *client, const struct client_policy *policy,
        const struct text *domains, size_t count, struct text ip, size_t *which_r)
{
    const uint64_t deadline = mono_ms() + policy->timeout;
    char network[NETWORK_CLIENT_MAX];
    enum discovery_result results[DISCOVERY_LOOKS_MAX];
    enum discovery_result worst = DISCOVERY_NONE;

    for (size_t i = 0; i < count; i++) {
        if (peers_find(&policy->peers, domains[i]) == NULL &&
                peers_find_above(&policy->peers, domains[i]) == NULL)
            continue;
        *which_r = i;
        return DISCOVERY_FOUND;
    }
    for (size_t i = 0; i < count && worst != DISCOVERY_FOUND; i += DISCOVERY_LOOKS_MAX) {
        const size_t left = count - i;
        const size_t looks = left < DISCOVERY_LOOKS_MAX ? left : DISCOVERY_LOOKS_MAX;
        discovery_look_for(client->discovery, domains + i, looks, network_of_client(ip, network),
                deadline, results);
        for (size_t k = 0; k < looks && worst != DISCOVERY_FOUND; k++) {
            if (results[k] != DISCOVERY_FOUND && results[k] <= worst)
                continue;
            worst = results[k];
            *which_r = i + k;
        }
    }
    return worst;
}

void client_ask_at(const struct endpoint *endpoints, size_t count, const struct question *question,
        uint64_t deadline, struct client_outcome *outcome_r)
{
    const uint64_t began = mono_ms();

    if (client_format(question, outcome_r)) {
        const int fd = attempt_connect(endpoints, count, deadline, &outcome_r->attempt);
        if (fd >= 0)
            client_converse(fd, client_line(outcome_r), NULL, question, deadline, outcome_r);
        else
            client_conclude_unanswered(outcome_r);
    }
    outcome_r->milliseconds = mono_ms() - began;
}
