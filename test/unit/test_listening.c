// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/listener.h"
#include "base/log.h"
#include "capture.h"
#include "child.h"
#include "unit.h"
#include "verimaild/listening.h"

#define FDS_MAX 32

/* `count` addresses to listen on. */
static struct config_service service_of(const char *const *addresses, size_t count)
{
    struct config_service service = {0};

    for (size_t i = 0; i < count; i++)
        assert_true(config_list_add(
                &service.listen, (struct config_text){strdup(addresses[i]), (unsigned)i + 1}));
    return service;
}

#define SERVICE(...)                                                                               \
    service_of((const char *const[]){__VA_ARGS__},                                                 \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct listening *open_all(
        const struct config_service *service, size_t workers, const struct listening *before)
{
    struct problems *problems = problems_init("f");
    struct listening *l = listening_open(service, workers, before, NULL, 0, problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    assert_non_null(l);
    problems_free(&problems);
    return l;
}

static unsigned port_of(int fd)
{
    struct endpoint bound = {.len = sizeof bound.address};

    assert_int_equal(getsockname(fd, &bound.address.any, &bound.len), 0);
    return ntohs(bound.address.v4.sin_port); /* where IPv6 has it too */
}

/* One worker's sockets as text: for each the number of its address, told by the port. */
static void check_worker(const struct listening *l, size_t worker, size_t workers, size_t want)
{
    int fds[FDS_MAX];
    int one = -1;

    assert_int_equal(listening_of_worker(l, worker, workers, fds, FDS_MAX), want);
    for (size_t i = 0; i < want; i++)
        assert_int_not_equal(port_of(fds[i]), 0);
    assert_int_equal(listening_of_worker(l, worker, workers, &one, 1), want);
    assert_int_equal(one, want > 0 ? fds[0] : -1);
}

TEST(a_socket_for_each_worker)
{
    struct config_service service = SERVICE("127.0.0.1:0", "127.0.0.2:0");
    struct listening *l = open_all(&service, 3, NULL);
    int all[3][FDS_MAX];

    assert_false(listening_is_shared(l));
    for (size_t worker = 0; worker < 3; worker++) {
        check_worker(l, worker, 3, 2);
        listening_of_worker(l, worker, 3, all[worker], FDS_MAX);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(port_of(all[worker][i]), port_of(all[0][i]));
            for (size_t other = 0; other < worker; other++)
                assert_int_not_equal(all[worker][i], all[other][i]);
        }
    }
    listening_close(&l);
    assert_null(l);
    listening_close(&l);
    assert_int_equal(fcntl(all[0][0], F_GETFD), -1);
    config_list_free(&service.listen);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* `*` takes IPv4 at every worker's socket. */
TEST(wildcard_for_all_workers)
{
    struct config_service service = SERVICE("*:0");
    struct listening *l = open_all(&service, 3, NULL);

    for (size_t worker = 0; worker < 3; worker++) {
        int fd = -1;
        assert_int_equal(listening_of_worker(l, worker, 3, &fd, 1), 1);
        if (option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6)
            assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    }
    listening_close(&l);
    config_list_free(&service.listen);
}

static int connect_to(unsigned port)
{
    struct endpoint to;
    char text[ENDPOINT_TEXT_MAX];
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_true(endpoint_parse(text, &to));
    assert_int_equal(connect(fd, &to.address.any, to.len), 0);
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1); /* a silent one would not be accepted */
    return fd;
}

static bool has_one(int listener)
{
    struct pollfd ready = {.fd = listener, .events = POLLIN};

    return poll(&ready, 1, 0) == 1;
}

/* The next generation has the same sockets, down to what is queued at them, though the first is
 * closed; addresses of its own as well; and one fewer. */
TEST(the_next_generation)
{
    struct config_service first = SERVICE("127.0.0.1:0", "127.0.0.2:0");
    struct config_service next = SERVICE("127.0.0.3:0", "127.0.0.1:0");
    struct listening *before = open_all(&first, 1, NULL);
    int old[FDS_MAX];
    int fds[FDS_MAX];
    bool kept[2] = {false, true};

    assert_int_equal(listening_of_worker(before, 0, 1, old, FDS_MAX), 2);
    const unsigned port = port_of(old[0]);
    const int client = connect_to(port);
    struct listening *after = open_all(&next, 1, before);
    listening_kept(before, 0, 1, after, kept, 2);
    assert_true(kept[0]);
    assert_false(kept[1]);
    listening_close(&before);
    assert_int_equal(listening_of_worker(after, 0, 1, fds, FDS_MAX), 2);
    assert_int_equal(port_of(fds[1]), port);
    assert_true(has_one(fds[1]));
    assert_false(has_one(fds[0]));
    close(client);
    listening_close(&after);
    config_list_free(&first.listen);
    config_list_free(&next.listen);
}

TEST(more_and_fewer_workers)
{
    static const struct {
        size_t before;
        size_t after;
        size_t want[5]; /* sockets of each worker */
    } table[] = {
            {1, 3, {1, 1, 1}},
            {3, 1, {3}},
            {5, 2, {3, 2}},
            {4, 3, {2, 1, 1}},
            {2, 2, {1, 1}},
    };
    struct config_service service = SERVICE("127.0.0.1:0");

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct listening *before = open_all(&service, table[i].before, NULL);
        struct listening *after = open_all(&service, table[i].after, before);
        for (size_t worker = 0; worker < table[i].after; worker++)
            check_worker(after, worker, table[i].after, table[i].want[worker]);
        listening_close(&before);
        listening_close(&after);
    }
    config_list_free(&service.listen);
}

/* `kept` is in the order of the worker's sockets, and no longer than it may be. */
TEST(kept_is_in_order)
{
    struct config_service first = SERVICE("127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0");
    struct config_service next = SERVICE("127.0.0.2:0");
    struct listening *before = open_all(&first, 4, NULL);
    struct listening *after = open_all(&next, 2, before);

    /* two workers of four sockets each: two at each address */
    bool kept[7] = {false, false, false, false, false, false, true};
    listening_kept(before, 1, 2, after, kept, 6);
    static const bool want[] = {false, false, true, true, false, false, true};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(kept[i], want[i]);
    bool few[4] = {false, false, false, false};
    listening_kept(before, 1, 2, after, few, 3);
    assert_true(few[2] && !few[3]);
    listening_close(&before);
    listening_close(&after);
    config_list_free(&first.listen);
    config_list_free(&next.listen);
}

TEST(addresses_that_cannot_be_had)
{
    struct config_service service = SERVICE("127.0.0.1:0", "240.0.0.1:26", "240.0.0.2:26");
    struct problems *problems = problems_init("f");

    assert_non_null(problems);
    assert_null(listening_open(&service, 2, NULL, NULL, 0, problems));
    assert_string_equal(problems_text(problems),
            "f:2: Cannot assign requested address: 240.0.0.1:26: expected an address to listen "
            "on\n"
            "f:3: Cannot assign requested address: 240.0.0.2:26: expected an address to listen "
            "on\n");
    problems_free(&problems);
    config_list_free(&service.listen);
}

/* A stranger's socket that listens at an address of its own, with this option set; 0: none. */
static int stranger(const char *address, int socket_option, unsigned *port_r)
{
    const int one = 1;
    struct endpoint at;

    assert_true(endpoint_parse(address, &at));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_option != 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, socket_option, &one, sizeof one), 0);
    assert_int_equal(bind(fd, &at.address.any, at.len), 0);
    assert_int_equal(listen(fd, 8), 0);
    *port_r = port_of(fd);
    return fd;
}

/* Whatever options it set, and at whatever address of the port, also behind one of ours at a
 * reload. */
TEST(ports_of_others_are_refused)
{
    static const struct {
        int option;
        const char *theirs;
        const char *ours;
    } table[] = {
            {0, "127.0.0.1:0", "127.0.0.1"},
            {SO_REUSEADDR, "127.0.0.1:0", "127.0.0.1"},
            {SO_REUSEPORT, "127.0.0.1:0", "127.0.0.1"},
            {SO_REUSEPORT, "0.0.0.0:0", "127.0.0.1"},
            {SO_REUSEPORT, "127.0.0.1:0", "0.0.0.0"},
            {SO_REUSEADDR, "127.0.0.1:0", "*"},
            {SO_REUSEPORT, "127.0.0.1:0", "*"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        unsigned port = 0;
        char address[64];
        char want[256];
        const int other = stranger(table[i].theirs, table[i].option, &port);
        snprintf(address, sizeof address, "%s:%u", table[i].ours, port);
        snprintf(want, sizeof want,
                "f:2: another program listens there: %s: expected an address to listen on\n",
                address);
        struct config_service service = SERVICE("127.0.0.9:0", address);
        struct config_service first = SERVICE("127.0.0.9:0");
        struct problems *problems = problems_init("f");
        struct listening *before = open_all(&first, 2, NULL);
        assert_non_null(problems);
        assert_null(listening_open(&service, 2, before, NULL, 0, problems));
        assert_string_equal(problems_text(problems), want);
        /* It is free once the stranger has gone, though connections to it are still there. */
        const int client = connect_to(port);
        const int accepted = accept(other, NULL, NULL);
        close(accepted);
        close(other);
        struct listening *l = open_all(&service, 2, before);
        close(client);
        listening_close(&l);
        listening_close(&before);
        problems_free(&problems);
        config_list_free(&service.listen);
        config_list_free(&first.listen);
    }
}

/* An address at which workers of an earlier generation still listen, and one that overlaps ours. */
TEST(ports_of_ours_are_not_refused)
{
    struct config_service first = SERVICE("127.0.0.1:0");
    struct config_service other = SERVICE("127.0.0.2:0");
    struct listening *old = open_all(&first, 2, NULL);
    struct listening *serving = open_all(&other, 2, NULL);
    int fds[FDS_MAX];
    char again[64];
    char all[64];

    assert_int_equal(listening_of_worker(old, 0, 2, fds, FDS_MAX), 1);
    const int of_worker = dup(fds[0]); /* a worker has it, too */
    snprintf(again, sizeof again, "127.0.0.1:%u", port_of(fds[0]));
    snprintf(all, sizeof all, "0.0.0.0:%u", port_of(fds[0]));
    listening_release(old);
    assert_int_equal(listening_of_worker(old, 0, 2, fds, FDS_MAX), 0);
    struct config_service next = SERVICE(again, all);
    const struct listening *const ours[] = {NULL, old, serving};
    struct problems *problems = problems_init("f");
    assert_non_null(problems);
    assert_null(listening_open(&next, 2, serving, NULL, 0, problems));
    struct problems *none = problems_init("f");
    assert_non_null(none);
    struct listening *l = listening_open(&next, 2, serving, ours, 3, none);
    assert_string_equal(problems_text(none), "");
    assert_non_null(l);
    close(of_worker);
    listening_close(&l);
    listening_close(&old);
    listening_close(&serving);
    problems_free(&problems);
    problems_free(&none);
    config_list_free(&first.listen);
    config_list_free(&other.listen);
    config_list_free(&next.listen);
}

TEST(addresses_are_logged)
{
    struct config_service service = SERVICE("127.0.0.1:0");
    struct listening *l = open_all(&service, 1, NULL);
    char want[128];
    char got[256];
    int fd = -1;

    listening_of_worker(l, 0, 1, &fd, 1);
    snprintf(want, sizeof want, "<5>level=notice event=listening address=127.0.0.1:%u\n",
            port_of(fd));
    setenv("JOURNAL_STREAM", "8:1", 1);
    struct capture capture = capture_begin();
    log_init();
    listening_log(l);
    capture_read(&capture, got, sizeof got);
    capture_end(&capture);
    assert_string_equal(got, want);
    listening_close(&l);
    config_list_free(&service.listen);
}

/* As systemd leaves it: descriptors from 3 up, and two words in the environment. */
static bool hand_over(const int *fds, size_t count)
{
    char text[32];

    for (size_t i = 0; i < count; i++)
        if (dup2(fds[i], 3 + (int)i) < 0)
            return false;
    snprintf(text, sizeof text, "%d", getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof text, "%zu", count);
    setenv("LISTEN_FDS", text, 1);
    return true;
}

/* A socket that others opened, far from where it will be handed over. */
static int others_socket(int type)
{
    struct endpoint at = {.len = sizeof at.address.v4};
    const int fd = socket(AF_INET, type, 0);

    at.address.v4.sin_family = AF_INET;
    at.address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, &at.address.any, at.len) != 0 ||
            (type == SOCK_STREAM && listen(fd, 8) != 0))
        return -1;
    return fcntl(fd, F_DUPFD, 100);
}

static bool takes_what_is_handed_over(void *context)
{
    struct config_service service = SERVICE("127.0.0.9:0");
    struct problems *problems = problems_init("f");
    const int others[] = {others_socket(SOCK_STREAM), others_socket(SOCK_STREAM)};
    int fds[FDS_MAX];

    assert_non_null(problems);
    (void)context;
    if (!hand_over(others, 2))
        return false;
    struct listening *l = listening_open(&service, 4, NULL, NULL, 0, problems);
    if (l == NULL || !listening_is_shared(l))
        return false;
    bool ok = true;
    for (size_t worker = 0; worker < 4; worker++)
        ok = ok && listening_of_worker(l, worker, 4, fds, FDS_MAX) == 2 && fds[0] == 3 &&
             fds[1] == 4 && port_of(3) == port_of(others[0]);
    /* the next generation shares them, though nothing is handed over to it */
    struct listening *next = listening_open(&service, 2, l, NULL, 0, problems);
    bool kept[2] = {false, false};
    ok = ok && next != NULL && listening_is_shared(next) &&
         listening_of_worker(next, 1, 2, fds, FDS_MAX) == 2 && fds[0] != 3 &&
         port_of(fds[1]) == port_of(others[1]);
    listening_kept(l, 0, 4, next, kept, 2);
    return ok && kept[0] && kept[1] && problems_count(problems) == 0;
}

TEST(sockets_from_systemd)
{
    assert_int_equal(child_end(takes_what_is_handed_over, NULL), 0);
}

static bool refuses_what_is_no_listener(void *context)
{
    struct config_service service = SERVICE("127.0.0.9:0");
    struct problems *problems = problems_init("f");
    const int other = others_socket(SOCK_DGRAM);

    assert_non_null(problems);
    (void)context;
    return hand_over(&other, 1) && listening_open(&service, 1, NULL, NULL, 0, problems) == NULL &&
           strcmp(problems_text(problems),
                   "f: a socket from systemd that cannot be used: Protocol wrong type for socket: "
                   "expected ListenStream= with an address and a port\n") == 0;
}

TEST(bad_sockets_from_systemd)
{
    assert_int_equal(child_end(refuses_what_is_no_listener, NULL), 0);
}
