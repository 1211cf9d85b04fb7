// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "replay/backend.h"
#include "replay/redis_cluster.h"
#include "replay/redis_request.h"
#include "replay/redis_slots.h"

#define TRIES_MAX 8       /* of one call: others said that it is not theirs, or not now */
#define AGAIN_AFTER 20    /* milliseconds, when a server says that it is not now */
#define EVENTS_MAX 64     /* of a turn */
#define RENEW_YOUNG 12000 /* milliseconds that a store is kept at least */
#define RENEW_UNIX 1000   /* milliseconds after which a unix socket must be opened anew */
#define RENEW_NAMES 60000 /* and names be looked up */

/* What a server is asked. */
enum what { ASKS_COUNT, ASKS_LEAVE, ASKS_CONFIRMATION };

struct redis {
    struct replay_setup setup;
    struct redis_address address;
    struct redis_link_setup links;
    struct redis_cluster *cluster; /* NULL: it cannot be used */
    int epoll;
    struct redis_request calls;
    uint64_t opened_at;
    uint64_t due;      /* of the cluster */
    uint64_t again_at; /* milliseconds: calls that wait are to be tried; UINT64_MAX: none */
    size_t coming;     /* links that are */
    uint64_t today;
    bool stale;
    uint64_t failures;
    const struct redis_link *troubled; /* whom `why` is about; only compared */
    char why[REPLAY_ERROR_MAX];
};

static const char asking_command[] = "*1\r\n$6\r\nASKING\r\n";
/* One replica, within a second. */
static const char wait_command[] = "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n1000\r\n";

static void redis_finish(struct redis *s, struct rediscall *call, enum replay_count result)
{
    struct count_request *item = call->item;

    if (result != REPLAY_FAILED && call->link == s->troubled)
        s->why[0] = '\0';
    s->failures += result == REPLAY_FAILED;
    redis_request_give(&s->calls, call);
    item->result = result;
    s->setup.done(s->setup.context, item);
}

static void redis_say_why(struct redis *s, const struct redis_link *link, struct text why)
{
    const int len = (int)(why.len < 120 ? why.len : 120);

    s->troubled = link;
    snprintf(s->why, sizeof s->why, "%.100s: %.*s",
            link != NULL ? redis_link_label(link) : s->setup.address, len,
            why.len > 0 ? why.at : "");
    /* It may be the server's own words. */
    for (char *at = s->why; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
}

static void redis_fail(
        struct redis *s, struct rediscall *call, const struct redis_link *link, const char *why)
{
    redis_say_why(s, link, text_of(why));
    redis_finish(s, call, REPLAY_FAILED);
}

/* ASKING holds for the one command that follows it. */
static bool redis_ask(
        struct redis *s, struct rediscall *call, struct redis_link *link, uint64_t now)
{
    char *command = NULL;
    size_t len = 0;

    if (!script_write(call->item, !call->by_text, s->today, &command, &len))
        return false;
    const bool asked =
            (!call->by_ask ||
                    redis_link_ask(link, ASKS_LEAVE, NULL, text_of(asking_command), NULL, now)) &&
            redis_link_ask(link, ASKS_COUNT, call, (struct text){command, len}, &call->ticket, now);
    redisFreeCommand(command);
    if (!asked)
        return false;
    call->stage = REDISCALL_ASKED;
    call->link = link;
    call->confirm = redis_link_info(link)->replicas > 0;
    if (call->confirm)
        redis_link_set_mark(link, true);
    return true;
}

/* Asks whom it concerns, or lets it wait for him. */
static void dispatch(struct redis *s, struct rediscall *call, uint64_t now)
{
    struct redis_link *link =
            call->by_ask ? call->link : redis_cluster_route(s->cluster, call->slot);

    call->stage = REDISCALL_WAITS;
    if (link == NULL && redis_cluster_is_coming(s->cluster))
        return;
    if (link == NULL) {
        const struct redis_link *trouble = redis_cluster_trouble(s->cluster);
        redis_cluster_doubt(s->cluster);
        redis_fail(s, call, trouble,
                trouble != NULL ? redis_link_why(trouble)
                                : "no node that can be reached counts in its slot");
        return;
    }
    switch (redis_link_state(link)) {
    case REDIS_LINK_COMING:
        break;
    case REDIS_LINK_READY:
        if (!redis_ask(s, call, link, now))
            redis_fail(s, call, link,
                    "takes no more: it has not answered enough of what it was asked");
        break;
    case REDIS_LINK_DOWN:
        redis_cluster_doubt(s->cluster);
        redis_fail(s, call, link, redis_link_why(link));
        break;
    }
}

/* Those that wait, at the latest then. */
static void try_again_at(struct redis *s, uint64_t when)
{
    if (when < s->again_at)
        s->again_at = when;
}

static void dispatch_again(struct redis *s, uint64_t now)
{
    struct rediscall *next = NULL;

    s->again_at = UINT64_MAX;
    for (struct rediscall *call = s->calls.oldest; call != NULL; call = next) {
        next = call->next;
        if (call->stage == REDISCALL_WAITS)
            dispatch(s, call, now);
    }
}

static bool says(struct text error, const char *code)
{
    const struct text wanted = text_of(code);

    return error.len >= wanted.len && memcmp(error.at, wanted.at, wanted.len) == 0 &&
           (error.len == wanted.len || error.at[wanted.len] == ' ');
}

/* Another one is to be asked. */
static void redirect(struct redis *s, struct rediscall *call,
        const struct redis_redirection *redirection, uint64_t now)
{
    const struct redis_link *from = call->link;
    struct redis_link *link = redis_cluster_follow(s->cluster, from, redirection, now);

    if (link == NULL) {
        redis_fail(s, call, from, "names a node that cannot be found");
        return;
    }
    call->by_ask = redirection->ask;
    call->link = link;
    dispatch(s, call, now);
}

/* The server has not counted. What may be better elsewhere, or in a moment, is tried again; what
 * may be better after a look at the server makes us look. */
static void redis_on_error(struct redis *s, struct rediscall *call, struct text error, uint64_t now)
{
    struct redis_link *link = call->link;
    struct redis_redirection redirection;

    if (++call->tries < TRIES_MAX && redis_redirection_parse(error, &redirection)) {
        redirect(s, call, &redirection, now);
        return;
    }
    if (call->tries < TRIES_MAX && says(error, "NOSCRIPT") && !call->by_text) {
        call->by_text = true;
        dispatch(s, call, now);
        return;
    }
    if (call->tries < TRIES_MAX && says(error, "TRYAGAIN")) {
        call->stage = REDISCALL_WAITS;
        try_again_at(s, now + AGAIN_AFTER);
        return;
    }
    redis_cluster_doubt(s->cluster);
    redis_link_check_soon(link);
    redis_say_why(s, link, error);
    redis_finish(s, call, REPLAY_FAILED);
}

static void redis_on_counted(
        struct redis *s, struct rediscall *call, const redisReply *reply, uint64_t now)
{
    if (reply == NULL)
        redis_fail(s, call, call->link, redis_link_why(call->link));
    else if (reply->type == REDIS_REPLY_ERROR)
        redis_on_error(s, call, redis_reply_text(reply), now);
    else if (reply->type != REDIS_REPLY_INTEGER)
        redis_fail(s, call, call->link, "answers what makes no sense");
    else if (reply->integer != 1)
        redis_finish(s, call, REPLAY_OVER);
    else if (call->confirm)
        call->stage = REDISCALL_UNCONFIRMED;
    else
        redis_finish(s, call, REPLAY_WITHIN);
}

/* Servers do one thing after the other: it holds for all that was counted before. */
static void on_confirmation(struct redis *s, struct redis_link *link, const redisReply *reply)
{
    const bool good = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    struct rediscall *next = NULL;

    if (!good && reply != NULL)
        redis_link_check_soon(link);
    for (struct rediscall *call = s->calls.oldest; call != NULL; call = next) {
        next = call->next;
        if (call->stage != REDISCALL_UNCONFIRMED || call->link != link)
            continue;
        if (good)
            redis_finish(s, call, REPLAY_WITHIN);
        else
            redis_fail(s, call, link,
                    reply != NULL ? "none of its replicas confirms" : redis_link_why(link));
    }
}

static void on_reply(void *context, struct redis_link *link, int what, void *about,
        const redisReply *reply, uint64_t now)
{
    struct redis *s = context;

    if (reply == NULL)
        redis_cluster_doubt(s->cluster);
    if (what == REDIS_CLUSTER_ASKS_SLOTS) {
        redis_cluster_on_slots(s->cluster, link, reply, now);
        try_again_at(s, now);
    } else if (what == ASKS_CONFIRMATION) {
        on_confirmation(s, link, reply);
    } else if (what == ASKS_COUNT && about != NULL) {
        redis_on_counted(s, about, reply, now);
    }
}

static void on_ready(void *context, struct redis_link *link, uint64_t now)
{
    struct redis *s = context;

    /* While the first links are begun there is nothing yet that they belong to. */
    if (s->cluster != NULL)
        redis_cluster_on_ready(s->cluster, link);
    try_again_at(s, now);
}

static void close_redis(void *store)
{
    struct redis *s = store;

    while (s->calls.oldest != NULL) {
        if (s->calls.oldest->stage == REDISCALL_ASKED)
            redis_link_forget(s->calls.oldest->link, s->calls.oldest->ticket);
        redis_finish(s, s->calls.oldest, REPLAY_FAILED);
    }
    redis_cluster_free(&s->cluster);
    redis_tls_free(&s->links.tls);
    redis_request_free(&s->calls);
    if (s->epoll >= 0)
        close(s->epoll);
    free(s);
}

/* Without certificates there is nobody to trust: nothing is connected to. False: out of memory.
 */
static bool open_links(struct redis *s, uint64_t now)
{
    char why[REDIS_TLS_ERROR_MAX];

    s->links = (struct redis_link_setup){
            .address = &s->address,
            .password = s->setup.password,
            .cluster_only = s->address.count > 1,
            .epoll = s->epoll,
            .context = s,
            .on_reply = on_reply,
            .on_ready = on_ready,
    };
    if (s->address.tls) {
        s->links.tls = redis_tls_init(s->setup.ca, why);
        if (s->links.tls == NULL) {
            redis_say_why(s, NULL, text_of(why));
            return true;
        }
    }
    s->cluster = redis_cluster_init(&s->links, now);
    return s->cluster != NULL;
}

static void *open_redis(const struct replay_setup *setup, uint64_t now, uint64_t today)
{
    struct redis *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->setup = *setup;
    s->opened_at = now;
    s->due = now;
    s->again_at = UINT64_MAX;
    s->today = today;
    if (!redis_address_parse(text_of(setup->address), &s->address))
        abort(); /* the configuration takes no other */
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0 || !open_links(s, now)) {
        close_redis(s);
        return NULL;
    }
    return s;
}

static void redis_submit(void *store, struct count_request *item, uint64_t now, uint64_t today)
{
    struct redis *s = store;
    struct rediscall *call = s->cluster != NULL ? redis_request_take(&s->calls) : NULL;
    char key[SCRIPT_KEY_MAX];

    s->today = today;
    if (call == NULL) {
        s->failures++;
        item->result = REPLAY_FAILED;
        s->setup.done(s->setup.context, item);
        return;
    }
    call->item = item;
    call->since = now;
    call->slot = redis_slot_of(script_key(item, key));
    dispatch(s, call, now);
}

/* Where counts of this turn are to be confirmed, that is asked once for all of them. */
static void redis_commit(void *store, uint64_t now, uint64_t today)
{
    struct redis *s = store;

    (void)today;
    for (size_t i = 0; s->cluster != NULL && i < redis_cluster_count(s->cluster); i++) {
        struct redis_link *link = redis_cluster_link(s->cluster, i);
        if (redis_link_mark(link) &&
                redis_link_ask(link, ASKS_CONFIRMATION, NULL, text_of(wait_command), NULL, now))
            redis_link_set_mark(link, false);
        redis_link_flush(link, now);
    }
}

static int fd(const void *store)
{
    const struct redis *s = store;

    return s->epoll;
}

static void expire(struct redis *s, uint64_t now)
{
    while (s->calls.oldest != NULL && now >= s->calls.oldest->since + REPLAY_TIMEOUT) {
        struct rediscall *call = s->calls.oldest;
        if (call->stage == REDISCALL_ASKED)
            redis_link_forget(call->link, call->ticket);
        redis_fail(s, call,
                call->stage == REDISCALL_WAITS ? redis_cluster_trouble(s->cluster) : call->link,
                "does not answer in time");
    }
}

/* Those who wait for a link must hear that it does not come. */
static void look_at_links(struct redis *s, uint64_t now)
{
    size_t coming = 0;

    for (size_t i = 0; i < redis_cluster_count(s->cluster); i++)
        coming += redis_link_state(redis_cluster_link(s->cluster, i)) == REDIS_LINK_COMING;
    if (coming < s->coming)
        try_again_at(s, now);
    s->coming = coming;
}

/* A path leads nowhere from where this process is shut in, and names cannot be looked up there.
 * UINT64_MAX: none of that is needed. */
static uint64_t stale_at(const struct redis *s)
{
    const uint64_t young = s->opened_at + RENEW_YOUNG;
    uint64_t at = UINT64_MAX;

    if (s->address.path[0] != '\0')
        at = redis_cluster_well_at(s->cluster) + RENEW_UNIX;
    else if (redis_address_has_names(&s->address))
        at = redis_cluster_well_at(s->cluster) + RENEW_NAMES;
    return at > young ? at : young;
}

static void redis_turn(void *store, uint64_t now, uint64_t today)
{
    struct redis *s = store;
    struct epoll_event events[EVENTS_MAX];

    if (s->cluster == NULL)
        return;
    s->today = today;
    const int count = epoll_wait(s->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        redis_link_on_event(events[i].data.ptr, events[i].events, now);
    s->due = redis_cluster_tick(s->cluster, now);
    look_at_links(s, now);
    if (now >= s->again_at)
        dispatch_again(s, now);
    expire(s, now);
    s->stale = now >= stale_at(s);
    redis_commit(s, now, today);
}

static int redis_time_left(const void *store, uint64_t now)
{
    const struct redis *s = store;
    uint64_t due = s->due < s->again_at ? s->due : s->again_at;

    if (s->cluster == NULL)
        return -1;
    if (s->calls.oldest != NULL && s->calls.oldest->since + REPLAY_TIMEOUT < due)
        due = s->calls.oldest->since + REPLAY_TIMEOUT;
    if (!s->stale && stale_at(s) < due)
        due = stale_at(s);
    if (due == UINT64_MAX)
        return -1;
    return due > now ? (int)(due - now) : 0;
}

static bool redis_is_stale(const void *store)
{
    const struct redis *s = store;

    return s->stale;
}

static void redis_health(const void *store, struct replay_health *health_r)
{
    const struct redis *s = store;

    health_r->failures = s->failures;
    memcpy(health_r->why, s->why, sizeof health_r->why);
    if (s->cluster == NULL)
        return;
    const struct redis_link *trouble = redis_cluster_trouble(s->cluster);
    if (health_r->why[0] == '\0' && trouble != NULL)
        snprintf(health_r->why, sizeof health_r->why, "%.100s: %.120s", redis_link_label(trouble),
                redis_link_why(trouble));
    for (size_t i = 0; i < redis_cluster_count(s->cluster); i++) {
        const struct redis_link *link = redis_cluster_link(s->cluster, i);
        if (redis_link_state(link) != REDIS_LINK_READY || redis_link_info(link)->replica)
            continue;
        health_r->entries += redis_link_info(link)->keys;
        health_r->bytes += redis_link_info(link)->memory;
    }
}

static const char *const schemes[] = {"redis://", "rediss://", NULL};
static const char *const unix_schemes[] = {"redis+unix://", NULL};

#define FUNCTIONS                                                                                  \
    .open = open_redis, .close = close_redis, .submit = redis_submit, .commit = redis_commit,      \
    .fd = fd, .turn = redis_turn, .time_left = redis_time_left, .is_stale = redis_is_stale,        \
    .health = redis_health

const struct replay_backend replay_redis = {
        .name = "redis", .schemes = schemes, .network = true, FUNCTIONS};
/* It is connected to once, before the process is shut in. */
const struct replay_backend replay_redis_unix = {
        .name = "redis+unix", .schemes = unix_schemes, FUNCTIONS};
