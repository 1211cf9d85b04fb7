// SPDX-License-Identifier: ISC
#include "workers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, BACKLOG = 4096, DEFER_SECONDS = 5 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void set_option(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        die("setsockopt");
}

/* Port 0 asks the kernel for one; the port that it became is what is returned. */
static in_port_t listen_on(in_port_t port, bool defer_accept, int *listener_r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (defer_accept)
        set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0)
        die("bind or listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("getsockname");
    *listener_r = fd;
    return ntohs(address.sin_port);
}

static void fork_worker(const struct workers_form *form, const int *listeners, int count, int mine)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child > 0)
        return;
    /* The second look is for a parent that died before the first call took effect. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    for (int i = 0; i < count; i++) {
        if (i != mine)
            close(listeners[i]);
    }
    form->serve(listeners[mine]);
    _exit(1);
}

static int run(const struct workers_form *form, int count)
{
    int listeners[WORKERS_MAX];
    in_port_t port = 0;
    for (int i = 0; i < count; i++)
        port = listen_on(port, form->defer_accept, &listeners[i]);
    for (int i = 0; i < count; i++)
        fork_worker(form, listeners, count, i);
    for (int i = 0; i < count; i++)
        close(listeners[i]);
    printf("port=%d\n", port);
    fflush(stdout);
    wait(NULL);
    fputs("a worker died\n", stderr);
    return 1;
}

int workers_main(int argc, char **argv, const struct workers_form *forms, size_t count)
{
    int workers = argc == 3 ? atoi(argv[2]) : 1;
    if (argc >= 2 && argc <= 3 && workers >= 1 && workers <= WORKERS_MAX) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(argv[1], forms[i].name) == 0)
                return run(&forms[i], workers);
        }
    }
    fprintf(stderr, "usage: %s FORM [WORKERS, 1 to %d]; forms:", argv[0], WORKERS_MAX);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %s", forms[i].name);
    fputc('\n', stderr);
    return 2;
}
