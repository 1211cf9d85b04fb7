// SPDX-License-Identifier: ISC
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/keyfile.h"
#include "config/config.h"
#include "milter/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is what comes over the socket, and then its end. Either it is a bundle, and that is
 * sent as the same octets, or nothing of it is there. */

#define STREAM_MAX 65536 /* octets that a socket takes at once */

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A socket at which the input is to be read. */
static int socket_with(const uint8_t *data, size_t size)
{
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    must(send(fds[0], data, size, MSG_DONTWAIT) == (ssize_t)size);
    close(fds[0]);
    return fds[1];
}

static void must_be_terminated(const char *part, size_t len, size_t max)
{
    must(part == NULL || (len <= max && part[len] == '\0'));
}

static void check_received(const struct bundle *bundle, const uint8_t *data, size_t size)
{
    static uint8_t again[STREAM_MAX];
    int fds[2];
    size_t len = 0;
    ssize_t got;

    must(bundle->path != NULL && bundle->config != NULL);
    must_be_terminated(bundle->config, bundle->config_len, CONFIG_MAX);
    must_be_terminated(bundle->key, bundle->key_len, KEYFILE_MAX);
    must_be_terminated(bundle->logins, bundle->logins_len, CONFIG_MAX);
    /* These are C strings and may end before their parts do. */
    const uint32_t *head = (const uint32_t *)(const void *)data;
    size_t cut = head[0] - 1 - strlen(bundle->path);
    cut += bundle->key_path != NULL ? head[4] - 1 - strlen(bundle->key_path) : 0;
    cut += bundle->section != NULL ? head[5] - 1 - strlen(bundle->section) : 0;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    must(bundle_send(fds[0], bundle));
    close(fds[0]);
    while ((got = recv(fds[1], again + len, sizeof again - len, 0)) > 0)
        len += (size_t)got;
    close(fds[1]);
    must(len + cut <= size);
    must(cut > 0 || memcmp(again, data, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bundle bundle;
    uint32_t *copy = malloc(size > 0 ? size : 1);

    must(copy != NULL && sodium_init() >= 0);
    if (size > STREAM_MAX || size == 0) {
        free(copy);
        return 0;
    }
    memcpy(copy, data, size);
    const int fd = socket_with(data, size);
    if (bundle_receive(fd, &bundle)) {
        check_received(&bundle, (const uint8_t *)copy, size);
        bundle_clear(&bundle);
    } else {
        must(errno == ECONNRESET || errno == EPROTO);
        must(bundle.path == NULL && bundle.config == NULL);
        must(bundle.key == NULL && bundle.logins == NULL);
    }
    close(fd);
    free(copy);
    return 0;
}
