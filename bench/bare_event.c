// SPDX-License-Identifier: ISC
/* bare.c's two forms on libevent's raw events, to know what that event loop costs. */
#include "answer.h"
#include "workers.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Forget the event before the descriptor is closed: its number may be another connection's next. */
static void on_plain_question(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    event_free(self);
    answer_question(fd, answer_plain);
}

static void on_best_question(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    event_free(self);
    answer_question(fd, answer_best);
}

static void watch(struct event_base *base, int fd, event_callback_fn on_question)
{
    struct event *event = event_new(base, fd, EV_READ, on_question, event_self_cbarg());
    if (event == NULL || event_add(event, NULL) < 0)
        abort();
}

static void on_plain_accept(evutil_socket_t listener, short what, void *base)
{
    (void)what;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        watch(base, fd, on_plain_question);
}

static void on_best_accept(evutil_socket_t listener, short what, void *base)
{
    (void)what;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && !answer_question(fd, answer_best))
        watch(base, fd, on_best_question);
}

static void serve(int listener, event_callback_fn on_accept)
{
    struct event_base *base = event_base_new();
    if (base == NULL)
        return;
    struct event *event = event_new(base, listener, EV_READ | EV_PERSIST, on_accept, base);
    if (event != NULL && event_add(event, NULL) == 0)
        event_base_dispatch(base);
    fputs("the event loop ended\n", stderr);
}

static void serve_plain(int listener)
{
    serve(listener, on_plain_accept);
}

static void serve_best(int listener)
{
    serve(listener, on_best_accept);
}

int main(int argc, char **argv)
{
    static const struct workers_form forms[] = {
            {"plain", false, serve_plain},
            {"best", true, serve_best},
    };
    return workers_main(argc, argv, forms, sizeof forms / sizeof forms[0]);
}
