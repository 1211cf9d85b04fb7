// SPDX-License-Identifier: ISC
#include "process/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "protocol/text.h"

#define LISTEN_FDS_START 3

bool notify_is_booted(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

void notify_send(const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
            strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    const size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* an abstract name, without a file */
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* An error concerns only the program that is to be notified. */
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
            (socklen_t)len);
    close(fd);
}

void notify_reloading(void)
{
    char state[64];

    snprintf(
            state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)mono_us());
    notify_send(state);
}

size_t notify_listen_fds(int *first_r)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    uint64_t value = 0;

    *first_r = LISTEN_FDS_START;
    if (pid == NULL || count == NULL || !text_decimal(text_of(pid), INT32_MAX, &value) ||
            value != (uint64_t)getpid() || !text_decimal(text_of(count), 1024, &value))
        return 0;
    return (size_t)value;
}
