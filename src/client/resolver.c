// SPDX-License-Identifier: ISC
#include "client/resolver.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "client/lru.h"
#include "client/organization.h"
#include "client/places.h"
#include "client/pump.h"
#include "client/resolver_context.h"

#define NXDOMAIN 3
#define FLAGS 2            /* where the header of a message has them (RFC 1035, 4.1.1) */
#define TRUNCATED 2        /* and the one of them that says so */
#define START_TIMEOUT 5000 /* milliseconds for a name that needs no network */
#define PROBE_BEFORE 1500  /* milliseconds before a deadline that is about to pass */
#define REPLACE_PAUSE 1000 /* milliseconds after the second replacement in a row */
#define REPLACE_PAUSE_MAX 60000
#define KEPT_MAX 86400 /* seconds for which an answer is kept */
#define LOOKUPS_MAX ((size_t)3 * RESOLVER_PLACES_MAX)
#define LOOKUP_KEY_MAX (PUMP_NAME_MAX + 1)
#define DESCRIPTORS_PER_PLACE 4 /* half of them for libunbound's sockets */

_Static_assert(RESOLVER_PLACES_MAX * 2 == DISCOVERY_SOCKETS_MAX, "two for each place");

enum lookup_state {
    LOOKUP_NEW,
    LOOKUP_WAITING, /* for a place */
    LOOKUP_PENDING, /* libunbound was asked */
    LOOKUP_DONE,
};

/* A look-up, for all who asked the same at once, and afterwards its answer. */
struct lookup {
    LIST_ENTRY(lookup) entry;
    TAILQ_ENTRY(lookup) queue; /* when it waits for a place */
    enum lookup_state state;
    unsigned holders; /* queries */
    struct place place;
    pthread_cond_t done;
    int error; /* of libunbound */
    struct ub_result *answer;
    uint64_t until; /* mono_ms(): how long the answer is kept */
    enum resolver_type type;
    char name[PUMP_NAME_MAX];
};

struct resolver {
    struct resolver_source *source;
    discovery_on_replaced *on_replaced;
    size_t places_count;
    pthread_mutex_t lock;  /* of all that follows */
    struct ub_ctx *unused; /* the first context, until its pump starts */
    struct pump *pump;
    bool has_lost_pump;
    struct backoff replacing;
    struct lru *lookups; /* by type and name */
    LIST_HEAD(, lookup) all;
    TAILQ_HEAD(, lookup) waiting;
    struct places *places;
};

static size_t resolver_count_places(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
            limit.rlim_cur / DESCRIPTORS_PER_PLACE >= RESOLVER_PLACES_MAX)
        return RESOLVER_PLACES_MAX;
    const size_t count = (size_t)limit.rlim_cur / DESCRIPTORS_PER_PLACE;
    return count > PLACES_SHARE ? count : PLACES_SHARE;
}

struct resolver *resolver_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    snprintf(error_r, DISCOVERY_ERROR_MAX, "out of memory");
    if (resolver == NULL)
        return NULL;
    pthread_mutex_init(&resolver->lock, NULL);
    LIST_INIT(&resolver->all);
    TAILQ_INIT(&resolver->waiting);
    resolver->on_replaced = options->on_replaced;
    resolver->replacing =
            (struct backoff){.first = REPLACE_PAUSE, .max = REPLACE_PAUSE_MAX, .free = 1};
    resolver->places_count = resolver_count_places();
    resolver->places = places_init(resolver->places_count);
    resolver->lookups = lru_init(LOOKUPS_MAX, sizeof(struct lookup));
    if (resolver->places != NULL && resolver->lookups != NULL)
        resolver->source = resolver_source_init(options, error_r);
    if (resolver->source != NULL)
        resolver->unused = resolver_context_make(resolver->source, resolver->places_count, error_r);
    if (resolver->unused == NULL)
        resolver_free(&resolver);
    return resolver;
}

/* The table of look-ups */

static void lookup_clear(struct lookup *lookup)
{
    LIST_REMOVE(lookup, entry);
    pthread_cond_destroy(&lookup->done);
    ub_resolve_free(lookup->answer);
}

/* For lru_make_room(), which drops it then. */
static bool lookup_may_go(void *value, const void *context)
{
    struct lookup *lookup = value;

    (void)context;
    if (lookup->state != LOOKUP_DONE || lookup->holders > 0)
        return false;
    lookup_clear(lookup);
    return true;
}

static void resolver_drop_lookup(struct resolver *resolver, struct lookup *lookup)
{
    lookup_clear(lookup);
    lru_drop(resolver->lookups, lookup);
}

/* Drops it when nobody needs it. */
static void resolver_tidy_lookup(struct resolver *resolver, struct lookup *lookup)
{
    if (lookup->holders > 0 || lookup->state == LOOKUP_PENDING ||
            (lookup->state == LOOKUP_DONE && mono_ms() < lookup->until))
        return;
    if (lookup->state == LOOKUP_WAITING)
        TAILQ_REMOVE(&resolver->waiting, lookup, queue);
    places_give(resolver->places, &lookup->place);
    resolver_drop_lookup(resolver, lookup);
}

static struct text lookup_key(const struct resolver_query *query, char buffer[LOOKUP_KEY_MAX])
{
    struct writer w = writer_of(buffer, LOOKUP_KEY_MAX);

    writer_char(&w, (char)query->type);
    for (const char *at = query->name; *at != '\0'; at++)
        writer_char(&w, text_lower(*at));
    return writer_text(&w);
}

/* The one that there is, or a new one; NULL: no room, or out of memory. */
static struct lookup *resolver_find_lookup(
        struct resolver *resolver, const struct resolver_query *query)
{
    char buffer[LOOKUP_KEY_MAX];
    const struct text key = lookup_key(query, buffer);
    struct lookup *lookup = lru_use(resolver->lookups, key);

    if (lookup != NULL)
        resolver_tidy_lookup(resolver, lookup);
    lookup = lru_find(resolver->lookups, key);
    if (lookup != NULL)
        return lookup;
    if (lru_make_room(resolver->lookups, LOOKUPS_MAX, lookup_may_go, NULL))
        lookup = lru_add(resolver->lookups, key);
    if (lookup == NULL)
        return NULL;
    clock_cond_init(&lookup->done);
    LIST_INSERT_HEAD(&resolver->all, lookup, entry);
    lookup->type = query->type;
    (void)snprintf(lookup->name, sizeof lookup->name, "%s", query->name);
    return lookup;
}

/* For how many seconds an answer holds. What failed is asked again. */
static unsigned lookup_ttl(const struct lookup *lookup)
{
    const struct ub_result *answer = lookup->answer;

    if (lookup->error != 0 || answer == NULL || answer->bogus || answer->ttl <= 0 ||
            (answer->rcode != 0 && answer->rcode != NXDOMAIN))
        return 0;
    return answer->ttl < KEPT_MAX ? (unsigned)answer->ttl : KEPT_MAX;
}

/* The way of a look-up */

/* Takes over `answer`. */
static void resolver_complete(
        struct resolver *resolver, struct lookup *lookup, int error, struct ub_result *answer)
{
    lookup->state = LOOKUP_DONE;
    lookup->error = error;
    lookup->answer = answer;
    lookup->until = mono_ms() + (uint64_t)lookup_ttl(lookup) * 1000;
    places_give(resolver->places, &lookup->place);
    pthread_cond_broadcast(&lookup->done);
    resolver_tidy_lookup(resolver, lookup);
}

static void resolver_serve_waiting(struct resolver *resolver);

static void resolver_on_answer(void *owner, void *lookup, int error, struct ub_result *answer)
{
    resolver_complete(owner, lookup, error, answer);
    resolver_serve_waiting(owner);
}

/* The thread starts with the first query, or before. */
static bool resolver_start_pump(struct resolver *resolver)
{
    if (resolver->pump == NULL) {
        resolver->pump = pump_init(resolver->unused, &resolver->lock, resolver_on_answer, resolver);
        if (resolver->pump != NULL)
            resolver->unused = NULL;
    }
    return resolver->pump != NULL;
}

/* It has its place. */
static void resolver_begin(struct resolver *resolver, struct lookup *lookup)
{
    lookup->state = LOOKUP_PENDING;
    if (!resolver_start_pump(resolver) ||
            !pump_ask(resolver->pump, lookup->name, (int)lookup->type, lookup))
        resolver_complete(resolver, lookup, UB_NOMEM, NULL);
}

/* Gives free places to those that wait for one. */
static void resolver_serve_waiting(struct resolver *resolver)
{
    struct lookup *lookup = TAILQ_FIRST(&resolver->waiting);

    while (lookup != NULL) {
        struct lookup *next = TAILQ_NEXT(lookup, queue);
        if (places_take(resolver->places, &lookup->place)) {
            TAILQ_REMOVE(&resolver->waiting, lookup, queue);
            resolver_begin(resolver, lookup);
        }
        lookup = next;
    }
}

static bool resolver_want_place(struct resolver *resolver, const struct resolver_asker *asker,
        const struct lookup *lookup, struct place *place_r)
{
    const struct text names[PLACES_HOLDERS_MAX] = {
            asker->network, asker->domain, organization_of(text_of(lookup->name))};

    return places_want(resolver->places, names, place_r);
}

/* Begins it, in the name of this asker, as soon as there is a place. False when out of memory. One
 * who waits for a place in another's name may get one sooner in its own. */
static bool resolver_queue(
        struct resolver *resolver, const struct resolver_asker *asker, struct lookup *lookup)
{
    struct place place;

    if (!resolver_want_place(resolver, asker, lookup, &place))
        return lookup->state == LOOKUP_WAITING;
    if (places_take(resolver->places, &place)) {
        if (lookup->state == LOOKUP_WAITING) {
            TAILQ_REMOVE(&resolver->waiting, lookup, queue);
            places_give(resolver->places, &lookup->place);
        }
        lookup->place = place;
        resolver_begin(resolver, lookup);
    } else if (lookup->state == LOOKUP_NEW) {
        lookup->place = place;
        lookup->state = LOOKUP_WAITING;
        TAILQ_INSERT_TAIL(&resolver->waiting, lookup, queue);
    } else {
        places_give(resolver->places, &place);
    }
    return true;
}

/* Finds or begins it, and holds it. NULL: no room, or out of memory. */
static struct lookup *resolver_join(struct resolver *resolver, const struct resolver_asker *asker,
        const struct resolver_query *query)
{
    struct lookup *lookup = resolver_find_lookup(resolver, query);

    if (lookup == NULL)
        return NULL;
    lookup->holders++;
    if ((lookup->state == LOOKUP_NEW || lookup->state == LOOKUP_WAITING) &&
            !resolver_queue(resolver, asker, lookup)) {
        lookup->holders--;
        resolver_tidy_lookup(resolver, lookup);
        return NULL;
    }
    return lookup;
}

/* libunbound that hangs */

/* Another context and thread take over; what hangs is left behind. */
static void resolver_replace_pump(struct resolver *resolver)
{
    char error[DISCOVERY_ERROR_MAX];
    const uint64_t now = mono_ms();

    if (now < resolver->replacing.until)
        return;
    if (now - resolver->replacing.until > REPLACE_PAUSE_MAX)
        backoff_reset(&resolver->replacing);
    (void)backoff_failed(&resolver->replacing, now);
    struct ub_ctx *context = resolver_context_make(resolver->source, resolver->places_count, error);
    if (context == NULL)
        return;
    resolver->has_lost_pump = true;
    resolver->unused = context;
    pump_abandon(&resolver->pump);
    resolver_serve_waiting(resolver);
    if (resolver->on_replaced != NULL)
        resolver->on_replaced(resolver->replacing.failures);
}

/* Waits for an answer. Shortly before the deadline it makes sure that libunbound still answers. */
static void resolver_wait(struct resolver *resolver, struct lookup *lookup, uint64_t deadline)
{
    const uint64_t probe_at = deadline > PROBE_BEFORE ? deadline - PROBE_BEFORE : 0;
    bool is_probed = mono_ms() >= probe_at;

    while (lookup->state != LOOKUP_DONE &&
            (clock_cond_wait(&lookup->done, &resolver->lock, is_probed ? deadline : probe_at) ||
                    !is_probed)) {
        if (is_probed || mono_ms() < probe_at)
            continue;
        is_probed = true;
        if (lookup->state == LOOKUP_PENDING)
            pump_probe(resolver->pump);
    }
}

/* What is too long for a message when libunbound writes it out is handed over as no data. */
static bool lookup_is_cut(const struct ub_result *answer)
{
    const unsigned char *packet = answer->answer_packet;

    return answer->answer_len > FLAGS && (packet[FLAGS] & TRUNCATED) != 0;
}

static enum resolver_result lookup_result(const struct lookup *lookup)
{
    const struct ub_result *answer = lookup->answer;

    if (lookup->state != LOOKUP_DONE)
        return lookup->state == LOOKUP_PENDING ? RESOLVER_LATE : RESOLVER_SHORTAGE;
    if (lookup->error == UB_SYNTAX || lookup->error == UB_SERVFAIL)
        return RESOLVER_FAILED;
    if (lookup->error != 0 || answer == NULL)
        return RESOLVER_SHORTAGE;
    /* First of all: forged data comes with rcode 0, as data. */
    if (answer->bogus)
        return RESOLVER_BOGUS;
    if (lookup_is_cut(answer))
        return RESOLVER_FAILED;
    if (answer->rcode == 0 && answer->havedata)
        return RESOLVER_DATA;
    return answer->rcode == 0 || answer->rcode == NXDOMAIN ? RESOLVER_NO_DATA : RESOLVER_FAILED;
}

static void resolver_read(struct resolver_query *query)
{
    const struct lookup *lookup = query->lookup;

    query->result = lookup_result(lookup);
    query->secure = lookup->answer != NULL && lookup->answer->secure;
    query->answer = query->result == RESOLVER_DATA ? lookup->answer : NULL;
}

static void resolver_collect(struct resolver *resolver, struct resolver_query *query)
{
    /* That libunbound hangs is not the domain's fault. */
    if (query->lookup->state == LOOKUP_PENDING && pump_hangs(resolver->pump)) {
        resolver_replace_pump(resolver);
        query->result = RESOLVER_SHORTAGE;
        return;
    }
    resolver_read(query);
}

static void resolver_join_all(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        queries[i].result = RESOLVER_SHORTAGE;
        queries[i].secure = false;
        queries[i].answer = NULL;
        queries[i].lookup = resolver_join(resolver, asker, &queries[i]);
    }
}

void resolver_hold(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count)
{
    pthread_mutex_lock(&resolver->lock);
    resolver_join_all(resolver, asker, queries, count);
    pthread_mutex_unlock(&resolver->lock);
}

/* Lets go of the answers, with the lock. */
static void resolver_let_go(struct resolver *resolver, struct resolver_query *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lookup *lookup = queries[i].lookup;
        queries[i].lookup = NULL;
        queries[i].answer = NULL;
        if (lookup == NULL)
            continue;
        lookup->holders--;
        resolver_tidy_lookup(resolver, lookup);
    }
}

void resolver_prefetch(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count)
{
    pthread_mutex_lock(&resolver->lock);
    resolver_join_all(resolver, asker, queries, count);
    resolver_let_go(resolver, queries, count);
    pthread_mutex_unlock(&resolver->lock);
}

void resolver_peek(struct resolver *resolver, struct resolver_query *query)
{
    char buffer[LOOKUP_KEY_MAX];

    query->result = RESOLVER_LATE;
    pthread_mutex_lock(&resolver->lock);
    query->lookup = lru_find(resolver->lookups, lookup_key(query, buffer));
    if (query->lookup != NULL && query->lookup->state == LOOKUP_DONE &&
            mono_ms() < query->lookup->until) {
        query->lookup->holders++;
        resolver_read(query);
    } else {
        query->lookup = NULL;
    }
    pthread_mutex_unlock(&resolver->lock);
}

void resolver_await(
        struct resolver *resolver, struct resolver_query *queries, size_t count, uint64_t deadline)
{
    pthread_mutex_lock(&resolver->lock);
    for (size_t i = 0; i < count; i++) {
        if (queries[i].lookup == NULL)
            continue;
        resolver_wait(resolver, queries[i].lookup, deadline);
        resolver_collect(resolver, &queries[i]);
    }
    pthread_mutex_unlock(&resolver->lock);
}

void resolver_ask(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count, uint64_t deadline)
{
    resolver_hold(resolver, asker, queries, count);
    resolver_await(resolver, queries, count, deadline);
}

void resolver_release(struct resolver *resolver, struct resolver_query *queries, size_t count)
{
    pthread_mutex_lock(&resolver->lock);
    resolver_let_go(resolver, queries, count);
    pthread_mutex_unlock(&resolver->lock);
}

/* The start and the end */

bool resolver_start(struct resolver *resolver)
{
    const uint64_t deadline = mono_ms() + START_TIMEOUT;
    const struct resolver_asker nobody = {{"", 0}, {"", 0}};
    struct resolver_query query = {.name = "localhost", .type = RESOLVER_A};

    resolver_ask(resolver, &nobody, &query, 1, deadline);
    const enum resolver_result result = query.result;
    resolver_release(resolver, &query, 1);
    errno = result == RESOLVER_LATE ? ETIMEDOUT : ENOMEM;
    return result == RESOLVER_DATA;
}

void resolver_free(struct resolver **resolver)
{
    struct resolver *r = *resolver;
    struct lookup *lookup;

    if (r == NULL)
        return;
    *resolver = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->pump != NULL)
        r->has_lost_pump = !pump_free(&r->pump) || r->has_lost_pump;
    while ((lookup = LIST_FIRST(&r->all)) != NULL)
        resolver_drop_lookup(r, lookup);
    pthread_mutex_unlock(&r->lock);
    lru_free(&r->lookups);
    places_free(&r->places);
    resolver_source_free(&r->source);
    if (r->unused != NULL)
        ub_ctx_delete(r->unused);
    /* A thread that was left behind may still take the lock. */
    if (r->has_lost_pump)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}
