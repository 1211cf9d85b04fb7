// SPDX-License-Identifier: ISC
/* The limit to compare with: epoll by hand. Parses nothing and says YES. */
#include "answer.h"
#include "workers.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BATCH = 64 };

struct style {
    bool read_at_accept;
    bool accept_all; /* until EAGAIN, instead of one connection per event */
    void (*answer)(int fd);
};

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        perror("epoll_ctl");
}

static void accept_some(int epoll, int listener, const struct style *style)
{
    do {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (!style->read_at_accept || !answer_question(fd, style->answer))
            watch(epoll, fd);
    } while (style->accept_all);
}

static void serve(int listener, const struct style *style)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    struct epoll_event events[BATCH];
    int count;
    while ((count = epoll_wait(epoll, events, BATCH, -1)) >= 0) {
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_some(epoll, listener, style);
            else
                answer_question(events[i].data.fd, style->answer);
        }
    }
    perror("epoll_wait");
}

static void serve_plain(int listener)
{
    const struct style plain = {.answer = answer_plain};
    serve(listener, &plain);
}

static void serve_best(int listener)
{
    const struct style best = {.read_at_accept = true, .answer = answer_best};
    serve(listener, &best);
}

/* With little to do, every second accept finds nobody: this form shows what that costs. */
static void serve_greedy(int listener)
{
    const struct style greedy = {.read_at_accept = true, .accept_all = true, .answer = answer_best};
    serve(listener, &greedy);
}

int main(int argc, char **argv)
{
    static const struct workers_form forms[] = {
            {"plain", false, serve_plain},
            {"best", true, serve_best},
            {"greedy", true, serve_greedy},
    };
    return workers_main(argc, argv, forms, sizeof forms / sizeof forms[0]);
}
