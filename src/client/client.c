// SPDX-License-Identifier: ISC
#include "client/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/budget.h"
#include "client/cache.h"
#include "client/circuit_breaker.h"
#include "protocol/question.h"

#define NO_STAMP "-" /* instead of a payload */

#define ANSWERS_MAX 20000 /* about 700 octets each */
#define DOMAINS_MAX 50000 /* about 150 octets each, for stamped and for unstamped mail */
#define ADDRESSES_MAX 20000
#define PLACES_MAX 10000 /* about 200 octets each */
#define TIMEOUT 1000     /* milliseconds in which a service that is there has answered */

/* Budgets are for mail with a stamp and for mail without apart: who floods without stamps spends
 * nothing of those who have one. */
enum kind { UNSTAMPED, STAMPED, KINDS };

struct client {
    struct discovery *discovery;
    pthread_mutex_t lock; /* of all that follows; never held while waiting for the network */
    pthread_cond_t freed; /* a connection has ended */
    struct cache *cache;
    struct budget *domains[KINDS];
    struct budget *addresses[KINDS];
    struct circuit_breaker *breaker;
};

/* One question on its way. */
struct inquest {
    struct client *client;
    const struct client_policy *policy;
    const struct client_question *question;
    enum kind kind;
    uint64_t deadline;
    size_t servers[DISCOVERY_ADDRESSES_MAX]; /* that are to be asked: indices of the discovery's */
    struct endpoint endpoints[DISCOVERY_ADDRESSES_MAX];
    size_t count;
    struct client_outcome *outcome;
};

static bool make_parts(struct client *client)
{
    client->cache = cache_init(ANSWERS_MAX);
    client->breaker = circuit_breaker_init(PLACES_MAX);
    bool good = client->cache != NULL && client->breaker != NULL;
    for (size_t i = 0; i < KINDS; i++) {
        client->domains[i] = budget_init(DOMAINS_MAX);
        client->addresses[i] = budget_init(ADDRESSES_MAX);
        good = good && client->domains[i] != NULL && client->addresses[i] != NULL;
    }
    return good;
}

struct client *client_init(struct discovery *discovery)
{
    struct client *client = calloc(1, sizeof *client);
    pthread_condattr_t monotonic;

    if (client == NULL)
        return NULL;
    client->discovery = discovery;
    pthread_mutex_init(&client->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&client->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!make_parts(client))
        client_free(&client);
    return client;
}

void client_free(struct client **client)
{
    struct client *c = *client;

    if (c == NULL)
        return;
    cache_free(&c->cache);
    circuit_breaker_free(&c->breaker);
    for (size_t i = 0; i < KINDS; i++) {
        budget_free(&c->domains[i]);
        budget_free(&c->addresses[i]);
    }
    pthread_cond_destroy(&c->freed);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *client = NULL;
}

static void end_with(struct inquest *inquest, enum verdict verdict, enum client_step step)
{
    inquest->outcome->verdict = verdict;
    inquest->outcome->step = step;
}

/* Whether there is no answer at hand. */
static bool look_into_cache(struct inquest *inquest)
{
    struct cached cached;

    if (inquest->kind == STAMPED ||
            !cache_get(inquest->client->cache, inquest->question->author, mono_ms(), &cached))
        return true;
    end_with(inquest, cached.answer.verdict, CLIENT_CACHED);
    inquest->outcome->reason = cached.answer.reason;
    inquest->outcome->secure = cached.secure;
    return false;
}

static struct text client_domain_of(const struct inquest *inquest)
{
    return address_domain(inquest->question->author);
}

static bool client_take_domain(struct inquest *inquest)
{
    if (budget_take(inquest->client->domains[inquest->kind], client_domain_of(inquest),
                inquest->policy->budget_per_domain, mono_ms()))
        return true;
    end_with(inquest, VERDICT_TEMPERROR, CLIENT_BUDGET);
    return false;
}

/* What is flooded is a machine, at whatever port. */
static void give_back_address(struct inquest *inquest, size_t i)
{
    unsigned char octets[TARGET_ACL_MACHINE_MAX];
    const size_t len = target_acl_machine(&inquest->endpoints[i], octets);

    budget_give_back(
            inquest->client->addresses[inquest->kind], (struct text){(const char *)octets, len});
}

static bool has_address_budget(struct inquest *inquest, const struct endpoint *endpoint)
{
    unsigned char octets[TARGET_ACL_MACHINE_MAX];
    const size_t len = target_acl_machine(endpoint, octets);

    return budget_take(inquest->client->addresses[inquest->kind],
            (struct text){(const char *)octets, len}, inquest->policy->budget_per_address,
            mono_ms());
}

/* What kept places from being asked. */
struct obstacles {
    bool forbidden;
    bool resting;
    bool full;
    bool spent;
};

static void client_choose(struct inquest *inquest, size_t i, struct obstacles *obstacles)
{
    const struct endpoint *endpoint = &inquest->outcome->discovery.servers[i].endpoint;

    if (inquest->outcome->reached[i] != TARGET_ACL_OK) {
        obstacles->forbidden = true;
        return;
    }
    switch (circuit_breaker_enter(inquest->client->breaker, endpoint, mono_ms())) {
    case CIRCUIT_BREAKER_REST_NOW:
        obstacles->resting = true;
        return;
    case CIRCUIT_BREAKER_FULL:
        obstacles->full = true;
        return;
    case CIRCUIT_BREAKER_GO:
        break;
    }
    if (!has_address_budget(inquest, endpoint)) {
        circuit_breaker_done(inquest->client->breaker, endpoint, false, false, mono_ms());
        obstacles->spent = true;
        return;
    }
    inquest->servers[inquest->count] = i;
    inquest->endpoints[inquest->count++] = *endpoint;
}

static bool wait_for_place(struct inquest *inquest)
{
    const struct timespec until = {
            (time_t)(inquest->deadline / 1000), (long)(inquest->deadline % 1000) * 1000000};

    return pthread_cond_timedwait(&inquest->client->freed, &inquest->client->lock, &until) !=
           ETIMEDOUT;
}

/* Which of the servers are asked; false when none is. */
static bool choose_places(struct inquest *inquest)
{
    const struct discovery_answer *discovery = &inquest->outcome->discovery;
    struct obstacles obstacles;
    bool again = true;

    while (again) {
        obstacles = (struct obstacles){0};
        for (size_t i = 0; i < discovery->count; i++)
            client_choose(inquest, i, &obstacles);
        again = inquest->count == 0 && obstacles.full && wait_for_place(inquest);
    }
    if (inquest->count > 0)
        return true;
    if (obstacles.spent)
        end_with(inquest, VERDICT_TEMPERROR, CLIENT_BUDGET);
    else if (obstacles.resting || obstacles.full)
        end_with(inquest, VERDICT_TEMPERROR, CLIENT_RESTING);
    else
        end_with(inquest, VERDICT_TEMPERROR, CLIENT_FORBIDDEN);
    return false;
}

static bool write_question(const struct client_question *question, struct writer *w)
{
    const struct question line = {
            .user = *question->author,
            .payload = question->payload.len > 0 ? question->payload : text_of(NO_STAMP),
            .rcpt = question->rcpt,
            .digest = question->digest,
            .ip = question->ip,
    };

    return question_format(&line, w);
}

/* Whether a place is to blame. Who was silent must have had the time to speak: otherwise a
 * stranger, whose slow name servers use up our time and then name the service of another, would
 * make us leave that one alone. */
static bool has_failed(const struct inquest *inquest, const struct asking_attempt *attempt)
{
    const uint64_t half = inquest->policy->timeout / 2;

    return attempt->fate == ASKING_REFUSED ||
           (attempt->fate == ASKING_SILENT &&
                   attempt->patience >= (half < TIMEOUT ? half : TIMEOUT));
}

/* A place is done with: what was learnt of it. */
static void leave(struct inquest *inquest, size_t i)
{
    const struct asking_attempt *attempt = &inquest->outcome->asking.attempts[i];
    const bool failed = has_failed(inquest, attempt);

    circuit_breaker_done(inquest->client->breaker, &inquest->endpoints[i],
            failed || attempt->fate == ASKING_SPOKE, failed, mono_ms());
    if (attempt->fate == ASKING_UNTRIED)
        give_back_address(inquest, i);
    pthread_cond_broadcast(&inquest->client->freed);
}

/* Leaves all places but the one that is asked, at once: it may be slow on purpose. */
static void leave_others(struct inquest *inquest)
{
    const struct asking *asking = &inquest->outcome->asking;

    for (size_t i = 0; i < inquest->count; i++)
        if (!asking->connected || i != asking->which)
            leave(inquest, i);
}

static void give_back_all(struct inquest *inquest)
{
    budget_give_back(inquest->client->domains[inquest->kind], client_domain_of(inquest));
    for (size_t i = 0; i < inquest->count; i++)
        if (inquest->outcome->asking.attempts[i].fate != ASKING_UNTRIED)
            give_back_address(inquest, i);
}

/* What was learnt of the question. */
static void client_note(struct inquest *inquest)
{
    const struct asking *asking = &inquest->outcome->asking;
    const bool yes = inquest->outcome->verdict == VERDICT_YES;

    if (yes)
        give_back_all(inquest);
    else if (inquest->kind == UNSTAMPED && asking->result == ASKING_ANSWERED)
        cache_put(inquest->client->cache, inquest->question->author,
                &(struct cached){asking->answer, inquest->outcome->secure}, mono_ms());
}

static void client_client_ask(struct inquest *inquest, struct text line)
{
    struct client *client = inquest->client;
    struct asking *asking = &inquest->outcome->asking;
    const int fd = asking_connect(inquest->endpoints, inquest->count, inquest->deadline, asking);

    end_with(inquest, VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    pthread_mutex_lock(&client->lock);
    leave_others(inquest);
    pthread_mutex_unlock(&client->lock);
    if (fd < 0)
        return;
    asking_converse(fd, line, inquest->deadline, asking);
    if (asking->result == ASKING_ANSWERED) {
        end_with(inquest, asking->answer.verdict, CLIENT_ANSWERED);
        inquest->outcome->reason = asking->answer.reason;
    }
    pthread_mutex_lock(&client->lock);
    leave(inquest, asking->which);
    client_note(inquest);
    pthread_mutex_unlock(&client->lock);
    /* From here on it counts in the discovery's servers. */
    asking->which = inquest->servers[asking->which];
}

/* Whether there is somebody to ask. */
static bool discover(struct inquest *inquest)
{
    struct client_outcome *outcome = inquest->outcome;

    discovery_find(inquest->client->discovery, client_domain_of(inquest), inquest->deadline,
            &outcome->discovery);
    outcome->secure = outcome->discovery.secure;
    switch (outcome->discovery.result) {
    case DISCOVERY_NONE:
        end_with(inquest, VERDICT_NONE, CLIENT_NO_SERVICE);
        return false;
    case DISCOVERY_ERROR:
        end_with(inquest, VERDICT_TEMPERROR, CLIENT_DNS);
        return false;
    case DISCOVERY_FOUND:
        break;
    }
    for (size_t i = 0; i < outcome->discovery.count; i++)
        outcome->reached[i] =
                target_acl_check(&inquest->policy->reach, &outcome->discovery.servers[i].endpoint);
    return true;
}

static void client_run(struct inquest *inquest)
{
    struct client *client = inquest->client;
    char room[QUESTION_MAX];
    struct writer line = writer_of(room, sizeof room);

    if (!write_question(inquest->question, &line))
        return;
    pthread_mutex_lock(&client->lock);
    const bool go_on = look_into_cache(inquest) && client_take_domain(inquest);
    pthread_mutex_unlock(&client->lock);
    if (!go_on)
        return;
    const bool found = discover(inquest);
    pthread_mutex_lock(&client->lock);
    const bool chosen = found && choose_places(inquest);
    if (!chosen)
        budget_give_back(client->domains[inquest->kind], client_domain_of(inquest));
    pthread_mutex_unlock(&client->lock);
    if (!chosen)
        return;
    client_client_ask(inquest, writer_text(&line));
}

void client_ask(struct client *client, const struct client_policy *policy,
        const struct client_question *question, struct client_outcome *outcome_r)
{
    const uint64_t began = mono_ms();
    const bool stamped =
            question->payload.len > 0 && !text_equal(question->payload, text_of(NO_STAMP));
    struct inquest inquest = {
            .client = client,
            .policy = policy,
            .question = question,
            .kind = stamped ? STAMPED : UNSTAMPED,
            .deadline = began + policy->timeout,
            .outcome = outcome_r,
    };

    *outcome_r = (struct client_outcome){.verdict = VERDICT_TEMPERROR, .step = CLIENT_FAILURE};
    client_run(&inquest);
    outcome_r->milliseconds = mono_ms() - began;
}

const char *client_step_word(enum client_step step)
{
    static const char *const words[] = {
            [CLIENT_ANSWERED] = "answer",
            [CLIENT_CACHED] = "cache",
            [CLIENT_NO_SERVICE] = "no-service",
            [CLIENT_DNS] = "dns",
            [CLIENT_FORBIDDEN] = "forbidden",
            [CLIENT_RESTING] = "resting",
            [CLIENT_NO_ANSWER] = "no-answer",
            [CLIENT_BUDGET] = "budget",
            [CLIENT_FAILURE] = "failure",
    };

    return words[step];
}

static const char *why_forbidden(const struct client_outcome *outcome)
{
    for (size_t i = 0; i < outcome->discovery.count; i++)
        if (outcome->reached[i] != TARGET_ACL_OK)
            return target_acl_result_text(outcome->reached[i]);
    return target_acl_result_text(TARGET_ACL_NETWORK);
}

void client_outcome_text(const struct client_outcome *outcome, char *text_r, size_t size)
{
    switch (outcome->step) {
    case CLIENT_ANSWERED:
        snprintf(text_r, size, "the service answered");
        break;
    case CLIENT_CACHED:
        snprintf(text_r, size, "the service answered so a moment ago");
        break;
    case CLIENT_NO_SERVICE:
        snprintf(text_r, size, "the domain does not use Verimail");
        break;
    case CLIENT_DNS:
        snprintf(text_r, size, "the DNS: %s", outcome->discovery.cause);
        break;
    case CLIENT_FORBIDDEN:
        snprintf(text_r, size, "the service must not be asked: %s", why_forbidden(outcome));
        break;
    case CLIENT_RESTING:
        snprintf(text_r, size, "the service did not answer lately, or is busy with our questions");
        break;
    case CLIENT_NO_ANSWER:
        asking_describe(&outcome->asking, text_r, size);
        break;
    case CLIENT_BUDGET:
        snprintf(text_r, size, "too many questions with another answer than YES");
        break;
    case CLIENT_FAILURE:
        snprintf(text_r, size, "out of memory, or the question does not fit into a line");
        break;
    }
}
