// SPDX-License-Identifier: ISC
#include "fake_service.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

#define CONNECTIONS_MAX 256
#define FILLERS 2 /* connections that fill a queue of length 0 */

struct connection {
    int fd;
    bool asked;
    size_t len;
    char line[FAKE_SERVICE_QUESTION_MAX];
};

struct fake_service {
    enum fake_service_manner manner;
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
    char last[FAKE_SERVICE_QUESTION_MAX];
};

static void fail_if(bool failed, const char *what)
{
    if (failed)
        err(EXIT_FAILURE, "fake_service: %s", what);
}

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    fail_if(fd < 0, "socket");
    return fd;
}

/* Whose queue is full is sent no more connections to by the kernel, and refuses none. */
static void fill_queue(struct fake_service *a)
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

static void open_listener(struct fake_service *a, const char *address)
{
    char text[ENDPOINT_TEXT_MAX];

    snprintf(text, sizeof text, "%s:0", address);
    if (!endpoint_parse(text, &a->endpoint))
        errx(EXIT_FAILURE, "fake_service: %s is no address", address);
    a->listener = new_socket();
    fail_if(bind(a->listener, &a->endpoint.address.any, a->endpoint.len) != 0, address);
    fail_if(getsockname(a->listener, &a->endpoint.address.any, &a->endpoint.len) != 0, address);
    if (a->manner == FAKE_SERVICE_NOBODY)
        return;
    fail_if(listen(a->listener, a->manner == FAKE_SERVICE_NO_PACKET ? 0 : 1024) != 0, "listen");
    if (a->manner == FAKE_SERVICE_NO_PACKET)
        fill_queue(a);
}

static void send_reply(const struct fake_service *a, int fd)
{
    const size_t len = strlen(a->reply);
    const size_t step =
            a->manner == FAKE_SERVICE_IN_OCTETS || a->manner == FAKE_SERVICE_SLOWLY ? 1 : len;
    const struct linger reset = {.l_onoff = 1};

    for (size_t at = 0; at < len; at += step) {
        if (send(fd, a->reply + at, step, MSG_NOSIGNAL) < 0)
            return;
        if (a->manner == FAKE_SERVICE_SLOWLY)
            usleep(20000);
    }
    if (a->manner == FAKE_SERVICE_WITH_RESET)
        fail_if(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0, "SO_LINGER");
}

static void close_at(struct fake_service *a, size_t i)
{
    close(a->connections[i].fd);
    a->connections[i] = a->connections[--a->count];
    pthread_mutex_lock(&a->lock);
    a->open--;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static bool may_answer(struct fake_service *a)
{
    pthread_mutex_lock(&a->lock);
    const bool may = a->manner != FAKE_SERVICE_WHEN_RELEASED || a->released;
    pthread_mutex_unlock(&a->lock);
    return may;
}

static void note_question(struct fake_service *a, struct connection *c)
{
    c->asked = true;
    pthread_mutex_lock(&a->lock);
    a->questions++;
    memcpy(a->last, c->line, c->len);
    a->last[c->len] = '\0';
    pthread_mutex_unlock(&a->lock);
}

/* Reads what came; false: the other side has closed. */
static bool read_from(struct fake_service *a, struct connection *c)
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

static void serve(struct fake_service *a)
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

static void accept_one(struct fake_service *a)
{
    const int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);

    fail_if(fd < 0, "accept");
    a->connections[a->count++] = (struct connection){.fd = fd};
    pthread_mutex_lock(&a->lock);
    a->open++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static bool is_stopped(struct fake_service *a)
{
    pthread_mutex_lock(&a->lock);
    const bool stopped = a->stopped;
    pthread_mutex_unlock(&a->lock);
    return stopped;
}

static void *run(void *context)
{
    struct fake_service *a = context;
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

static bool has_thread(const struct fake_service *a)
{
    return a->manner != FAKE_SERVICE_NOBODY && a->manner != FAKE_SERVICE_NO_PACKET;
}

struct fake_service *fake_service_start(
        const char *address, enum fake_service_manner manner, const char *reply)
{
    struct fake_service *a = calloc(1, sizeof *a);

    fail_if(a == NULL, "memory");
    a->manner = manner;
    a->reply = reply;
    a->fillers[0] = a->fillers[1] = -1;
    open_listener(a, address);
    pthread_mutex_init(&a->lock, NULL);
    clock_cond_init(&a->changed);
    fail_if(pipe2(a->wake, O_CLOEXEC) != 0, "pipe");
    if (has_thread(a))
        fail_if((errno = pthread_create(&a->thread, NULL, run, a)) != 0, "pthread_create");
    return a;
}

static void set(struct fake_service *a, bool *flag)
{
    pthread_mutex_lock(&a->lock);
    *flag = true;
    pthread_mutex_unlock(&a->lock);
    fail_if(write(a->wake[1], "", 1) != 1, "write");
}

void fake_service_stop(struct fake_service **fake)
{
    struct fake_service *a = *fake;

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
    *fake = NULL;
}

struct endpoint fake_service_endpoint(const struct fake_service *fake)
{
    return fake->endpoint;
}

unsigned fake_service_questions(struct fake_service *fake)
{
    pthread_mutex_lock(&fake->lock);
    const unsigned questions = fake->questions;
    pthread_mutex_unlock(&fake->lock);
    return questions;
}

void fake_service_wait_for(struct fake_service *fake, unsigned connections)
{
    const uint64_t limit = mono_ms() + UINT64_C(1000) * unit_patience(60);

    pthread_mutex_lock(&fake->lock);
    while (fake->open != connections && clock_cond_wait(&fake->changed, &fake->lock, limit))
        ;
    const bool are_there = fake->open == connections;
    pthread_mutex_unlock(&fake->lock);
    assert_true(are_there);
}

void fake_service_release(struct fake_service *fake)
{
    set(fake, &fake->released);
}

void fake_service_last(struct fake_service *fake, char question_r[FAKE_SERVICE_QUESTION_MAX])
{
    pthread_mutex_lock(&fake->lock);
    memcpy(question_r, fake->last, FAKE_SERVICE_QUESTION_MAX);
    pthread_mutex_unlock(&fake->lock);
}
