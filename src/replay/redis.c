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

#define TRIES_MAX 8       /* tries of one request, after redirections or temporary errors */
#define AGAIN_AFTER 20    /* milliseconds until the next try after a temporary error */
#define EVENTS_MAX 64     /* events handled in one turn */
#define RENEW_YOUNG 12000 /* milliseconds: a younger store is never renewed */
#define RENEW_UNIX 1000   /* milliseconds until a lost unix socket needs a new process to open it */
#define RENEW_NAMES 60000 /* milliseconds until names must be looked up again */

/* The types of requests to a server. */
enum what { ASKS_COUNT, ASKS_LEAVE, ASKS_CONFIRMATION };

struct redis {
    struct replay_setup setup;
    struct redis_address address;
    struct redis_link_setup links;
    struct redis_cluster *cluster; /* NULL: the store cannot be used */
    int epoll;
    struct redis_requests requests;
    uint64_t opened_at;
    uint64_t due;      /* when redis_cluster_tick() is due */
    uint64_t again_at; /* monotonic milliseconds: next try of waiting requests; UINT64_MAX: none */
    size_t coming;     /* links that are connecting */
    uint64_t unix_now;
    bool stale;
    uint64_t failures;
    const struct redis_link *troubled; /* the link that `error` is about; only compared */
    char error[REPLAY_ERROR_MAX];
    char failure[REPLAY_ERROR_MAX]; /* `error` as of the latest failure */
};

static const char asking_command[] = "*1\r\n$6\r\nASKING\r\n";
/* Waits for one replica, for at most one second. */
static const char wait_command[] = "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n1000\r\n";

static void redis_finish(struct redis *s, struct redis_request *request, enum replay_count result)
{
    struct count_request *count = request->count;

    if (result == REPLAY_FAILED) {
        s->failures++;
        memcpy(s->failure, s->error, sizeof s->failure);
    } else if (request->link == s->troubled) {
        s->error[0] = '\0';
    }
    redis_request_give(&s->requests, request);
    count->result = result;
    s->setup.done(s->setup.context, count);
}

static void redis_set_error(struct redis *s, const struct redis_link *link, struct text error)
{
    const int len = (int)(error.len < 120 ? error.len : 120);

    s->troubled = link;
    snprintf(s->error, sizeof s->error, "%.100s: %.*s",
            link != NULL ? redis_link_label(link) : s->setup.address, len,
            error.len > 0 ? error.at : "");
    /* The text may come from the server. */
    for (char *at = s->error; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
}

static void redis_fail(struct redis *s, struct redis_request *request,
        const struct redis_link *link, const char *error)
{
    redis_set_error(s, link, text_of(error));
    redis_finish(s, request, REPLAY_FAILED);
}

/* ASKING applies to the one command after it. */
static bool redis_ask(
        struct redis *s, struct redis_request *request, struct redis_link *link, uint64_t mono_ms)
{
    char *command = NULL;
    size_t len = 0;

    if (!redis_request_write(request->count, !request->by_text, s->unix_now, &command, &len))
        return false;
    const bool asked = (!request->by_ask || redis_link_ask(link, ASKS_LEAVE, NULL,
                                                    text_of(asking_command), NULL, mono_ms)) &&
                       redis_link_ask(link, ASKS_COUNT, request, (struct text){command, len},
                               &request->ticket, mono_ms);
    redisFreeCommand(command);
    if (!asked)
        return false;
    request->stage = REDIS_REQUEST_ASKED;
    request->link = link;
    request->confirm = redis_link_info(link)->replicas > 0;
    if (request->confirm)
        redis_link_set_mark(link, true);
    return true;
}

/* Sends the request to the server of its slot, or lets it wait until that server is connected. */
static void dispatch(struct redis *s, struct redis_request *request, uint64_t mono_ms)
{
    struct redis_link *link =
            request->by_ask ? request->link : redis_cluster_route(s->cluster, request->slot);

    request->stage = REDIS_REQUEST_WAITS;
    if (link == NULL && redis_cluster_is_coming(s->cluster))
        return;
    if (link == NULL) {
        const struct redis_link *trouble = redis_cluster_trouble(s->cluster);
        redis_cluster_doubt(s->cluster);
        redis_fail(s, request, trouble,
                trouble != NULL ? redis_link_error(trouble)
                                : "no reachable node owns the key's slot");
        return;
    }
    switch (redis_link_state(link)) {
    case REDIS_LINK_COMING:
        break;
    case REDIS_LINK_READY:
        if (!redis_ask(s, request, link, mono_ms))
            redis_fail(s, request, link, "accepts no more requests: too many are unanswered");
        break;
    case REDIS_LINK_DOWN:
        redis_cluster_doubt(s->cluster);
        redis_fail(s, request, link, redis_link_error(link));
        break;
    }
}

/* Waiting requests are tried again at `when` or earlier. */
static void try_again_at(struct redis *s, uint64_t when)
{
    if (when < s->again_at)
        s->again_at = when;
}

static void dispatch_again(struct redis *s, uint64_t mono_ms)
{
    struct redis_request *next = NULL;

    s->again_at = UINT64_MAX;
    for (struct redis_request *request = s->requests.oldest; request != NULL; request = next) {
        next = request->next;
        if (request->stage == REDIS_REQUEST_WAITS)
            dispatch(s, request, mono_ms);
    }
}

static bool says(struct text error, const char *code)
{
    const struct text wanted = text_of(code);

    return error.len >= wanted.len && memcmp(error.at, wanted.at, wanted.len) == 0 &&
           (error.len == wanted.len || error.at[wanted.len] == ' ');
}

/* Follows a redirection to another server. */
static void redirect(struct redis *s, struct redis_request *request,
        const struct redis_redirection *redirection, uint64_t mono_ms)
{
    const struct redis_link *from = request->link;
    struct redis_link *link = redis_cluster_follow(s->cluster, from, redirection, mono_ms);

    if (link == NULL) {
        redis_fail(s, request, from, "redirects to a node that cannot be found");
        return;
    }
    request->by_ask = redirection->ask;
    request->link = link;
    dispatch(s, request, mono_ms);
}

/* The server returned an error and has not counted. The request is tried again if another server,
 * or a short wait, may help. If the server's state may have changed, it is checked. */
static void redis_on_error(
        struct redis *s, struct redis_request *request, struct text error, uint64_t mono_ms)
{
    struct redis_link *link = request->link;
    struct redis_redirection redirection;

    if (++request->tries < TRIES_MAX && redis_slots_redirection(error, &redirection)) {
        redirect(s, request, &redirection, mono_ms);
        return;
    }
    if (request->tries < TRIES_MAX && says(error, "NOSCRIPT") && !request->by_text) {
        request->by_text = true;
        dispatch(s, request, mono_ms);
        return;
    }
    if (request->tries < TRIES_MAX && says(error, "TRYAGAIN")) {
        request->stage = REDIS_REQUEST_WAITS;
        try_again_at(s, mono_ms + AGAIN_AFTER);
        return;
    }
    redis_cluster_doubt(s->cluster);
    redis_link_check_soon(link);
    redis_set_error(s, link, error);
    redis_finish(s, request, REPLAY_FAILED);
}

static void redis_on_counted(
        struct redis *s, struct redis_request *request, const redisReply *reply, uint64_t mono_ms)
{
    if (reply == NULL)
        redis_fail(s, request, request->link, redis_link_error(request->link));
    else if (reply->type == REDIS_REPLY_ERROR)
        redis_on_error(s, request, redis_reply_text(reply), mono_ms);
    else if (reply->type != REDIS_REPLY_INTEGER)
        redis_fail(s, request, request->link, "sent an unexpected reply");
    else if (reply->integer != 1)
        redis_finish(s, request, REPLAY_OVER);
    else if (request->confirm)
        request->stage = REDIS_REQUEST_UNCONFIRMED;
    else
        redis_finish(s, request, REPLAY_WITHIN);
}

/* A server runs commands in order, so the confirmation covers everything counted before it. */
static void on_confirmation(struct redis *s, struct redis_link *link, const redisReply *reply)
{
    const bool good = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    struct redis_request *next = NULL;

    if (!good && reply != NULL)
        redis_link_check_soon(link);
    for (struct redis_request *request = s->requests.oldest; request != NULL; request = next) {
        next = request->next;
        if (request->stage != REDIS_REQUEST_UNCONFIRMED || request->link != link)
            continue;
        if (good)
            redis_finish(s, request, REPLAY_WITHIN);
        else
            redis_fail(s, request, link,
                    reply != NULL ? "no replica confirmed the count in time"
                                  : redis_link_error(link));
    }
}

static void on_reply(void *context, struct redis_link *link, int what, void *about,
        const redisReply *reply, uint64_t mono_ms)
{
    struct redis *s = context;

    if (reply == NULL)
        redis_cluster_doubt(s->cluster);
    if (what == REDIS_CLUSTER_ASKS_SLOTS) {
        redis_cluster_on_slots(s->cluster, link, reply, mono_ms);
        try_again_at(s, mono_ms);
    } else if (what == ASKS_CONFIRMATION) {
        on_confirmation(s, link, reply);
    } else if (what == ASKS_COUNT && about != NULL) {
        redis_on_counted(s, about, reply, mono_ms);
    }
}

static void on_ready(void *context, struct redis_link *link, uint64_t mono_ms)
{
    struct redis *s = context;

    /* The first links report while redis_cluster_init() still runs. */
    if (s->cluster != NULL)
        redis_cluster_on_ready(s->cluster, link);
    try_again_at(s, mono_ms);
}

static void close_redis(void *store)
{
    struct redis *s = store;

    while (s->requests.oldest != NULL) {
        if (s->requests.oldest->stage == REDIS_REQUEST_ASKED)
            redis_link_forget(s->requests.oldest->link, s->requests.oldest->ticket);
        redis_finish(s, s->requests.oldest, REPLAY_FAILED);
    }
    redis_cluster_free(&s->cluster);
    redis_tls_free(&s->links.tls);
    redis_request_free(&s->requests);
    if (s->epoll >= 0)
        close(s->epoll);
    free(s);
}

/* Opens the connections. Without certificates no server can be verified, so none is connected to.
 * False when out of memory. */
static bool open_links(struct redis *s, uint64_t mono_ms)
{
    char error[REDIS_TLS_ERROR_MAX];

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
        s->links.tls = redis_tls_init(s->setup.ca, error);
        if (s->links.tls == NULL) {
            redis_set_error(s, NULL, text_of(error));
            return true;
        }
    }
    s->cluster = redis_cluster_init(&s->links, mono_ms);
    return s->cluster != NULL;
}

static void *open_redis(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now)
{
    struct redis *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->setup = *setup;
    s->opened_at = mono_ms;
    s->due = mono_ms;
    s->again_at = UINT64_MAX;
    s->unix_now = unix_now;
    if (!redis_address_parse(text_of(setup->address), &s->address))
        abort(); /* the configuration refuses other addresses */
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0 || !open_links(s, mono_ms)) {
        close_redis(s);
        return NULL;
    }
    return s;
}

static void redis_submit(
        void *store, struct count_request *count, uint64_t mono_ms, uint64_t unix_now)
{
    struct redis *s = store;
    struct redis_request *request = s->cluster != NULL ? redis_request_take(&s->requests) : NULL;
    char key[REDIS_REQUEST_KEY_MAX];

    s->unix_now = unix_now;
    if (request == NULL) {
        s->failures++;
        count->result = REPLAY_FAILED;
        s->setup.done(s->setup.context, count);
        return;
    }
    request->count = count;
    request->since = mono_ms;
    request->slot = redis_slots_key(redis_request_key(count, key));
    dispatch(s, request, mono_ms);
}

/* Counts of this turn that need confirmation share one WAIT for each link. */
static void redis_commit(void *store, uint64_t mono_ms, uint64_t unix_now)
{
    struct redis *s = store;

    (void)unix_now;
    for (size_t i = 0; s->cluster != NULL && i < redis_cluster_count(s->cluster); i++) {
        struct redis_link *link = redis_cluster_link(s->cluster, i);
        if (redis_link_mark(link) &&
                redis_link_ask(link, ASKS_CONFIRMATION, NULL, text_of(wait_command), NULL, mono_ms))
            redis_link_set_mark(link, false);
        redis_link_flush(link, mono_ms);
    }
}

static int fd(const void *store)
{
    const struct redis *s = store;

    return s->epoll;
}

static void expire(struct redis *s, uint64_t mono_ms)
{
    while (s->requests.oldest != NULL && mono_ms >= s->requests.oldest->since + REPLAY_TIMEOUT) {
        struct redis_request *request = s->requests.oldest;
        if (request->stage == REDIS_REQUEST_ASKED)
            redis_link_forget(request->link, request->ticket);
        redis_fail(s, request,
                request->stage == REDIS_REQUEST_WAITS ? redis_cluster_trouble(s->cluster)
                                                      : request->link,
                "does not answer in time");
    }
}

/* Requests that wait for a link must learn that it cannot connect. */
static void look_at_links(struct redis *s, uint64_t mono_ms)
{
    size_t coming = 0;

    for (size_t i = 0; i < redis_cluster_count(s->cluster); i++)
        coming += redis_link_state(redis_cluster_link(s->cluster, i)) == REDIS_LINK_COMING;
    if (coming < s->coming)
        try_again_at(s, mono_ms);
    s->coming = coming;
}

/* When the store needs a new process. A sandboxed process cannot open a socket's path, and cannot
 * look up names. UINT64_MAX: neither is needed. */
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

static void redis_turn(void *store, uint64_t mono_ms, uint64_t unix_now)
{
    struct redis *s = store;
    struct epoll_event events[EVENTS_MAX];

    if (s->cluster == NULL)
        return;
    s->unix_now = unix_now;
    const int count = epoll_wait(s->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        redis_link_on_event(events[i].data.ptr, events[i].events, mono_ms);
    s->due = redis_cluster_tick(s->cluster, mono_ms);
    look_at_links(s, mono_ms);
    if (mono_ms >= s->again_at)
        dispatch_again(s, mono_ms);
    expire(s, mono_ms);
    s->stale = mono_ms >= stale_at(s);
    redis_commit(s, mono_ms, unix_now);
}

static int redis_time_left(const void *store, uint64_t mono_ms)
{
    const struct redis *s = store;
    uint64_t due = s->due < s->again_at ? s->due : s->again_at;

    if (s->cluster == NULL)
        return -1;
    if (s->requests.oldest != NULL && s->requests.oldest->since + REPLAY_TIMEOUT < due)
        due = s->requests.oldest->since + REPLAY_TIMEOUT;
    if (!s->stale && stale_at(s) < due)
        due = stale_at(s);
    if (due == UINT64_MAX)
        return -1;
    return due > mono_ms ? (int)(due - mono_ms) : 0;
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
    memcpy(health_r->error, s->error, sizeof health_r->error);
    memcpy(health_r->failure, s->failure, sizeof health_r->failure);
    if (s->cluster == NULL)
        return;
    const struct redis_link *trouble = redis_cluster_trouble(s->cluster);
    if (health_r->error[0] == '\0' && trouble != NULL)
        snprintf(health_r->error, sizeof health_r->error, "%.100s: %.120s",
                redis_link_label(trouble), redis_link_error(trouble));
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
/* The socket is connected once, before the process is sandboxed. */
const struct replay_backend replay_redis_unix = {
        .name = "redis+unix", .schemes = unix_schemes, FUNCTIONS};
