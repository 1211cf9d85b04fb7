// SPDX-License-Identifier: ISC
#include "events/recorder_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events/event.h"
#include "events/mail_event.h"
#include "process/shared_memory.h"
#include "version.h"

#define PROGRAM "verimail-recorder"
#define RINGS_MAX 65536

const struct record_kind *recorder_kind(enum recorder_daemon daemon)
{
    return daemon == RECORDER_MILTER ? &mail_event_kind : &event_kind;
}

/* The room for one descriptor that comes with an order. */
union recorder_descriptor {
    struct cmsghdr header;
    char octets[CMSG_SPACE(sizeof(int))];
};

static struct msghdr recorder_message(struct iovec *order, union recorder_descriptor *descriptor)
{
    return (struct msghdr){.msg_iov = order,
            .msg_iovlen = 1,
            .msg_control = descriptor,
            .msg_controllen = sizeof *descriptor};
}

void recorder_give_metrics(int control, int metrics)
{
    char order = RECORDER_METRICS;
    union recorder_descriptor descriptor = {.octets = {0}};
    struct iovec part = {&order, 1};
    const struct msghdr message = recorder_message(&part, &descriptor);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof metrics);
    memcpy(CMSG_DATA(header), &metrics, sizeof metrics);
    if (control >= 0)
        (void)!sendmsg(control, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

char recorder_hear(int control, int *fd_r)
{
    struct pollfd ready = {.fd = control, .events = POLLIN};
    char order = '\0';

    for (;;) {
        union recorder_descriptor descriptor = {.octets = {0}};
        struct iovec part = {&order, 1};
        struct msghdr message = recorder_message(&part, &descriptor);
        (void)poll(&ready, 1, -1);
        const ssize_t len = recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        const struct cmsghdr *header = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
        *fd_r = -1;
        if (header != NULL && header->cmsg_type == SCM_RIGHTS)
            memcpy(fd_r, CMSG_DATA(header), sizeof *fd_r);
        if (len > 0)
            return order;
        if (len == 0 || (errno != EAGAIN && errno != EINTR))
            return '\0';
    }
}

static bool recorder_is_there(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool recorder_find(char path_r[RECORDER_PATH_MAX])
{
    char own[RECORDER_PATH_MAX - sizeof PROGRAM];
    const ssize_t len = readlink("/proc/self/exe", own, sizeof own);
    const char *slash = len > 0 ? memrchr(own, '/', (size_t)len) : NULL;

    if (slash != NULL) {
        snprintf(path_r, RECORDER_PATH_MAX, "%.*s/" PROGRAM, (int)(slash - own), own);
        if (recorder_is_there(path_r))
            return true;
    }
    snprintf(path_r, RECORDER_PATH_MAX, "%s", LIBEXECDIR "/" PROGRAM);
    return recorder_is_there(path_r);
}

/* What is handed over: a head, the descriptors of the rings, and the texts, each with a NUL. The
 * version and the size come first: an older program may be of another form. */
struct recorder_head {
    char version[32];
    size_t size; /* of the head */
    size_t total;
    struct recorder_setup setup; /* without pointers */
};

static const size_t recorder_texts[] = {
        offsetof(struct recorder_setup, state),
        offsetof(struct recorder_setup, store),
        offsetof(struct recorder_setup, ip),
        offsetof(struct recorder_setup, replay),
};
#define TEXTS (sizeof recorder_texts / sizeof *recorder_texts)

static const char **recorder_text(struct recorder_setup *setup, size_t i)
{
    return (const char **)(void *)((char *)setup + recorder_texts[i]);
}

static size_t recorder_total(struct recorder_setup *setup)
{
    size_t total = sizeof(struct recorder_head) + setup->rings_count * sizeof(int);

    for (size_t i = 0; i < TEXTS; i++)
        total += strlen(*recorder_text(setup, i)) + 1;
    return total;
}

static void recorder_write_form(const struct recorder_setup *setup, size_t total, char *form)
{
    struct recorder_head *head = (struct recorder_head *)(void *)form;
    int *rings = (int *)(void *)(head + 1);
    char *text = (char *)(rings + setup->rings_count);

    *head = (struct recorder_head){
            .version = VERSION, .size = sizeof *head, .total = total, .setup = *setup};
    for (size_t i = 0; i < setup->rings_count; i++)
        rings[i] = ring_fd(setup->rings[i]);
    for (size_t i = 0; i < TEXTS; i++) {
        text = stpcpy(text, *recorder_text(&head->setup, i)) + 1;
        *recorder_text(&head->setup, i) = NULL;
    }
    head->setup.counters = NULL;
    head->setup.rings = NULL;
}

static bool recorder_inherit(int fd)
{
    return fd < 0 || fcntl(fd, F_SETFD, 0) == 0;
}

static bool recorder_inherit_all(const struct recorder_setup *setup, int form)
{
    bool ok = recorder_inherit(form) && recorder_inherit(setup->control) &&
              recorder_inherit(setup->metrics) && recorder_inherit(setup->counters_fd);

    for (size_t i = 0; i < setup->rings_count; i++)
        ok = ok && recorder_inherit(ring_fd(setup->rings[i]));
    return ok;
}

int recorder_exec(const char *path, const struct recorder_setup *setup)
{
    struct recorder_setup copy = *setup;
    const size_t total = recorder_total(&copy);
    struct shared_memory form;
    char argument[16];
    char name[] = PROGRAM;
    char *const argv[] = {name, argument, NULL};

    if (shared_memory_init(total, &form) && recorder_inherit_all(setup, form.fd)) {
        recorder_write_form(setup, total, form.at);
        snprintf(argument, sizeof argument, "%d", form.fd);
        (void)execv(path, argv);
    }
    log_errno(LOG_LEVEL_ERROR, "recorder-failed", "program", path);
    log_flush();
    return EXIT_FAILURE;
}

static bool recorder_fail(char error_r[RECORDER_ERROR_MAX], const char *sentence)
{
    snprintf(error_r, RECORDER_ERROR_MAX, "%s", sentence);
    return false;
}

static bool recorder_fail_errno(char error_r[RECORDER_ERROR_MAX], const char *what)
{
    snprintf(error_r, RECORDER_ERROR_MAX, "%s: %s%s", what, strerror(errno),
            errno == EPROTO ? ", the daemon is of another version: restart it" : "");
    return false;
}

/* Reads the form. NULL with a sentence. The caller frees it. */
static struct recorder_head *recorder_read_form(int fd, char error_r[RECORDER_ERROR_MAX])
{
    struct stat st;
    struct recorder_head *head = NULL;

    if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof head->version)
        errno = EPROTO;
    else
        head = calloc(1, (size_t)st.st_size + sizeof *head);
    if (head == NULL || pread(fd, head, (size_t)st.st_size, 0) != st.st_size) {
        (void)recorder_fail_errno(error_r, "its setup cannot be read");
        free(head);
        return NULL;
    }
    if (strncmp(head->version, VERSION, sizeof head->version) == 0 && head->size == sizeof *head &&
            head->total == (size_t)st.st_size && head->setup.rings_count <= RINGS_MAX)
        return head;
    snprintf(error_r, RECORDER_ERROR_MAX,
            PROGRAM " is of version " VERSION ", the daemon that started it of version %.31s: "
                    "install both from one package, and restart the daemon",
            head->version);
    free(head);
    return NULL;
}

static bool recorder_attach(struct recorder_setup *setup, const int *fds, struct ring **rings_r,
        char error_r[RECORDER_ERROR_MAX])
{
    setup->counters = counters_attach(setup->counters_fd);
    if (setup->counters == NULL)
        return recorder_fail_errno(error_r, "the memory of the counters cannot be shared");
    setup->counters_fd = -1;
    setup->rings = rings_r;
    for (size_t i = 0; i < setup->rings_count; i++) {
        rings_r[i] = ring_attach(recorder_kind(setup->daemon), fds[i]);
        if (rings_r[i] == NULL)
            return recorder_fail_errno(error_r, "the memory of a worker's events cannot be shared");
    }
    return true;
}

bool recorder_take_setup(
        const char *argument, struct recorder_setup *setup_r, char error_r[RECORDER_ERROR_MAX])
{
    uint64_t fd = 0;

    if (!text_decimal(text_of(argument), INT_MAX, &fd))
        return recorder_fail(error_r, "it is started by verimaild or verimail-milter, not by you");
    struct recorder_head *head = recorder_read_form((int)fd, error_r);
    if (head == NULL)
        return false;
    close((int)fd);
    *setup_r = head->setup;
    const int *fds = (const int *)(const void *)(head + 1);
    const char *text = (const char *)(fds + setup_r->rings_count);
    for (size_t i = 0; i < TEXTS; i++) {
        *recorder_text(setup_r, i) = text;
        text += strlen(text) + 1;
    }
    struct ring **rings = calloc(setup_r->rings_count + 1, sizeof(struct ring *));
    if (rings == NULL)
        return recorder_fail(error_r, "out of memory");
    if (recorder_attach(setup_r, fds, rings, error_r))
        return true;
    free(rings);
    setup_r->rings = NULL;
    return false;
}
