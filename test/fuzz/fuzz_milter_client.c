// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_len;
static int peer = -1;

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* In the place of libc's: the filter has already said all that it will ever say. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    static const int size = 1 << 20;
    int pair[2];

    (void)address, (void)len;
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    peer = pair[1];
    require(setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    require(send(peer, input, input_len, MSG_NOSIGNAL) == (ssize_t)input_len);
    require(shutdown(peer, SHUT_WR) == 0);
    require(dup2(pair[0], fd) == fd);
    require(close(pair[0]) == 0);
    return 0;
}

static void check_edit(const struct milter_client_edit *edit)
{
    require(edit->name[0] != '\0' && edit->name[strcspn(edit->name, ": \r\n")] == '\0');
    require(strchr(edit->value, '\r') == NULL);
    for (const char *at = edit->value; (at = strchr(at, '\n')) != NULL; at++)
        require(at[1] == ' ' || at[1] == '\t');
    if (edit->type == MILTER_CLIENT_REMOVE)
        require(edit->index > 0 && edit->value[0] == '\0');
}

static void check_end(struct milter_client *client)
{
    const enum milter_client_verdict verdict = milter_client_end(client);
    const char *reply = milter_client_reply(client);

    require(verdict == MILTER_CLIENT_TEMPFAIL || milter_client_error(client) == NULL);
    if (verdict == MILTER_CLIENT_ACCEPT)
        require(reply[0] == '\0');
    else
        require(reply[0] == (verdict == MILTER_CLIENT_REJECT ? '5' : '4'));
    require(strchr(reply, '\n') == NULL && strchr(reply, '\r') == NULL);
    for (size_t i = 0; i < milter_client_edits(client); i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        check_edit(&edit);
    }
}

/* The input is what a filter says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct milter_client_mail mail = {.client_address = "192.0.2.1", .sender = "a@b"};

    if (size > 1 << 16)
        return 0;
    input = data;
    input_len = size;
    struct milter_client *client = milter_client_open("unix:/filter", 60000);
    milter_client_mail(client, &mail);
    milter_client_recipient(client, "c@d");
    milter_client_field(client, "From", 4, " a@b", 4);
    milter_client_header_end(client);
    (void)milter_client_body(client, "hi\r\n", 4);
    check_end(client);
    milter_client_free(&client);
    require(close(peer) == 0);
    return 0;
}
