// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FAKE_REDIS_H
#define VERIMAIL_TEST_FAKE_REDIS_H

#include <hiredis/hiredis.h>

#include "capture.h"
#include "replay/replay.h"

#define FAKE_REDIS_TODAY UINT64_C(1780272000) /* 1 June 2026 */
#define FAKE_REDIS_BEGIN UINT64_C(1000000)    /* milliseconds of the test's own clock */
#define FAKE_REDIS_SERVERS 2

/* Redis servers that say what the test tells them. The store never waits, so that one thread is
 * enough for both ends. */
struct fake_redis_server {
    int listener; /* -1: none */
    int fd;       /* of the store's connection; -1: none */
    unsigned port;
    redisReader *reader;
};

struct fake_redis_count {
    struct count_request item; /* the first member: what the store hands back */
    unsigned times;
};

/* A store of counts, its servers, and what is logged about them. */
struct fake_redis {
    struct capture capture;
    struct fake_redis_server servers[FAKE_REDIS_SERVERS];
    struct replay *replay;
    char address[64];
    uint64_t mono_ms;
};

/* What a server says to INFO: one alone without replicas, and one of a cluster. */
extern const char fake_redis_single[];
extern const char fake_redis_clustered[];

/* The `done` of such a store. */
void fake_redis_done(void *context, struct count_request *item);
/* `$0` and `$1` in the address become the servers' addresses. */
struct fake_redis *fake_redis_open(const char *form, const char *password);
void fake_redis_close(struct fake_redis *fake);
/* One turn of the store; the clock goes on by a millisecond. */
void fake_redis_turn(struct fake_redis *fake);

/* Waits for the next request; NULL: the connection ended. The caller frees it. */
redisReply *fake_redis_hear(struct fake_redis *fake, struct fake_redis_server *server);
/* Waits for the next request, which must begin with this; its words are one line. */
void fake_redis_expect(
        struct fake_redis *fake, struct fake_redis_server *server, const char *wanted);
void fake_redis_expect_end(struct fake_redis *fake, struct fake_redis_server *server);
void fake_redis_say(struct fake_redis_server *server, const char *reply);
/* Says it as a bulk string. */
void fake_redis_say_text(struct fake_redis_server *server, const char *text);
void fake_redis_hang_up(struct fake_redis_server *server);
/* Answers INFO with this. */
void fake_redis_welcome(
        struct fake_redis *fake, struct fake_redis_server *server, const char *info);

/* A request with a key of its own. */
struct fake_redis_count fake_redis_item(unsigned char number);
void fake_redis_hand_in(struct fake_redis *fake, struct fake_redis_count *counted);
/* Waits until it is done, once, with this result. */
void fake_redis_wait(
        struct fake_redis *fake, struct fake_redis_count *counted, enum replay_count wanted);
/* The store's health must name the server, and say this. */
void fake_redis_check_error(const struct fake_redis *fake, const char *wanted);

/* A store with the first server alone, which has just got the request to count this. */
struct fake_redis *fake_redis_open_asked(struct fake_redis_count *counted);
/* Submits this; the request must come to this server. */
void fake_redis_ask(struct fake_redis *fake, struct fake_redis_server *server,
        struct fake_redis_count *counted);
/* The server replies this; the request must be done with this result. */
void fake_redis_answer(struct fake_redis *fake, struct fake_redis_server *server, const char *reply,
        struct fake_redis_count *counted, enum replay_count wanted);

#endif
