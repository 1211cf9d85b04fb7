// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_SCRIPTED_H
#define VERIMAIL_TEST_SCRIPTED_H

#include <hiredis/hiredis.h>

#include "captured.h"
#include "replay/replay.h"

#define SCRIPTED_TODAY UINT64_C(1780272000) /* 1 June 2026 */
#define SCRIPTED_BEGIN UINT64_C(1000000)    /* milliseconds of the test's own clock */
#define SCRIPTED_SERVERS 2

/* Redis servers that say what the test tells them. The store never waits, so that one thread is
 * enough for both ends. */
struct scripted_server {
    int listener; /* -1: none */
    int fd;       /* of the store's connection; -1: none */
    unsigned port;
    redisReader *reader;
};

struct scripted_count {
    struct replay_item item; /* the first member: what the store hands back */
    unsigned times;
};

/* A store of counts, its servers, and what is logged about them. */
struct scripted {
    struct captured captured;
    struct scripted_server servers[SCRIPTED_SERVERS];
    struct replay *replay;
    char address[64];
    uint64_t now; /* milliseconds */
};

/* What a server says to INFO: one alone without replicas, and one of a cluster. */
extern const char scripted_single[];
extern const char scripted_clustered[];

/* What such a store calls when an item is done. */
void scripted_done(void *context, struct replay_item *item);
/* `$0` and `$1` in the address become the servers' addresses. */
struct scripted *scripted_open(const char *form, const char *password);
void scripted_close(struct scripted *shop);
/* One turn of the store, of a millisecond. */
void scripted_turn(struct scripted *shop);

/* The next request, waited for; NULL: the connection ended. The caller frees it. */
redisReply *scripted_hear(struct scripted *shop, struct scripted_server *server);
/* The next request begins with this; its words as one line. */
void scripted_expect(struct scripted *shop, struct scripted_server *server, const char *wanted);
void scripted_expect_end(struct scripted *shop, struct scripted_server *server);
void scripted_say(struct scripted_server *server, const char *reply);
/* The same as a bulk string. */
void scripted_say_text(struct scripted_server *server, const char *text);
void scripted_hang_up(struct scripted_server *server);
/* INFO is asked, and answered with this. */
void scripted_welcome(struct scripted *shop, struct scripted_server *server, const char *info);

/* An item of its own key. */
struct scripted_count scripted_item(unsigned char number);
void scripted_hand_in(struct scripted *shop, struct scripted_count *counted);
/* It is done, once, with this result. */
void scripted_wait(struct scripted *shop, struct scripted_count *counted, enum replay_count wanted);
/* The store's health names the server, and says this. */
void scripted_check_why(const struct scripted *shop, const char *wanted);

/* A store of the first server alone, which was just asked to count this. */
struct scripted *scripted_open_asked(struct scripted_count *counted);
/* The store is handed this, and asks this server. */
void scripted_ask(
        struct scripted *shop, struct scripted_server *server, struct scripted_count *counted);
/* The server says this, and with this result it is done. */
void scripted_answer(struct scripted *shop, struct scripted_server *server, const char *reply,
        struct scripted_count *counted, enum replay_count wanted);

#endif
