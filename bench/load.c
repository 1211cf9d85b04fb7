// SPDX-License-Identifier: ISC
/*
 * A closed-loop load generator: so many connections in flight, one question on each, and the next
 * one only when an answer is complete. Every question ends in exactly one of the counts that it
 * prints.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, ANSWER_MAX = 512, CONNECTIONS_MAX = 10000, SOURCES_MAX = 1 << 16 };

enum outcome {
    RIGHT,       /* the wanted answer, complete, then end of file */
    WRONG,       /* another answer */
    LOST,        /* end of file before a complete line */
    RESET,       /* a reset or another error, even if it followed the answer */
    UNCONNECTED, /* there never was a connection */
    LATE,        /* no end of file in time */
    OUTCOMES
};

static const char *const outcome_names[OUTCOMES] = {
        [RIGHT] = "right",
        [WRONG] = "wrong",
        [LOST] = "lost",
        [RESET] = "reset",
        [UNCONNECTED] = "unconnected",
        [LATE] = "late",
};

struct line {
    const char *text;
    size_t size;
};

struct connection {
    int fd; /* -1: not in use */
    bool sent;
    struct line question;
    double started;
    size_t used;
    char answer[ANSWER_MAX];
};

struct load {
    in_port_t port;
    const char *want;
    unsigned long wanted_questions;
    unsigned connections;
    uint32_t sources;
    double patience; /* seconds for one question */

    struct line *lines;
    size_t line_count;
    unsigned long first; /* line, from 0 */
    struct connection *all;
    int epoll;
    unsigned open;
    unsigned long asked;
    unsigned long counts[OUTCOMES];
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The first surprise of each kind is shown; thousands more would say the same. */
static void end(struct load *load, struct connection *connection, enum outcome outcome)
{
    if (load->counts[outcome]++ == 0 && outcome != RIGHT)
        fprintf(stderr, "load: first %s: asked %.*s; answered in %zu octets: %.*s\n",
                outcome_names[outcome], (int)connection->question.size - 1,
                connection->question.text, connection->used, (int)connection->used,
                connection->answer);
    close(connection->fd);
    connection->fd = -1;
    load->open--;
}

static enum outcome judge(const struct load *load, const struct connection *connection)
{
    const char *answer = connection->answer;
    size_t used = connection->used;
    size_t want = strlen(load->want);
    if (used < 2 || memcmp(answer + used - 2, "\r\n", 2) != 0)
        return LOST;
    if (used <= want || memcmp(answer, load->want, want) != 0)
        return WRONG;
    return answer[want] == ' ' || answer[want] == '\r' ? RIGHT : WRONG;
}

static void receive(struct load *load, struct connection *connection)
{
    for (;;) {
        size_t room = sizeof connection->answer - connection->used;
        if (room == 0) {
            end(load, connection, WRONG);
            return;
        }
        ssize_t got = recv(connection->fd, connection->answer + connection->used, room, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            end(load, connection, got == 0 ? judge(load, connection) : RESET);
            return;
        }
        connection->used += (size_t)got;
    }
}

/* Returns false if the connection is over. A question fits any send buffer: one send is enough. */
static bool send_question(struct load *load, struct connection *connection)
{
    const struct line *question = &connection->question;
    ssize_t sent = send(connection->fd, question->text, question->size, MSG_NOSIGNAL);
    connection->sent = sent == (ssize_t)question->size;
    if (connection->sent || (sent < 0 && errno == EAGAIN))
        return true;
    end(load, connection, sent < 0 && errno == ECONNREFUSED ? UNCONNECTED : RESET);
    return false;
}

/* The source addresses are 127.1.0.0 and following: a service may count connections per address. */
static bool connect_from(const struct load *load, int fd, uint32_t source)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f010000 + source);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(load->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    /* The port is chosen at connect: only the pair of addresses must be free, not the port. */
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(fd, (const struct sockaddr *)&from, sizeof from) == 0 &&
           (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
}

static void ask(struct load *load, struct connection *connection)
{
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket");
    connection->question = load->lines[(load->first + load->asked) % load->line_count];
    connection->used = 0;
    connection->started = now();
    uint32_t source = (uint32_t)(load->asked++ % load->sources);
    load->open++;
    if (!connect_from(load, connection->fd, source)) {
        end(load, connection, UNCONNECTED);
        return;
    }
    /* On the loopback the connection usually stands already, which saves waiting for EPOLLOUT. */
    if (!send_question(load, connection))
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (!connection->sent)
        event.events |= EPOLLOUT;
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        die("epoll_ctl");
}

static void proceed(struct load *load, struct connection *connection)
{
    if (!connection->sent) {
        if (!send_question(load, connection) || !connection->sent)
            return;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event) < 0)
            die("epoll_ctl");
    }
    receive(load, connection);
}

static void end_late(struct load *load)
{
    double oldest = now() - load->patience;
    for (unsigned i = 0; i < load->connections; i++) {
        if (load->all[i].fd >= 0 && load->all[i].started < oldest)
            end(load, &load->all[i], LATE);
    }
}

/* Puts every idle place to work. A failed attempt has been counted, so this ends. */
static void refill(struct load *load)
{
    for (unsigned i = 0; i < load->connections; i++) {
        while (load->all[i].fd < 0 && load->asked < load->wanted_questions)
            ask(load, &load->all[i]);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[BATCH];
    double next_look = now() + 1;
    refill(load);
    while (load->open > 0) {
        int count = epoll_wait(load->epoll, events, BATCH, 1000);
        if (count < 0)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            proceed(load, connection);
            while (connection->fd < 0 && load->asked < load->wanted_questions)
                ask(load, connection);
        }
        if (now() >= next_look) {
            end_late(load);
            refill(load);
            next_look = now() + 1;
        }
    }
}

static void read_questions(struct load *load, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die(path);
    char *text = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&text, &room, file)) > 0) {
        load->lines = reallocarray(load->lines, load->line_count + 1, sizeof *load->lines);
        if (load->lines == NULL)
            die("memory");
        load->lines[load->line_count++] = (struct line){.text = text, .size = (size_t)size};
        text = NULL; /* the line keeps it; it lives as long as the program */
        room = 0;
    }
    free(text);
    fclose(file);
    if (load->line_count == 0) {
        fprintf(stderr, "load: %s: no questions\n", path);
        exit(2);
    }
}

static unsigned long number(const char *text, unsigned long least, unsigned long most)
{
    char *rest;
    errno = 0;
    unsigned long value = strtoul(text, &rest, 10);
    if (errno != 0 || rest == text || *rest != '\0' || value < least || value > most) {
        fprintf(stderr, "load: %s: not a number from %lu to %lu\n", text, least, most);
        exit(2);
    }
    return value;
}

static void usage(void)
{
    fputs("usage: load --port N --questions FILE [--want YES] [--count 20000] [--connections 64]\n"
          "            [--sources 256] [--patience SECONDS] [--first LINE, from 0; after the last\n"
          "            line comes line 0]\n",
            stderr);
    exit(2);
}

static void read_options(struct load *load, int argc, char **argv)
{
    static const struct option options[] = {
            {"port", required_argument, NULL, 'p'},
            {"questions", required_argument, NULL, 'q'},
            {"want", required_argument, NULL, 'w'},
            {"count", required_argument, NULL, 'n'},
            {"connections", required_argument, NULL, 'c'},
            {"sources", required_argument, NULL, 's'},
            {"patience", required_argument, NULL, 't'},
            {"first", required_argument, NULL, 'f'},
            {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            load->port = (in_port_t)number(optarg, 1, UINT16_MAX);
            break;
        case 'q':
            read_questions(load, optarg);
            break;
        case 'w':
            load->want = optarg;
            break;
        case 'n':
            load->wanted_questions = number(optarg, 1, 1000000000);
            break;
        case 'c':
            load->connections = (unsigned)number(optarg, 1, CONNECTIONS_MAX);
            break;
        case 's':
            load->sources = (uint32_t)number(optarg, 1, SOURCES_MAX);
            break;
        case 't':
            load->patience = (double)number(optarg, 1, 3600);
            break;
        case 'f':
            load->first = number(optarg, 0, 1000000000);
            break;
        default:
            usage();
        }
    }
    if (optind != argc || load->port == 0 || load->line_count == 0)
        usage();
}

static void report(const struct load *load, double seconds)
{
    printf("asked=%lu seconds=%.6f per_second=%.1f", load->asked, seconds,
            (double)load->counts[RIGHT] / seconds);
    for (int i = 0; i < OUTCOMES; i++)
        printf(" %s=%lu", outcome_names[i], load->counts[i]);
    putchar('\n');
}

int main(int argc, char **argv)
{
    struct load load = {
            .want = "YES",
            .wanted_questions = 20000,
            .connections = 64,
            .sources = 256,
            .patience = 10,
    };
    read_options(&load, argc, argv);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.all = calloc(load.connections, sizeof *load.all);
    if (load.epoll < 0 || load.all == NULL)
        die("epoll or memory");
    for (unsigned i = 0; i < load.connections; i++)
        load.all[i].fd = -1;

    double started = now();
    run(&load);
    report(&load, now() - started);
    return load.counts[RIGHT] == load.asked ? 0 : 1;
}
