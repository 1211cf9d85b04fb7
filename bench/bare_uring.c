// SPDX-License-Identifier: ISC
/*
 * bare.c's two forms on io_uring: a multishot accept and one receive per connection. `best` answers
 * by system calls, since the kernel hands a shutdown in the ring to a helper thread. `more` leaves
 * shutdown and drain out and stays in the ring: the most that io_uring can do, but unread octets
 * lose its answer.
 */
#include "answer.h"
#include "workers.h"

#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RING_ENTRIES = 1024 };
enum operation { ACCEPTED, RECEIVED, DONE };

/* Nobody reads a question, so all of them are received into one place. */
struct worker {
    struct io_uring ring;
    int listener;
    void (*answer)(struct worker *worker, int fd);
    char question[QUESTION_MAX];
};

static struct io_uring_sqe *next_entry(struct worker *worker)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&worker->ring);
    if (entry != NULL)
        return entry;
    io_uring_submit(&worker->ring);
    entry = io_uring_get_sqe(&worker->ring);
    if (entry == NULL)
        abort();
    return entry;
}

static void mark(struct io_uring_sqe *entry, enum operation operation, int fd)
{
    io_uring_sqe_set_data64(entry, (uint64_t)(uint32_t)fd << 8 | (uint64_t)operation);
}

static void queue_accept(struct worker *worker)
{
    struct io_uring_sqe *entry = next_entry(worker);
    io_uring_prep_multishot_accept(
            entry, worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    mark(entry, ACCEPTED, worker->listener);
}

static void queue_receive(struct worker *worker, int fd)
{
    struct io_uring_sqe *entry = next_entry(worker);
    io_uring_prep_recv(entry, fd, worker->question, sizeof worker->question, 0);
    mark(entry, RECEIVED, fd);
}

static void queue_answer(struct worker *worker, int fd, int flags)
{
    /* A chain that is cut in two by a full queue is no chain. */
    if (io_uring_sq_space_left(&worker->ring) < 2)
        io_uring_submit(&worker->ring);
    struct io_uring_sqe *entry = next_entry(worker);
    io_uring_prep_send(entry, fd, ANSWER, sizeof ANSWER - 1, flags);
    mark(entry, DONE, fd);
    io_uring_sqe_set_flags(entry, IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS);
    entry = next_entry(worker);
    io_uring_prep_close(entry, fd);
    mark(entry, DONE, fd);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
}

static void ring_answer_plain(struct worker *worker, int fd)
{
    queue_answer(worker, fd, MSG_NOSIGNAL);
}

static void ring_answer_more(struct worker *worker, int fd)
{
    queue_answer(worker, fd, MSG_NOSIGNAL | MSG_MORE);
}

static void ring_answer_best(struct worker *worker, int fd)
{
    (void)worker;
    answer_best(fd);
}

static void handle(struct worker *worker, const struct io_uring_cqe *done)
{
    switch ((enum operation)(done->user_data & 0xff)) {
    case ACCEPTED:
        if (done->res >= 0)
            queue_receive(worker, done->res);
        if (!(done->flags & IORING_CQE_F_MORE))
            queue_accept(worker);
        break;
    case RECEIVED:
        if (done->res > 0)
            worker->answer(worker, (int)(done->user_data >> 8));
        else
            close((int)(done->user_data >> 8));
        break;
    case DONE:
        break;
    }
}

static void serve(int listener, void (*answer)(struct worker *worker, int fd))
{
    struct worker worker = {.listener = listener, .answer = answer};
    unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    int error = io_uring_queue_init(RING_ENTRIES, &worker.ring, flags);
    if (error == 0)
        queue_accept(&worker);
    while (error >= 0) {
        error = io_uring_submit_and_wait(&worker.ring, 1);
        struct io_uring_cqe *done;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&worker.ring, head, done)
        {
            handle(&worker, done);
            count++;
        }
        io_uring_cq_advance(&worker.ring, count);
    }
    fprintf(stderr, "io_uring: %s\n", strerror(-error));
}

static void serve_plain(int listener)
{
    serve(listener, ring_answer_plain);
}

static void serve_best(int listener)
{
    serve(listener, ring_answer_best);
}

static void serve_more(int listener)
{
    serve(listener, ring_answer_more);
}

int main(int argc, char **argv)
{
    static const struct workers_form forms[] = {
            {"plain", false, serve_plain},
            {"best", true, serve_best},
            {"more", true, serve_more},
    };
    return workers_main(argc, argv, forms, sizeof forms / sizeof forms[0]);
}
