// SPDX-License-Identifier: ISC
#include "replay/redis_link.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/backoff.h"
#include "base/log.h"
#include "replay/redis_stream.h"

#define PAUSE_FIRST 100 /* milliseconds after the first failed attempt; then doubled */
#define STEADY 1000     /* milliseconds; a connection ready for so long has not failed */
#define CHECK_PAUSE 500 /* milliseconds at least between two checks */
#define INPUT_MAX 16384
#define READS_MAX 64 /* reads from one server in one turn */

/* The link's own requests. */
enum own { OWN_AUTH = -3, OWN_SELECT, OWN_INFO };

enum stage { STAGE_DOWN, STAGE_CONNECTING, STAGE_CHECKING, STAGE_READY };

struct redis_link {
    const struct redis_link_setup *setup;
    char *label;
    char *path;
    struct endpoint endpoints[REDIS_LINK_ENDPOINTS_MAX];
    size_t count;
    size_t current;
    const char *const *names;
    size_t names_count;

    enum stage stage;
    bool begun;     /* a first attempt was made */
    bool trusted;   /* it was ready, or was not tried yet; no attempt has failed since */
    uint64_t since; /* monotonic milliseconds: when the stage was reached */
    struct backoff backoff;
    uint64_t checked_at;
    uint64_t check_at; /* UINT64_MAX: a check is in progress */
    uint64_t heard;    /* time of the last complete reply */
    struct redis_stream stream;
    uint32_t watched;
    struct redis_reply_reader *reader;
    struct redis_queue queue;
    struct redis_output output;
    struct redis_info info;
    bool mark;
    char error[REDIS_LINK_ERROR_MAX];
    char logged[REDIS_LINK_ERROR_MAX]; /* the error in the log; "": that it is well */
};

struct redis_link *redis_link_init(const struct redis_link_setup *setup,
        const struct redis_link_place *place, uint64_t mono_ms)
{
    struct redis_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    link->setup = setup;
    link->label = strdup(place->label);
    link->path = place->path != NULL ? strdup(place->path) : NULL;
    link->count = place->count < REDIS_LINK_ENDPOINTS_MAX ? place->count : REDIS_LINK_ENDPOINTS_MAX;
    if (link->count > 0)
        memcpy(link->endpoints, place->endpoints, link->count * sizeof *link->endpoints);
    link->names = place->names;
    link->names_count = place->names_count;
    link->trusted = true;
    link->stream.fd = -1;
    link->backoff = (struct backoff){.first = PAUSE_FIRST, .max = REDIS_LINK_PAUSE_MAX};
    if (link->label == NULL || (place->path != NULL && link->path == NULL)) {
        redis_link_free(&link);
        return NULL;
    }
    (void)redis_link_tick(link, mono_ms);
    return link;
}

enum redis_link_state redis_link_state(const struct redis_link *link)
{
    if (link->stage == STAGE_READY)
        return REDIS_LINK_READY;
    return link->trusted ? REDIS_LINK_COMING : REDIS_LINK_DOWN;
}

const char *redis_link_label(const struct redis_link *link)
{
    return link->label;
}

const char *redis_link_error(const struct redis_link *link)
{
    return link->error;
}

const struct redis_info *redis_link_info(const struct redis_link *link)
{
    return &link->info;
}

bool redis_link_is_at(const struct redis_link *link, const struct endpoint *endpoint)
{
    return link->count > 0 && endpoint_equal(redis_link_endpoint(link), endpoint);
}

const struct endpoint *redis_link_endpoint(const struct redis_link *link)
{
    return &link->endpoints[link->current];
}

/* Logs each new error once, and the recovery once. */
static void log_change(struct redis_link *link, const char *error)
{
    struct log_line line;

    if (strcmp(error, link->logged) == 0)
        return;
    snprintf(link->logged, sizeof link->logged, "%s", error);
    if (error[0] != '\0')
        log_begin(&line, LOG_LEVEL_WARNING, "replay-server-lost");
    else
        log_begin(&line, LOG_LEVEL_NOTICE, "replay-server-back");
    log_string(&line, "server", link->label);
    if (error[0] != '\0')
        log_string(&line, "because", error);
    log_end(&line);
}

static void set_stage(struct redis_link *link, enum stage stage, uint64_t mono_ms)
{
    link->stage = stage;
    link->since = mono_ms;
}

/* Frees everything of the connection. Each request without a reply is told that none will come. */
static void disconnect(struct redis_link *link, uint64_t mono_ms)
{
    struct redis_queue queue = link->queue;
    struct redis_queued request;

    redis_stream_close(&link->stream);
    redis_reply_free(&link->reader);
    redis_output_wipe(&link->output);
    link->queue = (struct redis_queue){.ring = NULL};
    link->mark = false;
    while (redis_queue_shift(&queue, &request))
        if (request.what >= 0)
            link->setup->on_reply(
                    link->setup->context, link, request.what, request.about, NULL, mono_ms);
    redis_queue_free(&queue);
}

/* Handles a lost connection. One that worked, and was closed in good order, is retried at once. */
static void fall(struct redis_link *link, const char *error, bool in_order, uint64_t mono_ms)
{
    const bool was_ready = link->stage == STAGE_READY;
    const bool steady = was_ready && mono_ms - link->since >= STEADY;

    if (steady && in_order)
        backoff_reset(&link->backoff);
    else
        backoff_failed(&link->backoff, mono_ms);
    link->trusted = was_ready && in_order && link->path == NULL;
    link->current =
            link->count > 0 && !was_ready ? (link->current + 1) % link->count : link->current;
    set_stage(link, STAGE_DOWN, mono_ms);
    snprintf(link->error, sizeof link->error, "%s", error);
    log_change(link, link->error);
    disconnect(link, mono_ms);
}

void redis_link_drop(struct redis_link *link, const char *error, uint64_t mono_ms)
{
    fall(link, error, false, mono_ms);
}

void redis_link_free(struct redis_link **link)
{
    struct redis_link *l = *link;

    if (l == NULL)
        return;
    disconnect(l, 0);
    free(l->label);
    free(l->path);
    free(l);
    *link = NULL;
}

static void redis_link_watch(struct redis_link *link)
{
    const bool out = link->stream.wants_out ||
                     (link->stage > STAGE_CONNECTING && redis_output_rest(&link->output).len > 0);
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = link};

    if (link->stream.fd < 0 || event.events == link->watched)
        return;
    (void)epoll_ctl(link->setup->epoll, link->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
            link->stream.fd, &event);
    link->watched = event.events;
}

static void redis_link_begin(struct redis_link *link, uint64_t mono_ms)
{
    set_stage(link, STAGE_CONNECTING, mono_ms);
    link->begun = true;
    link->watched = 0;
    link->reader = redis_reply_init();
    if (link->reader == NULL) {
        redis_link_drop(link, "out of memory", mono_ms);
        return;
    }
    if (link->path == NULL && link->count == 0) {
        redis_link_drop(link, "its name has no address", mono_ms);
        return;
    }
    const bool begun = link->path != NULL
                               ? redis_stream_open_unix(&link->stream, link->path)
                               : redis_stream_open_tcp(&link->stream, redis_link_endpoint(link));
    if (begun)
        redis_link_watch(link);
    else
        redis_link_drop(link, link->stream.error, mono_ms);
}

static bool replay_redis_link_ask(struct redis_link *link, int what, void *about,
        struct text command, uint64_t *ticket_r, uint64_t mono_ms)
{
    const struct redis_queued request = {.what = what, .about = about, .since = mono_ms};

    /* Queue and output must stay in step: a request that was not sent would get the next one's
     * reply. */
    return redis_queue_count(&link->queue) < REDIS_LINK_QUEUE_MAX &&
           redis_queue_push(&link->queue, REDIS_LINK_QUEUE_MAX, &request, ticket_r) &&
           (redis_output_put(&link->output, command) || redis_queue_take_back(&link->queue));
}

bool redis_link_ask(struct redis_link *link, int what, void *about, struct text command,
        uint64_t *ticket_r, uint64_t mono_ms)
{
    uint64_t unused;

    return link->stage == STAGE_READY && replay_redis_link_ask(link, what, about, command,
                                                 ticket_r != NULL ? ticket_r : &unused, mono_ms);
}

void redis_link_set_mark(struct redis_link *link, bool mark)
{
    link->mark = mark;
}

bool redis_link_mark(const struct redis_link *link)
{
    return link->mark;
}

void redis_link_forget(struct redis_link *link, uint64_t ticket)
{
    redis_queue_forget(&link->queue, ticket);
}

/* Sends one of the link's own requests, with at most three words. */
static bool ask_words(struct redis_link *link, enum own what, int count, const char *const words[3],
        uint64_t mono_ms)
{
    const char *copies[3] = {words[0], words[1], words[2]};
    char *command = NULL;
    uint64_t ticket;
    const long long len = redisFormatCommandArgv(&command, count, copies, NULL);
    const bool asked = len > 0 && replay_redis_link_ask(link, (int)what, NULL,
                                          (struct text){command, (size_t)len}, &ticket, mono_ms);

    if (len > 0) {
        sodium_memzero(command, (size_t)len);
        redisFreeCommand(command);
    }
    return asked;
}

static bool ask_info(struct redis_link *link, uint64_t mono_ms)
{
    static const char *const words[3] = {"INFO"};

    link->check_at = UINT64_MAX;
    return ask_words(link, OWN_INFO, 1, words, mono_ms);
}

/* Sends the user and the password, selects the database, and asks for INFO. */
static bool introduce(struct redis_link *link, uint64_t mono_ms)
{
    const struct redis_address *address = link->setup->address;
    const char *password = link->setup->password;
    const bool has_user = address->user[0] != '\0';
    char database[16];
    bool asked = true;

    snprintf(database, sizeof database, "%u", address->database);
    const char *const as_user[3] = {"AUTH", address->user, password != NULL ? password : ""};
    const char *const as_default_user[3] = {"AUTH", password};
    const char *const select[3] = {"SELECT", database};
    if (has_user)
        asked = ask_words(link, OWN_AUTH, 3, as_user, mono_ms);
    else if (password != NULL)
        asked = ask_words(link, OWN_AUTH, 2, as_default_user, mono_ms);
    if (asked && address->database > 0)
        asked = ask_words(link, OWN_SELECT, 2, select, mono_ms);
    return asked && ask_info(link, mono_ms);
}

static void establish(struct redis_link *link, uint64_t mono_ms)
{
    switch (redis_stream_establish(
            &link->stream, link->setup->tls, link->names, link->names_count)) {
    case REDIS_STREAM_OK:
        set_stage(link, STAGE_CHECKING, mono_ms);
        if (introduce(link, mono_ms))
            redis_link_flush(link, mono_ms);
        else
            redis_link_drop(link, "out of memory", mono_ms);
        break;
    case REDIS_STREAM_WAITS:
        redis_link_watch(link);
        break;
    case REDIS_STREAM_BROKEN:
        redis_link_drop(link, link->stream.error, mono_ms);
        break;
    }
}

void redis_link_flush(struct redis_link *link, uint64_t mono_ms)
{
    struct text rest = redis_output_rest(&link->output);
    enum redis_stream_result result = REDIS_STREAM_OK;

    if (link->stage < STAGE_CHECKING || rest.len == 0)
        return;
    while (rest.len > 0 && result == REDIS_STREAM_OK) {
        size_t len = 0;
        result = redis_stream_write(&link->stream, rest.at, rest.len, &len);
        if (result == REDIS_STREAM_OK)
            redis_output_sent(&link->output, len);
        rest = redis_output_rest(&link->output);
    }
    if (result == REDIS_STREAM_BROKEN) {
        fall(link, link->stream.error, true, mono_ms);
        return;
    }
    if (link->stage == STAGE_CHECKING && rest.len == 0) /* the output held the password */
        redis_output_wipe(&link->output);
    redis_link_watch(link);
}

static void on_info(struct redis_link *link, struct text text, uint64_t mono_ms)
{
    char error[REDIS_LINK_ERROR_MAX];

    redis_info_read(text, link->setup->address->database, &link->info);
    if (!redis_info_is_fit(&link->info, link->setup->cluster_only, error, sizeof error)) {
        redis_link_drop(link, error, mono_ms);
        return;
    }
    if (link->stage == STAGE_CHECKING)
        set_stage(link, STAGE_READY, mono_ms);
    link->checked_at = mono_ms;
    link->check_at = mono_ms + REDIS_LINK_CHECK_EVERY;
    link->trusted = true;
    link->error[0] = '\0';
    log_change(link, "");
    link->setup->on_ready(link->setup->context, link, mono_ms);
}

/* After a failed login only the error code is shown: the server's text may quote the password. */
static void on_refusal(
        struct redis_link *link, enum own what, struct text refusal, uint64_t mono_ms)
{
    struct reader r = reader_of(refusal);
    const struct text code = reader_field(&r, ' ');
    const struct text shown = what == OWN_AUTH ? code : refusal;
    static const char *const actions[] = {
            "refuses the user or the password", "refuses the database", "refuses INFO"};
    char error[REDIS_LINK_ERROR_MAX];

    snprintf(error, sizeof error, "%s: %.*s", actions[what - OWN_AUTH],
            (int)(shown.len < 100 ? shown.len : 100), shown.len > 0 ? shown.at : "");
    redis_link_drop(link, error, mono_ms);
}

/* Handles replies while there are any, and the link is connected. */
static void take_replies(struct redis_link *link, uint64_t mono_ms)
{
    struct redis_queued request;
    redisReply *reply = NULL;

    while (link->stage > STAGE_CONNECTING && (reply = redis_reply_next(link->reader)) != NULL) {
        link->heard = mono_ms;
        if (!redis_queue_shift(&link->queue, &request))
            redis_link_drop(link, "sent a reply without a request", mono_ms);
        else if (request.what < 0 && reply->type == REDIS_REPLY_ERROR)
            on_refusal(link, (enum own)request.what, redis_reply_text(reply), mono_ms);
        else if (request.what == OWN_INFO)
            on_info(link, redis_reply_text(reply), mono_ms);
        else if (request.what >= 0)
            link->setup->on_reply(
                    link->setup->context, link, request.what, request.about, reply, mono_ms);
        freeReplyObject(reply);
    }
    if (link->stage > STAGE_CONNECTING && redis_reply_error(link->reader) != NULL)
        redis_link_drop(link, redis_reply_error(link->reader), mono_ms);
}

static void read_some(struct redis_link *link, uint64_t mono_ms)
{
    char buffer[INPUT_MAX];
    size_t len = 0;

    for (int i = 0; i < READS_MAX || redis_stream_has_more(&link->stream); i++) {
        const enum redis_stream_result result =
                redis_stream_read(&link->stream, buffer, sizeof buffer, &len);
        if (result == REDIS_STREAM_BROKEN)
            fall(link, link->stream.error, true, mono_ms);
        if (result != REDIS_STREAM_OK)
            break;
        redis_reply_feed(link->reader, (struct text){buffer, len});
        take_replies(link, mono_ms);
        if (link->stage == STAGE_DOWN || (len < sizeof buffer && link->stream.tls == NULL))
            break;
    }
    redis_link_watch(link);
}

void redis_link_on_event(struct redis_link *link, uint32_t events, uint64_t mono_ms)
{
    if (link->stage == STAGE_CONNECTING)
        establish(link, mono_ms);
    else if (link->stage > STAGE_CONNECTING && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
        read_some(link, mono_ms);
    if ((events & EPOLLOUT) != 0)
        redis_link_flush(link, mono_ms);
}

/* When a server that owes replies, or is being connected to, counts as dead. */
static uint64_t silent_at(const struct redis_link *link)
{
    const struct redis_queued *oldest = redis_queue_oldest(&link->queue);

    if (link->stage == STAGE_DOWN || (link->stage == STAGE_READY && oldest == NULL))
        return UINT64_MAX;
    if (link->stage != STAGE_READY)
        return link->since + REDIS_LINK_SILENCE;
    return (oldest->since > link->heard ? oldest->since : link->heard) + REDIS_LINK_SILENCE;
}

static uint64_t next_attempt(const struct redis_link *link)
{
    const bool is_over = link->path != NULL && link->begun;

    return link->stage == STAGE_DOWN && !is_over ? link->backoff.until : UINT64_MAX;
}

uint64_t redis_link_tick(struct redis_link *link, uint64_t mono_ms)
{
    if (mono_ms >= silent_at(link))
        redis_link_drop(link, "does not answer", mono_ms);
    if (mono_ms >= next_attempt(link))
        redis_link_begin(link, mono_ms);
    if (link->stage == STAGE_READY && mono_ms >= link->check_at) {
        if (ask_info(link, mono_ms))
            redis_link_flush(link, mono_ms);
        else
            redis_link_drop(link, "accepts no more data", mono_ms);
    }
    const uint64_t silent = silent_at(link);
    const uint64_t attempt = next_attempt(link);
    const uint64_t check = link->stage == STAGE_READY ? link->check_at : UINT64_MAX;
    const uint64_t earlier = silent < attempt ? silent : attempt;
    return earlier < check ? earlier : check;
}

void redis_link_check_soon(struct redis_link *link)
{
    const uint64_t soon = link->checked_at + CHECK_PAUSE;

    if (link->check_at != UINT64_MAX && soon < link->check_at)
        link->check_at = soon;
}
