// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "folder.h"
#include "process/notify.h"
#include "unit.h"

/* A socket as systemd has it; `path` as NOTIFY_SOCKET says it. */
static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0 && len <= sizeof address.sun_path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
            0);
    return fd;
}

static const char *received(int fd, char buffer_r[256])
{
    const ssize_t len = recv(fd, buffer_r, 255, 0);

    buffer_r[len > 0 ? len : 0] = '\0';
    return len < 0 ? "nothing" : buffer_r;
}

TEST(states_are_sent)
{
    const struct folder folder = folder_make();
    char path[FOLDER_PATH_MAX];
    char buffer[256];

    folder_path(&folder, "notify", path);
    const int file = open_socket(path);
    setenv("NOTIFY_SOCKET", path, 1);
    notify_send("READY=1\nSTATUS=x");
    assert_string_equal(received(file, buffer), "READY=1\nSTATUS=x");
    notify_send("STOPPING=1");
    assert_string_equal(received(file, buffer), "STOPPING=1");
    snprintf(path, sizeof path, "@verimail-test-%d", getpid());
    const int abstract = open_socket(path);
    setenv("NOTIFY_SOCKET", path, 1);
    notify_send("READY=1");
    assert_string_equal(received(abstract, buffer), "READY=1");
    assert_string_equal(received(file, buffer), "nothing");
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
    assert_string_equal(received(abstract, buffer), "nothing");
    close(file);
    close(abstract);
    folder_remove(&folder);
}

/* As long as an address may be, and one octet longer. */
TEST(long_paths)
{
    const struct sockaddr_un address;
    char path[sizeof address.sun_path + 1];
    char buffer[256];

    memset(path, 'x', sizeof path);
    const int head = snprintf(path, sizeof path, "@verimail-test-%d-", getpid());
    path[head] = 'x';
    path[sizeof address.sun_path - 1] = '\0';
    const int fd = open_socket(path);
    setenv("NOTIFY_SOCKET", path, 1);
    notify_send("READY=1");
    assert_string_equal(received(fd, buffer), "READY=1");
    path[sizeof address.sun_path - 1] = 'x';
    path[sizeof address.sun_path] = '\0';
    setenv("NOTIFY_SOCKET", path, 1);
    notify_send("READY=1");
    assert_string_equal(received(fd, buffer), "nothing");
    close(fd);
}

/* Nobody is there: nothing happens. */
TEST(sockets_that_are_not)
{
    static const char *const paths[] = {"", "relative", "/nowhere/at/all", "@verimail-no-one"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        setenv("NOTIFY_SOCKET", paths[i], 1);
        const int before = dup(STDIN_FILENO);
        notify_send("READY=1");
        const int after = dup(STDIN_FILENO);
        assert_int_equal(after, before + 1); /* no descriptor was left open */
        close(before);
        close(after);
    }
}

TEST(reloading_has_its_time)
{
    char path[64];
    char buffer[256];
    unsigned long long when = 0;

    snprintf(path, sizeof path, "@verimail-test-%d", getpid());
    const int fd = open_socket(path);
    setenv("NOTIFY_SOCKET", path, 1);
    const uint64_t before = mono_us();
    notify_reloading();
    const uint64_t after = mono_us();
    assert_int_equal(sscanf(received(fd, buffer), "RELOADING=1\nMONOTONIC_USEC=%llu", &when), 1);
    assert_in_range(when, before, after);
    close(fd);
}

TEST(descriptors_that_are_handed_over)
{
    static const struct {
        const char *pid; /* "self": ours; NULL: not set */
        const char *fds;
        size_t want;
    } table[] = {
            {"self", "1", 1},
            {"self", "1024", 1024},
            {"self", "1025", 0},
            {"self", "0", 0},
            {"self", "-1", 0},
            {"self", "", 0},
            {"self", " 1", 0},
            {"self", "1x", 0},
            {"self", NULL, 0},
            {NULL, "1", 0},
            {"1", "1", 0},
            {"", "1", 0},
            {"99999999999999999999", "1", 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char self[32];
        int first = -1;
        snprintf(self, sizeof self, "%d", getpid());
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        if (table[i].pid != NULL)
            setenv("LISTEN_PID", strcmp(table[i].pid, "self") == 0 ? self : table[i].pid, 1);
        if (table[i].fds != NULL)
            setenv("LISTEN_FDS", table[i].fds, 1);
        const size_t got = notify_listen_fds(&first);
        if (got != table[i].want || first != 3) {
            print_error("row %zu: got %zu from %d, want %zu\n", i, got, first, table[i].want);
            fail();
        }
    }
}
