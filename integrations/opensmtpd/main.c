// SPDX-License-Identifier: ISC
/* filter-verimail SOCKET: smtpd's filter that lets verimail-milter judge each message.
 *
 * smtpd ends when a filter of it ends. After main() has begun, nothing does that but the end of
 * smtpd. One thread has smtpd's lines, does not block, and reads on whatever it has to write; each
 * message is judged in a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"

#define STACK_SIZE ((size_t)256 * 1024)
#define PAUSE_MS 100   /* after a call that only fails for lack of something */
#define PREFIX_MAX 128 /* octets of a line of smtpd before those of the message */
#define USAGE                                                                                      \
    "usage: filter-verimail SOCKET\n"                                                              \
    "SOCKET is that of verimail-milter: unix:/path, inet:port@address or inet6:port@address.\n"

static const char *milter_socket;
static pthread_attr_t thread_attributes;
static pthread_mutex_t judged_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mail *judged;                      /* under the lock */
static int wake[2] = {-1, -1};                   /* a pipe */
static char input[FILTER_LINE_MAX + PREFIX_MAX]; /* the beginning of a line */
static size_t input_len;
static bool input_is_cut;

static void main_note_judged(struct mail *mail)
{
    pthread_mutex_lock(&judged_lock);
    mail->next = judged;
    judged = mail;
    pthread_mutex_unlock(&judged_lock);
    /* A pipe that is full wakes as well. */
    while (write(wake[1], "", 1) < 0 && errno == EINTR)
        ;
}

static void *main_judge(void *argument)
{
    struct mail *mail = argument;

    mail_judge(mail, milter_socket);
    main_note_judged(mail);
    return NULL;
}

static void main_start(struct mail *mail)
{
    pthread_t thread;

    if (mail->fault == NULL && pthread_create(&thread, &thread_attributes, main_judge, mail) == 0)
        return;
    mail_refuse(mail, mail->fault != NULL ? mail->fault : MAIL_NOT_KEPT);
    main_note_judged(mail);
}

static void main_take_judged(void)
{
    char octets[64];

    while (read(wake[0], octets, sizeof octets) > 0)
        ;
    pthread_mutex_lock(&judged_lock);
    struct mail *mail = judged;
    judged = NULL;
    pthread_mutex_unlock(&judged_lock);
    while (mail != NULL) {
        struct mail *next = mail->next;
        filter_judged(mail);
        mail = next;
    }
}

/* The lines that are there, as long as there is room for answers. */
static void main_take_lines(void)
{
    size_t at = 0;

    while (filter_has_room()) {
        const char *line_end = memchr(input + at, '\n', input_len - at);
        if (line_end == NULL)
            break;
        const size_t len = (size_t)(line_end - (input + at));
        if (!input_is_cut)
            filter_line(input + at, len, false);
        input_is_cut = false;
        at += len + 1;
    }
    memmove(input, input + at, input_len - at);
    input_len -= at;
    if (input_len < sizeof input || memchr(input, '\n', input_len) != NULL)
        return;
    if (!input_is_cut)
        filter_line(input, input_len, true);
    input_is_cut = true; /* to the end of the line */
    input_len = 0;
}

/* False: smtpd has ended. */
static bool main_read(void)
{
    const ssize_t n = read(STDIN_FILENO, input + input_len, sizeof input - input_len);

    if (n > 0)
        input_len += (size_t)n;
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOMEM));
}

/* False: smtpd has ended. */
static bool main_write(const char *output, size_t len)
{
    const ssize_t n = write(STDOUT_FILENO, output, len);

    if (n > 0)
        filter_written((size_t)n);
    return n > 0 ||
           (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM));
}

static void main_loop(void)
{
    for (;;) {
        size_t len;
        main_take_lines();
        const char *output = filter_output(&len);
        const bool reads = input_len < sizeof input && filter_has_room();
        struct pollfd polled[] = {
                {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
                {.fd = len > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
                {.fd = wake[0], .events = POLLIN},
        };
        if (poll(polled, sizeof polled / sizeof *polled, -1) < 0) {
            if (errno != EINTR)
                (void)usleep(PAUSE_MS * 1000);
            continue;
        }
        if (polled[1].revents != 0 && !main_write(output, len))
            return;
        if (polled[0].revents != 0 && !main_read())
            return;
        if (polled[2].revents != 0)
            main_take_judged();
    }
}

static bool main_set_nonblocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* Each message that is being judged has two files open. */
static void main_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char *argv[])
{
    static const int ignored[] = {SIGHUP, SIGPIPE, SIGXFSZ};

    if (argc != 2 || argv[1][0] == '-') {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    milter_socket = argv[1];
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)umask(077);
    main_raise_limit();
    if (pipe2(wake, O_NONBLOCK | O_CLOEXEC) != 0 || !main_set_nonblocking(STDIN_FILENO) ||
            !main_set_nonblocking(STDOUT_FILENO) || pthread_attr_init(&thread_attributes) != 0 ||
            pthread_attr_setdetachstate(&thread_attributes, PTHREAD_CREATE_DETACHED) != 0 ||
            pthread_attr_setstacksize(&thread_attributes, STACK_SIZE) != 0) {
        (void)fprintf(stderr, "cannot start: %s\n", strerror(errno));
        return 1;
    }
    filter_open(main_start);
    main_loop();
    return 0;
}
