// SPDX-License-Identifier: ISC
#include "command/hostport.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "protocol/text.h"

static bool hostport_copy(struct text t, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);

    writer_put(&w, t);
    writer_char(&w, '\0');
    return t.len > 0 && !w.failed;
}

bool hostport_parse(const char *text, struct hostport *hostport_r)
{
    struct text host = text_of(text);
    struct text port = text_of(HOSTPORT_PORT);
    uint64_t number;

    const char *colon = strrchr(text, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        host.len = (size_t)(colon - text);
        port = text_of(colon + 1);
    }
    const bool bracketed = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (bracketed)
        host = (struct text){host.at + 1, host.len - 2};
    else if (memchr(host.at, ':', host.len) != NULL)
        return false;
    return text_decimal(port, 65535, &number) && number > 0 &&
           hostport_copy(host, hostport_r->host, sizeof hostport_r->host) &&
           hostport_copy(port, hostport_r->port, sizeof hostport_r->port);
}

static int hostport_remaining(uint64_t deadline)
{
    const uint64_t now = mono_ms();

    return now < deadline ? (int)(deadline - now) : 0;
}

/* A look-up that can be abandoned at its deadline. It is then never freed, because the resolver's
 * thread may still write to it. */
struct look_up {
    struct hostport hostport;
    struct addrinfo hints;
    struct gaicb request;
};

static int hostport_wait_for_look_up(struct look_up *l, uint64_t deadline)
{
    const struct gaicb *const list[] = {&l->request};

    for (;;) {
        const int ms = hostport_remaining(deadline);
        const struct timespec limit = {ms / 1000, (long)(ms % 1000) * 1000000};
        const int result = gai_error(&l->request);
        if (result != EAI_INPROGRESS || ms == 0)
            return result;
        (void)gai_suspend(list, 1, &limit);
    }
}

static struct addrinfo *hostport_look_up(
        const struct hostport *hostport, uint64_t deadline, char error_r[HOSTPORT_ERROR_MAX])
{
    struct look_up *l = calloc(1, sizeof *l);
    struct gaicb *list[] = {NULL};

    if (l == NULL) {
        snprintf(error_r, HOSTPORT_ERROR_MAX, "out of memory");
        return NULL;
    }
    l->hostport = *hostport;
    l->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    l->request = (struct gaicb){l->hostport.host, l->hostport.port, &l->hints, NULL};
    list[0] = &l->request;
    int result = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (result == 0)
        result = hostport_wait_for_look_up(l, deadline);
    struct addrinfo *found = result == 0 ? l->request.ar_result : NULL;
    if (result != 0)
        snprintf(error_r, HOSTPORT_ERROR_MAX, "its address cannot be found: %s",
                result == EAI_INPROGRESS ? "no answer in time" : gai_strerror(result));
    if (result != EAI_INPROGRESS || gai_cancel(&l->request) == EAI_CANCELED)
        free(l);
    return found;
}

size_t hostport_find(const struct hostport *hostport, uint64_t deadline,
        struct endpoint *endpoints_r, size_t size, char error_r[HOSTPORT_ERROR_MAX])
{
    struct addrinfo *found = hostport_look_up(hostport, deadline, error_r);
    size_t count = 0;

    for (const struct addrinfo *a = found; a != NULL && count < size; a = a->ai_next) {
        endpoints_r[count] = (struct endpoint){.len = a->ai_addrlen};
        memcpy(&endpoints_r[count++].address, a->ai_addr, a->ai_addrlen);
    }
    if (found != NULL)
        freeaddrinfo(found);
    return count;
}
