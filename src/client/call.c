// SPDX-License-Identifier: ISC
#include "client/call.h"

#include "base/clock.h"

#define TIMEOUT 1000    /* milliseconds in which a service that works has answered */
#define SLOW_PERCENT 80 /* of the time that there is for a question */

void call_conclude(struct client_outcome *outcome, enum verdict verdict, enum client_step step)
{
    outcome->verdict = verdict;
    outcome->step = step;
}

/* Takes a question at the endpoint's machine, whatever the port. No stranger can make a peer of a
 * machine: it owes nothing. */
static enum budget_result call_take_machine(struct call *call, const struct endpoint *endpoint)
{
    unsigned char octets[TARGET_ACL_MACHINE_MAX];

    if (call->outcome->is_peer)
        return BUDGET_RESERVED;
    const size_t len = target_acl_machine(endpoint, octets);

    return budget_take_machine(call->client->budget, &call->claim,
            (struct text){(const char *)octets, len}, call->policy->budget_per_address,
            call->policy->budget_per_domain, mono_ms());
}

void call_give_back_machine(struct call *call, size_t i)
{
    unsigned char octets[TARGET_ACL_MACHINE_MAX];
    const size_t len = target_acl_machine(&call->endpoints[i], octets);

    if (call->charged[i])
        budget_give_back_machine(
                call->client->budget, &call->claim, (struct text){(const char *)octets, len});
    call->charged[i] = false;
}

/* Why servers are not asked. */
struct obstacles {
    bool lacking; /* a socket */
    bool resting;
    bool full;
    bool spent;
};

static void call_choose(struct call *call, size_t i, struct obstacles *obstacles)
{
    const struct endpoint *endpoint = &call->outcome->discovery.servers[i].endpoint;

    if (call->outcome->acl_results[i] != TARGET_ACL_OK) {
        obstacles->lacking =
                obstacles->lacking || call->outcome->acl_results[i] == TARGET_ACL_SHORTAGE;
        return;
    }
    switch (circuit_breaker_enter(call->client->breaker, endpoint, mono_ms())) {
    case CIRCUIT_BREAKER_REST_NOW:
        obstacles->resting = true;
        return;
    case CIRCUIT_BREAKER_FULL:
        obstacles->full = true;
        return;
    case CIRCUIT_BREAKER_GO:
        break;
    }
    const enum budget_result taken = call_take_machine(call, endpoint);
    if (taken == BUDGET_SPENT) {
        circuit_breaker_done(call->client->breaker, endpoint, false, false, mono_ms());
        obstacles->spent = true;
        return;
    }
    call->servers[call->count] = i;
    call->charged[call->count] = taken == BUDGET_TAKEN;
    call->endpoints[call->count++] = *endpoint;
}

/* False when the deadline has passed. */
static bool call_wait_for_connection(struct call *call)
{
    return clock_cond_wait(&call->client->freed, &call->client->lock, call->deadline);
}

bool call_choose_servers(struct call *call)
{
    const struct discovery_answer *discovery = &call->outcome->discovery;
    struct obstacles obstacles;
    bool again = true;

    while (again) {
        obstacles = (struct obstacles){0};
        for (size_t i = 0; i < discovery->count; i++)
            call_choose(call, i, &obstacles);
        again = call->count == 0 && obstacles.full && call_wait_for_connection(call);
    }
    if (call->count > 0)
        return true;
    if (obstacles.spent)
        call_conclude(call->outcome, VERDICT_TEMPERROR, CLIENT_BUDGET);
    else if (obstacles.full || obstacles.lacking)
        call_conclude(call->outcome, VERDICT_TEMPERROR, CLIENT_SHORTAGE);
    else if (obstacles.resting)
        call_conclude(call->outcome, VERDICT_TEMPERROR, CLIENT_RESTING);
    else
        call_conclude(call->outcome, VERDICT_TEMPERROR, CLIENT_FORBIDDEN);
    return false;
}

/* Whether a silent or slow address had enough time. Otherwise a stranger could keep us from
 * another's service: slow name servers use up our time, and then name that service. */
static bool call_gave_time(const struct call *call, const struct attempt_address *address)
{
    const uint64_t half = call->policy->timeout / 2;

    return address->time_ms >= (half < TIMEOUT ? half : TIMEOUT);
}

/* Whether the answer took so long that the service is as good as down. */
static bool call_was_slow(const struct call *call, const struct attempt_address *address)
{
    const uint64_t now = mono_ms();
    const uint64_t left = now < call->deadline ? call->deadline - now : 0;

    return call->outcome->attempt.result == ATTEMPT_ANSWERED && address->time_ms > left &&
           address->time_ms - left > call->policy->timeout * SLOW_PERCENT / 100;
}

/* Whether the address is to blame. A peer that refuses costs no time, and is back in a moment. */
static bool call_is_at_fault(const struct call *call, const struct attempt_address *address)
{
    return (address->state == ATTEMPT_REFUSED && !call->outcome->is_peer) ||
           (address->state == ATTEMPT_SILENT && call_gave_time(call, address)) ||
           (address->state == ATTEMPT_SPOKE && call_was_slow(call, address));
}

void call_release(struct call *call, size_t i)
{
    const struct attempt *attempt = &call->outcome->attempt;
    const struct attempt_address *address = &attempt->addresses[i];
    const bool failed = call_is_at_fault(call, address);

    circuit_breaker_done(call->client->breaker, &call->endpoints[i],
            failed || address->state == ATTEMPT_SPOKE, failed, mono_ms());
    const struct circuit_breaker_counts counts = circuit_breaker_counts(call->client->breaker);
    atomic_store(&call->client->counts->breaker_tripped, counts.tripped);
    atomic_store(&call->client->counts->breaker_open, counts.open);
    if (!attempt->connected || i != attempt->which)
        call_give_back_machine(call, i);
    pthread_cond_broadcast(&call->client->freed);
}

void call_release_others(struct call *call)
{
    const struct attempt *attempt = &call->outcome->attempt;

    for (size_t i = 0; i < call->count; i++)
        if (!attempt->connected || i != attempt->which)
            call_release(call, i);
}
