// SPDX-License-Identifier: ISC
#include "client/resolver.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ROOT_ANCHOR "/usr/share/dns/root.key" /* Debian's dns-root-data */
#define RESOLV_CONF "/etc/resolv.conf"
#define CLASS_IN 1
#define NXDOMAIN 3
#define FLAGS 2          /* where the header of a message has them (RFC 1035, 4.1.1) */
#define TRUNCATED 2      /* and the one of them that says so */
#define WAITING_MAX 1024 /* some 10 KiB each in libunbound */
#define START_LIMIT 5000 /* milliseconds for a name that needs no network */

struct resolver {
    struct ub_ctx *context;
    pthread_t pump;
    bool pumping;
    int stop;             /* an eventfd */
    pthread_mutex_t lock; /* of `pumping` while it is started, and of: */
    unsigned waiting; /* queries that libunbound goes on with, also those that the caller gave up */
    LIST_HEAD(, group) groups;
};

/* Questions that were asked together. It belongs to the one who waits and to each question that may
 * still be answered; the last to let go frees it. Its lock is taken before the resolver's. */
struct group {
    LIST_ENTRY(group) entry;
    struct resolver *resolver;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned holders;
    size_t open; /* not answered yet */
    struct member {
        struct group *group;
        bool refused; /* too many wait already */
        bool asked;
        bool done;
        int error;
        struct ub_result *answer;
    } members[RESOLVER_QUERIES_MAX];
};

/* Settings of one process that asks about mail: small caches, no word on standard error. */
static const char *const settings[][2] = {
        {"verbosity:", "0"},
        {"msg-cache-size:", "4m"},
        {"rrset-cache-size:", "8m"},
        {"key-cache-size:", "2m"},
        {"neg-cache-size:", "1m"},
        {"outgoing-range:", "256"},
        {"num-queries-per-thread:", "512"},
        {"use-caps-for-id:", "no"},
        /* That a name server was down is known for so long: it would be left alone for up to 15
         * minutes after its return, and all mail pass unchecked for want of an answer. */
        {"infra-host-ttl:", "10"},
};

static bool resolver_set(struct ub_ctx *context, const char *name, const char *value)
{
    return ub_ctx_set_option(context, name, value) == 0;
}

static bool resolver_configure(struct ub_ctx *context)
{
    bool ok = ub_ctx_async(context, 1) == 0 && ub_ctx_debugout(context, NULL) == 0;

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        ok = resolver_set(context, settings[i][0], settings[i][1]) && ok;
    return ok;
}

/* The resolver that it asks; without one it asks the root's name servers itself. */
static bool resolver_choose_upstream(
        struct ub_ctx *context, const char *address, char error_r[DISCOVERY_ERROR_MAX])
{
    const int error = address != NULL ? ub_ctx_set_fwd(context, address)
                                      : ub_ctx_resolvconf(context, RESOLV_CONF);

    /* Without a resolver it asks the name servers of the root; then no server that a stranger
     * names may be on this machine. */
    if (address == NULL && error == UB_READFILE)
        return true;
    if (error == 0)
        return resolver_set(context, "do-not-query-localhost:", "no");
    snprintf(error_r, DISCOVERY_ERROR_MAX, "%s: expected %s",
            address != NULL ? "resolver" : RESOLV_CONF,
            address != NULL ? "ADDRESS or ADDRESS@PORT" : "addresses of name servers");
    return false;
}

static bool resolver_add_anchors(struct ub_ctx *context, const struct discovery_options *options)
{
    for (size_t i = 0; i < options->trust_anchors_count; i++)
        if (ub_ctx_add_ta(context, options->trust_anchors[i]) != 0)
            return false;
    if (options->trust_anchors == NULL && access(ROOT_ANCHOR, R_OK) == 0)
        return ub_ctx_add_ta_file(context, ROOT_ANCHOR) == 0;
    return true;
}

/* Reads the files and ends the settings. libunbound knows zones of its own, as `test.`: a resolver
 * that was named may know them better. */
static bool resolver_finish(struct ub_ctx *context, bool named)
{
    static const char *const zones[] = {"test.", "home.arpa."};
    int error = ub_ctx_zone_add(context, "resolver.invalid.", "static");

    for (size_t i = 0; named && error == 0 && i < sizeof zones / sizeof *zones; i++)
        error = ub_ctx_zone_add(context, zones[i], "transparent");
    return error == 0;
}

/* libunbound reads them when it finishes, and does not say which one it refused: each alone. */
static bool resolver_is_anchor(const char *record)
{
    struct ub_ctx *context = ub_ctx_create();
    const bool good = context != NULL && ub_ctx_debugout(context, NULL) == 0 &&
                      ub_ctx_add_ta(context, record) == 0 && resolver_finish(context, false);

    if (context != NULL)
        ub_ctx_delete(context);
    return good;
}

static void resolver_explain(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    if (options->trust_anchors == NULL) {
        snprintf(error_r, DISCOVERY_ERROR_MAX,
                "the resolver cannot be set up; is %s as it should be?", ROOT_ANCHOR);
        return;
    }
    for (size_t i = 0; i < options->trust_anchors_count; i++) {
        if (!resolver_is_anchor(options->trust_anchors[i])) {
            snprintf(error_r, DISCOVERY_ERROR_MAX, "trust anchor %zu is no DS or DNSKEY record",
                    i + 1);
            return;
        }
    }
}

static bool resolver_complete(struct ub_ctx *context, const struct discovery_options *options,
        char error_r[DISCOVERY_ERROR_MAX])
{
    if (resolver_add_anchors(context, options) &&
            resolver_finish(context, options->resolver != NULL))
        return true;
    resolver_explain(options, error_r);
    return false;
}

struct resolver *resolver_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    snprintf(error_r, DISCOVERY_ERROR_MAX, "the resolver cannot be set up");
    if (resolver == NULL)
        return NULL;
    pthread_mutex_init(&resolver->lock, NULL);
    resolver->stop = eventfd(0, EFD_CLOEXEC);
    resolver->context = ub_ctx_create();
    if (resolver->stop < 0 || resolver->context == NULL || !resolver_configure(resolver->context) ||
            !resolver_choose_upstream(resolver->context, options->resolver, error_r) ||
            !resolver_complete(resolver->context, options, error_r))
        resolver_free(&resolver);
    return resolver;
}

static void *resolver_run_pump(void *context)
{
    const struct resolver *resolver = context;
    struct pollfd polled[] = {
            {.fd = ub_fd(resolver->context), .events = POLLIN},
            {.fd = resolver->stop, .events = POLLIN},
    };

    while (polled[1].revents == 0) {
        if (poll(polled, 2, -1) > 0 && polled[0].revents != 0)
            (void)ub_process(resolver->context);
    }
    return NULL;
}

/* Once; the threads start with the first question, or before. */
static bool resolver_start_pump(struct resolver *resolver)
{
    int error = 0;

    pthread_mutex_lock(&resolver->lock);
    if (!resolver->pumping)
        error = pthread_create(&resolver->pump, NULL, resolver_run_pump, resolver);
    resolver->pumping = error == 0;
    pthread_mutex_unlock(&resolver->lock);
    errno = error;
    return error == 0;
}

bool resolver_start(struct resolver *resolver)
{
    /* libunbound makes its own thread at the first question; the answer to this one it knows. */
    struct resolver_query query = {.name = "localhost", .type = RESOLVER_A};

    resolver_ask(resolver, &query, 1, mono_ms() + START_LIMIT);
    ub_resolve_free(query.answer);
    if (query.result == RESOLVER_LATE)
        errno = ETIMEDOUT;
    return query.result == RESOLVER_DATA;
}

static void resolver_group_free(struct group *group)
{
    for (size_t i = 0; i < RESOLVER_QUERIES_MAX; i++)
        ub_resolve_free(group->members[i].answer);
    pthread_cond_destroy(&group->answered);
    pthread_mutex_destroy(&group->lock);
    free(group);
}

/* Those whose questions were never answered. */
static void resolver_free_groups(struct resolver *resolver)
{
    struct group *group;

    while ((group = LIST_FIRST(&resolver->groups)) != NULL) {
        LIST_REMOVE(group, entry);
        resolver_group_free(group);
    }
}

void resolver_free(struct resolver **resolver)
{
    struct resolver *r = *resolver;

    if (r == NULL)
        return;
    if (r->pumping) {
        (void)eventfd_write(r->stop, 1);
        pthread_join(r->pump, NULL);
    }
    if (r->context != NULL)
        ub_ctx_delete(r->context);
    resolver_free_groups(r);
    if (r->stop >= 0)
        close(r->stop);
    pthread_mutex_destroy(&r->lock);
    free(r);
    *resolver = NULL;
}

static struct group *resolver_group_init(struct resolver *resolver)
{
    struct group *group = calloc(1, sizeof *group);
    pthread_condattr_t monotonic;

    if (group == NULL)
        return NULL;
    pthread_mutex_init(&group->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&group->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    group->holders = 1;
    group->resolver = resolver;
    pthread_mutex_lock(&resolver->lock);
    LIST_INSERT_HEAD(&resolver->groups, group, entry);
    pthread_mutex_unlock(&resolver->lock);
    return group;
}

/* Unlocks it. */
static void resolver_let_go(struct group *group)
{
    const bool last = --group->holders == 0;

    pthread_mutex_unlock(&group->lock);
    if (!last)
        return;
    pthread_mutex_lock(&group->resolver->lock);
    LIST_REMOVE(group, entry);
    pthread_mutex_unlock(&group->resolver->lock);
    resolver_group_free(group);
}

/* libunbound's answer to a cancelled question would not be told, and so neither when it is through
 * with it: none is cancelled, and their number has a limit. */
static bool resolver_take_place(struct resolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
    const bool free_place = resolver->waiting < WAITING_MAX;
    resolver->waiting += free_place;
    pthread_mutex_unlock(&resolver->lock);
    return free_place;
}

static void give_place(struct resolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
    resolver->waiting--;
    pthread_mutex_unlock(&resolver->lock);
}

static void resolver_on_answer(void *context, int error, struct ub_result *answer)
{
    struct member *member = context;
    struct group *group = member->group;

    give_place(group->resolver);
    pthread_mutex_lock(&group->lock);
    member->done = true;
    member->error = error;
    member->answer = answer;
    group->open--;
    pthread_cond_signal(&group->answered);
    resolver_let_go(group);
}

static void resolver_submit(
        struct group *group, struct member *member, const struct resolver_query *query)
{
    struct resolver *resolver = group->resolver;

    member->group = group;
    member->refused = !resolver_take_place(resolver);
    if (member->refused)
        return;
    /* The answer may come before this returns: it waits for the lock. */
    member->asked = ub_resolve_async(resolver->context, query->name, (int)query->type, CLASS_IN,
                            member, resolver_on_answer, NULL) == 0;
    group->holders += member->asked;
    group->open += member->asked;
    if (!member->asked)
        give_place(resolver);
}

static void resolver_wait_for_answers(struct group *group, uint64_t deadline)
{
    const struct timespec until = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};
    int error = 0;

    while (group->open > 0 && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&group->answered, &group->lock, &until);
}

/* What is too long for a message when libunbound writes it out is handed over as no data. */
static bool is_cut(const struct ub_result *answer)
{
    const unsigned char *packet = answer->answer_packet;

    return answer->answer_len > FLAGS && (packet[FLAGS] & TRUNCATED) != 0;
}

static enum resolver_result resolver_judge(const struct member *member)
{
    const struct ub_result *answer = member->answer;

    if (member->refused || !member->asked)
        return RESOLVER_SHORTAGE;
    if (!member->done)
        return RESOLVER_LATE;
    if (member->error == UB_NOMEM)
        return RESOLVER_SHORTAGE;
    if (member->error != 0 || answer == NULL)
        return RESOLVER_FAILED;
    /* First of all: forged data comes with rcode 0, as data. */
    if (answer->bogus)
        return RESOLVER_BOGUS;
    if (is_cut(answer))
        return RESOLVER_FAILED;
    if (answer->rcode == 0 && answer->havedata)
        return RESOLVER_DATA;
    return answer->rcode == 0 || answer->rcode == NXDOMAIN ? RESOLVER_NO_DATA : RESOLVER_FAILED;
}

static void resolver_collect(struct group *group, struct resolver_query *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct member *member = &group->members[i];
        queries[i].result = resolver_judge(member);
        queries[i].secure = member->answer != NULL && member->answer->secure;
        if (queries[i].result == RESOLVER_DATA) {
            queries[i].answer = member->answer;
            member->answer = NULL;
        }
    }
}

/* Signals are not for the threads that are made here: where one waits for them in a thread of its
 * own, as libmilter does, that one must get them. libunbound makes its thread at the first
 * question. */
static bool resolver_submit_all(
        struct group *group, const struct resolver_query *queries, size_t count)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = resolver_start_pump(group->resolver);
    for (size_t i = 0; started && i < count; i++)
        resolver_submit(group, &group->members[i], &queries[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void resolver_ask(
        struct resolver *resolver, struct resolver_query *queries, size_t count, uint64_t deadline)
{
    struct group *group = resolver_group_init(resolver);

    for (size_t i = 0; i < count; i++) {
        queries[i].result = RESOLVER_SHORTAGE;
        queries[i].answer = NULL;
    }
    if (group == NULL)
        return;
    pthread_mutex_lock(&group->lock);
    if (resolver_submit_all(group, queries, count)) {
        resolver_wait_for_answers(group, deadline);
        resolver_collect(group, queries, count);
    }
    resolver_let_go(group);
}
