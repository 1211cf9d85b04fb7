// SPDX-License-Identifier: ISC
#include "answering.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define FILLERS 2 /* connections that fill a queue of length 0 */

struct connection {
    int fd;
    bool asked;
    size_t len;
    char line[ANSWERING_QUESTION_MAX];
};

struct answering {
    enum answering_manner manner;
    const char *reply;
    struct endpoint endpoint;
    int listener;
    int fillers[FILLERS];
    int wake[2]; /* a pipe */
    pthread_t thread;
    struct connection connections[CONNECTIONS_MAX]; /* the thread's */
    size_t count;                                   /* the same */
    pthread_mutex_t lock;                           /* of what follows */
    pthread_cond_t changed;
    bool released;
    bool stopped;
    unsigned open;
    unsigned questions;
    char last[ANSWERING_QUESTION_MAX];
};

static void fail_if(bool failed, const char *what)
{
    if (failed)
        err(EXIT_FAILURE, "answering: %s", what);
}

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    fail_if(fd < 0, "socket");
    return fd;
}

/* Whose queue is full is sent no more connections to by the kernel, and refuses none. */
static void fill_queue(struct answering *a)
{
    for (size_t i = 0; i < FILLERS; i++) {
        a->fillers[i] = new_socket();
        fail_if(fcntl(a->fillers[i], F_SETFL, O_NONBLOCK) != 0, "fcntl");
        if (connect(a->fillers[i], &a->endpoint.address.any, a->endpoint.len) == 0)
            continue;
        fail_if(errno != EINPROGRESS, "connect");
        /* The first stands; whether the second does is the kernel's decision. */
        struct pollfd done = {.fd = a->fillers[i], .events = POLLOUT};
        fail_if(i == 0 && poll(&done, 1, -1) != 1, "poll");
    }
}

static void open_listener(struct answering *a, const char *address)
{
    char text[ENDPOINT_TEXT_MAX];

    snprintf(text, sizeof text, "%s:0", address);
    if (!endpoint_parse(text, &a->endpoint))
        errx(EXIT_FAILURE, "answering: %s is no address", address);
    a->listener = new_socket();
    fail_if(bind(a->listener, &a->endpoint.address.any, a->endpoint.len) != 0, address);
    fail_if(getsockname(a->listener, &a->endpoint.address.any, &a->endpoint.len) != 0, address);
    if (a->manner == ANSWERING_NOBODY)
        return;
    fail_if(listen(a->listener, a->manner == ANSWERING_NO_PACKET ? 0 : 1024) != 0, "listen");
    if (a->manner == ANSWERING_NO_PACKET)
        fill_queue(a);
}

static void send_reply(const struct answering *a, int fd)
{
    const size_t len = strlen(a->reply);
    const size_t step = a->manner == ANSWERING_IN_OCTETS || a->manner == ANSWERING_SLOWLY ? 1 : len;
    const struct linger reset = {.l_onoff = 1};

    for (size_t at = 0; at < len; at += step) {
        if (send(fd, a->reply + at, step, MSG_NOSIGNAL) < 0)
            return;
        if (a->manner == ANSWERING_SLOWLY)
            usleep(20000);
    }
    if (a->manner == ANSWERING_WITH_RESET)
        fail_if(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0, "SO_LINGER");
}

static void close_at(struct answering *a, size_t i)
{
    close(a->connections[i].fd);
    a->connections[i] = a->connections[--a->count];
    pthread_mutex_lock(&a->lock);
    a->open--;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static bool may_answer(struct answering *a)
{
    pthread_mutex_lock(&a->lock);
    const bool may = a->manner != ANSWERING_WHEN_RELEASED || a->released;
    pthread_mutex_unlock(&a->lock);
    return may;
}

static void note_question(struct answering *a, struct connection *c)
{
    c->asked = true;
    pthread_mutex_lock(&a->lock);
    a->questions++;
    memcpy(a->last, c->line, c->len);
    a->last[c->len] = '\0';
    pthread_mutex_unlock(&a->lock);
}

/* Reads what came; false: the other side has closed. */
static bool read_from(struct answering *a, struct connection *c)
{
    const ssize_t got = recv(c->fd, c->line + c->len, sizeof c->line - 1 - c->len, MSG_DONTWAIT);

    if (got < 0 && errno == EAGAIN)
        return true;
    if (got <= 0)
        return false;
    c->len += (size_t)got;
    if (!c->asked && memchr(c->line, '\n', c->len) != NULL)
        note_question(a, c);
    return true;
}

static void serve(struct answering *a)
{
    for (size_t i = a->count; i-- > 0;) {
        struct connection *c = &a->connections[i];
        if (!read_from(a, c)) {
            close_at(a, i);
        } else if (c->asked && may_answer(a)) {
            send_reply(a, c->fd);
            close_at(a, i);
        }
    }
}

static void accept_one(struct answering *a)
{
    const int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);

    fail_if(fd < 0, "accept");
    a->connections[a->count++] = (struct connection){.fd = fd};
    pthread_mutex_lock(&a->lock);
    a->open++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static bool is_stopped(struct answering *a)
{
    pthread_mutex_lock(&a->lock);
    const bool stopped = a->stopped;
    pthread_mutex_unlock(&a->lock);
    return stopped;
}

static void *run(void *context)
{
    struct answering *a = context;
    struct pollfd polled[2 + CONNECTIONS_MAX];
    char octet;

    while (!is_stopped(a)) {
        polled[0] = (struct pollfd){.fd = a->wake[0], .events = POLLIN};
        polled[1] = (struct pollfd){
                .fd = a->count < CONNECTIONS_MAX ? a->listener : -1, .events = POLLIN};
        for (size_t i = 0; i < a->count; i++)
            polled[2 + i] = (struct pollfd){.fd = a->connections[i].fd, .events = POLLIN};
        fail_if(poll(polled, 2 + a->count, -1) < 0, "poll");
        if ((polled[0].revents & POLLIN) != 0)
            fail_if(read(a->wake[0], &octet, 1) != 1, "read");
        if ((polled[1].revents & POLLIN) != 0)
            accept_one(a);
        serve(a);
    }
    while (a->count > 0)
        close_at(a, a->count - 1);
    return NULL;
}

static bool has_thread(const struct answering *a)
{
    return a->manner != ANSWERING_NOBODY && a->manner != ANSWERING_NO_PACKET;
}

struct answering *answering_start(
        const char *address, enum answering_manner manner, const char *reply)
{
    struct answering *a = calloc(1, sizeof *a);

    fail_if(a == NULL, "memory");
    a->manner = manner;
    a->reply = reply;
    a->fillers[0] = a->fillers[1] = -1;
    open_listener(a, address);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    fail_if(pipe2(a->wake, O_CLOEXEC) != 0, "pipe");
    if (has_thread(a))
        fail_if((errno = pthread_create(&a->thread, NULL, run, a)) != 0, "pthread_create");
    return a;
}

static void set(struct answering *a, bool *flag)
{
    pthread_mutex_lock(&a->lock);
    *flag = true;
    pthread_mutex_unlock(&a->lock);
    fail_if(write(a->wake[1], "", 1) != 1, "write");
}

void answering_stop(struct answering **answering)
{
    struct answering *a = *answering;

    if (a == NULL)
        return;
    set(a, &a->stopped);
    if (has_thread(a))
        pthread_join(a->thread, NULL);
    for (size_t i = 0; i < FILLERS; i++)
        if (a->fillers[i] >= 0)
            close(a->fillers[i]);
    close(a->listener);
    close(a->wake[0]);
    close(a->wake[1]);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *answering = NULL;
}

struct endpoint answering_endpoint(const struct answering *answering)
{
    return answering->endpoint;
}

unsigned answering_questions(struct answering *answering)
{
    pthread_mutex_lock(&answering->lock);
    const unsigned questions = answering->questions;
    pthread_mutex_unlock(&answering->lock);
    return questions;
}

void answering_wait_for(struct answering *answering, unsigned connections)
{
    pthread_mutex_lock(&answering->lock);
    while (answering->open != connections)
        pthread_cond_wait(&answering->changed, &answering->lock);
    pthread_mutex_unlock(&answering->lock);
}

void answering_release(struct answering *answering)
{
    set(answering, &answering->released);
}

void answering_last(struct answering *answering, char question_r[ANSWERING_QUESTION_MAX])
{
    pthread_mutex_lock(&answering->lock);
    memcpy(question_r, answering->last, ANSWERING_QUESTION_MAX);
    pthread_mutex_unlock(&answering->lock);
}
