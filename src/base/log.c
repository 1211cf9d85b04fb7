// SPDX-License-Identifier: ISC
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEPT_MAX 65536  /* octets of lines that wait to be written */
#define CHUNK_MAX 4096  /* PIPE_BUF: what a pipe that is ready takes whole, and never mixes */
#define KEPT_FOR 20     /* milliseconds */
#define RETRY_AFTER 100 /* milliseconds, when it cannot be written */

/* A process has one log, as it has one standard error. */
static struct log {
    _Atomic(enum log_level) least;
    _Atomic(enum log_format) format;
    int fd;
    bool journal;
    bool is_socket;
    bool buffered;
    const char *tag_name; /* NULL: lines have no tag */
    const char *tag_value;
    pthread_mutex_t lock; /* of all that follows */
    uint64_t dropped;
    uint64_t said; /* of them: so many the first line that is kept speaks of */
    uint64_t due;  /* milliseconds: when to write; 0: nothing is kept */
    size_t len;
    char kept[KEPT_MAX];
} the_log = {
        .least = LOG_LEVEL_INFO,
        .fd = STDERR_FILENO,
        .lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, /* a line may be said about lost lines */
};

/* The text of one second's date and time. A thread keeps it until the second changes. */
static _Thread_local struct {
    time_t second;
    char text[19];
} date;

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
        {"alarm", LOG_LEVEL_ALARM},
        {"error", LOG_LEVEL_ERROR},
        {"warning", LOG_LEVEL_WARNING},
        {"notice", LOG_LEVEL_NOTICE},
        {"info", LOG_LEVEL_INFO},
};

/* Between poll() and write() another process may take a pipe's last room. An open file of our own
 * does not wait then; standard error itself is not ours to change. */
static int open_pipe(void)
{
    const int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    return fd >= 0 ? fd : STDERR_FILENO;
}

void log_init(void)
{
    struct stat st = {0};

    tzset(); /* gmtime_r() reads a file the first time, which a worker may not */
    the_log.journal = getenv("JOURNAL_STREAM") != NULL;
    (void)fstat(STDERR_FILENO, &st);
    the_log.is_socket = S_ISSOCK(st.st_mode);
    if (the_log.fd != STDERR_FILENO)
        close(the_log.fd);
    the_log.fd = S_ISFIFO(st.st_mode) ? open_pipe() : STDERR_FILENO;
}

void log_after_fork(void)
{
    the_log.len = 0;
    the_log.dropped = 0;
    the_log.said = 0;
    the_log.due = 0;
}

void log_configure(enum log_level least, enum log_format format)
{
    atomic_store(&the_log.least, least);
    atomic_store(&the_log.format, format);
}

bool log_level_find(const char *name, enum log_level *level_r)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *level_r = levels[i].level;
            return true;
        }
    }
    return false;
}

static const char *level_name(enum log_level level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].level == level)
            return levels[i].name;
    return "info";
}

static void put_padded(struct writer *w, unsigned value, unsigned digits)
{
    char buffer[8];

    for (unsigned i = digits; i-- > 0; value /= 10)
        buffer[i] = (char)('0' + value % 10);
    writer_put(w, (struct text){buffer, digits});
}

static void make_second(time_t second)
{
    struct writer w = writer_of(date.text, sizeof date.text);
    struct tm tm;

    gmtime_r(&second, &tm);
    put_padded(&w, (unsigned)tm.tm_year + 1900, 4);
    writer_char(&w, '-');
    put_padded(&w, (unsigned)tm.tm_mon + 1, 2);
    writer_char(&w, '-');
    put_padded(&w, (unsigned)tm.tm_mday, 2);
    writer_char(&w, 'T');
    put_padded(&w, (unsigned)tm.tm_hour, 2);
    writer_char(&w, ':');
    put_padded(&w, (unsigned)tm.tm_min, 2);
    writer_char(&w, ':');
    put_padded(&w, (unsigned)tm.tm_sec, 2);
    date.second = second;
}

/* RFC 3339, UTC, milliseconds. */
static void put_time(struct writer *w)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != date.second)
        make_second(now.tv_sec);
    writer_put(w, (struct text){date.text, sizeof date.text});
    writer_char(w, '.');
    put_padded(w, (unsigned)(now.tv_nsec / 1000000), 3);
    writer_char(w, 'Z');
}

static void log_put_name(struct log_line *line, const char *name)
{
    if (line->named)
        writer_char(&line->out, line->json ? ',' : ' ');
    line->named = true;
    writer_string(&line->out, line->json ? "\"" : "");
    writer_string(&line->out, name);
    writer_string(&line->out, line->json ? "\":" : "=");
}

static void put_octet(struct writer *w, bool json, char c)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char octet = (unsigned char)c;

    if (c == '"' || c == '\\') {
        writer_char(w, '\\');
        writer_char(w, c);
    } else if (octet >= ' ' && octet < 0x7f) {
        writer_char(w, c);
    } else {
        writer_string(w, json ? "\\u00" : "\\x");
        writer_char(w, digits[octet >> 4]);
        writer_char(w, digits[octet & 15]);
    }
}

/* Without a branch for each octet: lines are made for every question. */
static bool needs_quotes(struct text value)
{
    unsigned found = value.len == 0;

    for (size_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.at[i];
        found |= (unsigned char)(c - '!') > '~' - '!';
        found |= (c == '"') | (c == '\\') | (c == '=');
    }
    return found != 0;
}

static size_t log_room_left(const struct log_line *line)
{
    /* The longest escape, `...`, a quote, a brace and the line's end always fit. */
    const size_t reserve = 6 + 3 + 3;
    const size_t left = (size_t)(line->out.end - line->out.at);

    return left > reserve ? left - reserve : 0;
}

void log_text(struct log_line *line, const char *name, struct text value)
{
    if (!line->wanted || line->cut)
        return;
    if (log_room_left(line) < strlen(name) + 8) {
        line->cut = true;
        return;
    }
    log_put_name(line, name);
    if (!line->json && !needs_quotes(value) && value.len < log_room_left(line)) {
        writer_put(&line->out, value);
        return;
    }
    writer_char(&line->out, '"');
    size_t i = 0;
    while (i < value.len && log_room_left(line) > 0)
        put_octet(&line->out, line->json, value.at[i++]);
    line->cut = i < value.len;
    writer_string(&line->out, line->cut ? "...\"" : "\"");
}

void log_string(struct log_line *line, const char *name, const char *value)
{
    if (line->wanted)
        log_text(line, name, text_of(value));
}

void log_number(struct log_line *line, const char *name, uint64_t value)
{
    if (!line->wanted || line->cut || log_room_left(line) < strlen(name) + TEXT_DECIMAL_MAX + 4)
        return;
    log_put_name(line, name);
    writer_decimal(&line->out, value);
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
    line->wanted = level <= atomic_load_explicit(&the_log.least, memory_order_relaxed);
    line->json = atomic_load_explicit(&the_log.format, memory_order_relaxed) == LOG_FORMAT_JSON;
    line->cut = false;
    line->named = !the_log.journal;
    if (!line->wanted)
        return;
    line->out = writer_of(line->buffer, sizeof line->buffer);
    if (the_log.journal) {
        writer_char(&line->out, '<');
        writer_decimal(&line->out, (uint64_t)level);
        writer_char(&line->out, '>');
        writer_string(&line->out, line->json ? "{" : "");
    } else {
        writer_string(&line->out, line->json ? "{\"time\":\"" : "time=");
        put_time(&line->out);
        writer_string(&line->out, line->json ? "\"" : "");
    }
    log_string(line, "level", level_name(level));
    log_string(line, "event", event);
    if (the_log.tag_name != NULL)
        log_string(line, the_log.tag_name, the_log.tag_value);
}

void log_tag(const char *name, const char *value)
{
    the_log.tag_name = name;
    the_log.tag_value = value;
}

static ssize_t write_now(const char *at, size_t len)
{
    if (the_log.is_socket)
        return send(the_log.fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct pollfd ready = {.fd = the_log.fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0 || (ready.revents & POLLOUT) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(the_log.fd, at, len);
}

/* The lines that fit in one chunk, or one line that is longer. */
static size_t whole_lines(void)
{
    size_t len = the_log.len < CHUNK_MAX ? the_log.len : CHUNK_MAX;

    while (len > 0 && the_log.kept[len - 1] != '\n')
        len--;
    return len > 0 ? len : the_log.len;
}

static size_t count_lines(const char *at, size_t len)
{
    size_t lines = 0;

    for (size_t i = 0; i < len; i++)
        lines += at[i] == '\n';
    return lines;
}

static void log_forget(size_t len)
{
    the_log.len -= len;
    memmove(the_log.kept, the_log.kept + len, the_log.len);
}

static void log_drop(size_t len)
{
    the_log.dropped += count_lines(the_log.kept, len);
    if (the_log.said > 0)
        the_log.dropped += the_log.said - 1;
    the_log.said = 0;
    log_forget(len);
}

static void write_kept(void)
{
    while (the_log.len > 0) {
        const size_t len = whole_lines();
        const ssize_t written = write_now(the_log.kept, len);
        if (written > 0) {
            log_forget((size_t)written);
            the_log.said = 0;
        } else if (errno != EINTR) {
            if (errno != EAGAIN) /* a full disk, a closed pipe: it will not get better soon */
                log_drop(len);
            return;
        }
    }
}

static bool keep_line(struct text line)
{
    if (line.len > KEPT_MAX - the_log.len)
        write_kept();
    if (line.len > KEPT_MAX - the_log.len)
        return false;
    memcpy(the_log.kept + the_log.len, line.at, line.len);
    the_log.len += line.len;
    return true;
}

static void say_dropped(void)
{
    struct log_line line;
    const uint64_t dropped = the_log.dropped;

    the_log.dropped = 0;
    log_begin(&line, LOG_LEVEL_WARNING, "log-lines-lost");
    the_log.said = line.wanted ? dropped : 0;
    log_number(&line, "count", dropped);
    log_end(&line);
}

void log_flush(void)
{
    pthread_mutex_lock(&the_log.lock);
    write_kept();
    if (the_log.dropped > 0 && the_log.len == 0)
        say_dropped();
    pthread_mutex_unlock(&the_log.lock);
}

void log_end(struct log_line *line)
{
    if (!line->wanted)
        return;
    writer_string(&line->out, line->json ? "}\n" : "\n");
    pthread_mutex_lock(&the_log.lock);
    if (!keep_line(writer_text(&line->out)))
        the_log.dropped++;
    if (!the_log.buffered)
        write_kept();
    pthread_mutex_unlock(&the_log.lock);
}

void log_tick(uint64_t now)
{
    pthread_mutex_lock(&the_log.lock);
    const bool waits = the_log.len > 0 || the_log.dropped > 0;
    if (waits && the_log.due == 0)
        the_log.due = now + KEPT_FOR;
    if (waits && (now >= the_log.due || the_log.len >= CHUNK_MAX)) {
        log_flush();
        the_log.due = the_log.len > 0 ? now + RETRY_AFTER : 0;
    }
    pthread_mutex_unlock(&the_log.lock);
}

void log_buffer(bool on)
{
    the_log.buffered = on;
}

int log_pending(void)
{
    pthread_mutex_lock(&the_log.lock);
    const bool waits = the_log.len > 0 || the_log.dropped > 0;
    pthread_mutex_unlock(&the_log.lock);
    return waits ? KEPT_FOR : -1;
}

void log_event(enum log_level level, const char *event, const char *name, const char *value)
{
    struct log_line line;

    log_begin(&line, level, event);
    if (name != NULL)
        log_string(&line, name, value);
    log_end(&line);
}

void log_errno(enum log_level level, const char *event, const char *name, const char *value)
{
    const char *error = strerror(errno);
    struct log_line line;

    log_begin(&line, level, event);
    if (name != NULL)
        log_string(&line, name, value);
    log_string(&line, "error", error);
    log_end(&line);
}
