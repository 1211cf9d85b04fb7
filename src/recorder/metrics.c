// SPDX-License-Identifier: ISC
#include "recorder/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

#define MEMORY_MAX 16384 /* octets for a connection's request and the headers of the reply */
#define NAP 10           /* milliseconds */
#define TEXT_PLAIN "text/plain; charset=utf-8"
#define TEXT_METRICS "text/plain; version=0.0.4; charset=utf-8"

struct metrics {
    struct MHD_Daemon *daemon;
    enum recorder_daemon of;
    const struct counters *counters;
    /* Used by the thread only: the open connections, oldest first. */
    size_t count;
    int connected[METRICS_CONNECTIONS];
};

/* A NULL response closes the connection. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
        struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    const enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result metrics_say(
        struct MHD_Connection *connection, unsigned status, const char *line)
{
    char buffer[64];
    struct writer w = writer_of(buffer, sizeof buffer);

    writer_string(&w, line);
    const struct text text = writer_text(&w);
    return answer(connection, status, TEXT_PLAIN,
            MHD_create_response_from_buffer(text.len, buffer, MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result metrics_show(
        struct MHD_Connection *connection, const struct metrics *metrics)
{
    char *text = metrics_exposition(metrics->of, metrics->counters, unix_now());

    if (text == NULL)
        return MHD_NO;
    struct MHD_Response *response =
            MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    return answer(connection, MHD_HTTP_OK, TEXT_METRICS, response);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *body, size_t *body_size,
        void **request)
{
    const struct metrics *metrics = context;

    (void)version;
    (void)body;
    (void)body_size;
    (void)request;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return metrics_say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    if (strcmp(url, "/metrics") == 0)
        return metrics_show(connection, metrics);
    if (strcmp(url, "/") == 0)
        return metrics_say(connection, MHD_HTTP_OK, "Verimail: the counters are at /metrics\n");
    return metrics_say(
            connection, MHD_HTTP_NOT_FOUND, "nothing here: the counters are at /metrics\n");
}

static void metrics_forget(struct metrics *metrics, size_t i)
{
    metrics->count--;
    memmove(&metrics->connected[i], &metrics->connected[i + 1],
            (metrics->count - i) * sizeof metrics->connected[0]);
}

/* The library's limit on silence does not end a client that sends an octet now and then. Such
 * clients must not keep others out. A socket that is shut down here is closed by the library in its
 * next turn. */
static void on_connection(void *context, struct MHD_Connection *connection, void **its,
        enum MHD_ConnectionNotificationCode what)
{
    struct metrics *metrics = context;
    const int fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

    (void)its;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        if (metrics->count == METRICS_CONNECTIONS) {
            (void)shutdown(metrics->connected[0], SHUT_RDWR);
            metrics_forget(metrics, 0);
        }
        metrics->connected[metrics->count++] = fd;
        return;
    }
    for (size_t i = 0; i < metrics->count; i++) {
        if (metrics->connected[i] == fd) {
            metrics_forget(metrics, i);
            return;
        }
    }
}

/* Makes the listener non-blocking. Two processes may accept from it, and neither may wait for a
 * client that the other accepted. */
static bool does_not_wait(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && ((flags & O_NONBLOCK) != 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

struct metrics *metrics_start(
        int listener, enum recorder_daemon of, const struct counters *counters)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL)
        return NULL;
    metrics->of = of;
    metrics->counters = counters;
    errno = 0;
    if (does_not_wait(listener))
        metrics->daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL,
                NULL, on_request, metrics, MHD_OPTION_LISTEN_SOCKET, listener,
                MHD_OPTION_CONNECTION_LIMIT, 2 * METRICS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                METRICS_TIMEOUT, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
                MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
                metrics, MHD_OPTION_END);
    if (metrics->daemon != NULL)
        return metrics;
    const int error = errno != 0 ? errno : EINVAL;
    free(metrics);
    errno = error;
    return NULL;
}

static unsigned held(const struct metrics *metrics)
{
    const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info != NULL ? info->num_connections : 0;
}

/* The listening socket is taken from the HTTP server first, which would shut it down: other
 * processes have it too. Clients that were accepted are answered, unless they are slow. */
void metrics_stop(struct metrics **metrics)
{
    unsigned waited = 0;

    if (*metrics == NULL)
        return;
    (void)MHD_quiesce_daemon((*metrics)->daemon);
    do {
        (void)poll(NULL, 0, NAP);
        waited += NAP;
    } while (held(*metrics) > 0 && waited < METRICS_FINISH);
    MHD_stop_daemon((*metrics)->daemon);
    free(*metrics);
    *metrics = NULL;
}
