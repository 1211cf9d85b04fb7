// SPDX-License-Identifier: ISC
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memstream.h"
#include "command/arguments.h"
#include "command/record.h"
#include "command/terminal.h"
#include "command/watch.h"

#define PAUSE 250         /* milliseconds between two queries */
#define LOOK_BACK 1000000 /* rows searched for the first lines */
#define BATCH 1000        /* rows in one query */
#define IDLE_MOST 20      /* queries without a result until the store is reopened */
#define LINES_MOST 100000 /* of -n, and of those that wait to be written */
#define SOURCES 2

/* A record that is followed. */
struct watch_source {
    const char *name;
    const struct watch_line_kind *kind;
    const char *address;
    struct eventstore *store; /* NULL: not available */
    int64_t last;             /* the id after which it continues */
    int64_t newest;           /* the largest id in the store */
    size_t shown;             /* rows of the last query */
    unsigned idle;
};

struct watch {
    const struct invocation *invocation;
    struct watch_source sources[SOURCES];
    size_t count;
    struct watch_filter filter;
    struct watch_line_look look;
    struct watch_queue queue;
    FILE *lines; /* pending output, in memory */
    char *pending;
    size_t pending_len;
    int failure; /* errno of a failed write, or ENOMEM */
};

static volatile sig_atomic_t ended;

static void watch_on_signal(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

/* The first signal must also end a write to a program that does not read: hence no SA_RESTART, and
 * no stdio, which would retry. A second signal ends the program whatever it waits for. */
static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = watch_on_signal, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
}

static bool goes_on(const struct watch *watch)
{
    return !ended && watch->failure == 0;
}

/* The octets to write now. After the end, only what can be written without waiting. */
static size_t writable(size_t left)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    if (!ended)
        return left;
    if (poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0)
        return 0;
    return left < PIPE_BUF ? left : PIPE_BUF;
}

/* Writes the pending output. */
static void spill(struct watch *watch)
{
    size_t written = 0;
    size_t next;

    if (fflush(watch->lines) != 0)
        watch->failure = errno;
    while (watch->failure == 0 && (next = writable(watch->pending_len - written)) > 0) {
        const ssize_t count = write(STDOUT_FILENO, watch->pending + written, next);
        if (count >= 0)
            written += (size_t)count;
        else if (errno != EINTR)
            watch->failure = errno;
    }
    if (fseek(watch->lines, 0, SEEK_SET) != 0 && watch->failure == 0)
        watch->failure = errno;
}

/* A row on its way to the queue. */
struct watch_row {
    struct watch *watch;
    struct watch_source *source;
};

static bool watch_show(void *context, const struct eventstore_value *values, size_t count)
{
    const struct watch_row *row = context;
    struct watch *watch = row->watch;
    char *text = NULL;
    size_t len = 0;

    if (count != row->source->kind->count)
        return false;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        watch->failure = ENOMEM;
        return false;
    }
    watch_line_print(row->source->kind, values, &watch->look, out);
    const uint64_t time = values[1].number > 0 ? (uint64_t)values[1].number : 0;
    if (!memstream_close(out, &text) || !watch_queue_add(&watch->queue, text, time, unix_ms()))
        watch->failure = ENOMEM;
    row->source->last = values[0].number;
    row->source->shown++;
    return goes_on(watch);
}

/* Gets the filtered rows after the id `after`, in order: the latest `most`, or the first. */
static bool watch_ask(
        struct watch *watch, struct watch_source *source, int64_t after, bool latest, uint64_t most)
{
    const char *table = source->kind->kind->table;
    struct watch_row row = {watch, source};
    struct eventstore_value parameters[4] = {{.number = after}, {.number = source->newest}};
    char conditions[WATCH_FILTER_SQL_MAX];
    char *sql = NULL;

    const size_t count =
            watch_filter_conditions(&watch->filter, source->kind, conditions, parameters + 2);
    source->shown = 0;
    if (asprintf(&sql,
                "SELECT %s FROM (SELECT * FROM %s WHERE id > $1 AND id <= $2%s ORDER BY id%s LIMIT "
                "%" PRIu64 ") AS chosen ORDER BY id",
                source->kind->columns, table, conditions, latest ? " DESC" : "", most) < 0) {
        watch->failure = ENOMEM;
        return true;
    }
    const bool done = eventstore_query(source->store, sql, parameters, 2 + count, watch_show, &row);
    free(sql);
    return done;
}

static bool watch_take_number(void *context, const struct eventstore_value *values, size_t count)
{
    int64_t *number_r = context;

    if (count > 0)
        *number_r = values[0].number;
    return false;
}

static bool find_newest(struct watch_source *source)
{
    char sql[80];

    source->newest = 0;
    snprintf(sql, sizeof sql, "SELECT coalesce(max(id), 0) FROM %s", source->kind->kind->table);
    return eventstore_query(source->store, sql, NULL, 0, watch_take_number, &source->newest);
}

static bool show_first(struct watch *watch, struct watch_source *source, uint64_t lines)
{
    if (source->store == NULL)
        return true;
    if (!find_newest(source))
        return false;
    const int64_t after = source->newest > LOOK_BACK ? source->newest - LOOK_BACK : 0;
    if (lines > 0 && !watch_ask(watch, source, after, true, lines))
        return false;
    source->last = source->newest;
    return true;
}

/* Reads new rows. Smaller ids than before mean that the store was recreated. */
static bool show_new(struct watch *watch, struct watch_source *source)
{
    if (!find_newest(source))
        return false;
    if (source->newest < source->last)
        source->last = 0;
    source->idle = source->newest == source->last ? source->idle + 1 : 0;
    while (source->newest > source->last && goes_on(watch) && watch->queue.count < LINES_MOST) {
        if (!watch_ask(watch, source, source->last, false, BATCH))
            return false;
        if (source->shown < BATCH && goes_on(watch))
            source->last = source->newest;
    }
    return true;
}

/* Reports that the store is lost, once each time. */
static void watch_lose(const struct watch *watch, struct watch_source *source, const char *error)
{
    command_complain(watch->invocation, "%s: %s; waiting for it", source->name, error);
    eventstore_close(&source->store);
}

/* Reopens the store: a replaced file looks like one without new rows. */
static void look_again(const struct watch *watch, struct watch_source *source)
{
    char error[EVENTSTORE_ERROR_MAX] = "";
    const bool was_there = source->store != NULL;

    source->idle = 0;
    eventstore_close(&source->store);
    source->store = eventstore_open(source->address, source->kind->kind, EVENTSTORE_READ, error);
    if (source->store == NULL && was_there)
        watch_lose(watch, source, error);
}

/* Waits until the next query, or until the reader of the output is gone. */
static void pause_watch(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    if (poll(&out, 1, PAUSE) > 0)
        ended = ended || (out.revents & (POLLERR | POLLHUP)) != 0;
}

static void watch_write(struct watch *watch)
{
    watch_queue_write(&watch->queue, unix_ms(), watch->lines);
    spill(watch);
}

static void follow(struct watch *watch)
{
    while (goes_on(watch)) {
        pause_watch();
        for (size_t i = 0; i < watch->count && goes_on(watch); i++) {
            struct watch_source *source = &watch->sources[i];
            if (source->store == NULL || source->idle >= IDLE_MOST)
                look_again(watch, source);
            if (!ended && source->store != NULL && !show_new(watch, source))
                watch_lose(watch, source, eventstore_error(source->store));
        }
        watch_write(watch);
    }
}

static enum status watch_sources(struct watch *watch, uint64_t lines)
{
    take_signals();
    for (size_t i = 0; i < watch->count; i++) {
        struct watch_source *source = &watch->sources[i];
        if (!show_first(watch, source, lines)) {
            command_complain(
                    watch->invocation, "%s: %s", source->name, eventstore_error(source->store));
            return STATUS_FAILURE;
        }
    }
    watch_queue_keep(&watch->queue, lines);
    watch_write(watch);
    follow(watch);
    /* It is no failure if the reader of the output is gone (EPIPE). */
    if (watch->failure == 0 || watch->failure == EPIPE)
        return STATUS_OK;
    command_complain(watch->invocation, "standard output: %s", strerror(watch->failure));
    return STATUS_FAILURE;
}

static void watch_add_source(struct watch *watch, const char *name,
        const struct watch_line_kind *kind, const char *address, struct eventstore *store)
{
    if (address != NULL)
        watch->sources[watch->count++] = (struct watch_source){
                .name = name, .kind = kind, .address = address, .store = store};
}

static enum status watch_addresses(
        struct watch *watch, const struct record_addresses *addresses, uint64_t lines)
{
    struct record record;

    const enum status opened = record_open(watch->invocation, addresses, &record);
    if (opened != STATUS_OK)
        return opened;
    watch_add_source(
            watch, "the record of events", &watch_line_events, addresses->events, record.events);
    watch_add_source(watch, "the record of mail", &watch_line_mail, addresses->mail, record.mail);
    watch->lines = open_memstream(&watch->pending, &watch->pending_len);
    enum status status = STATUS_FAILURE;
    if (watch->lines != NULL)
        status = watch_sources(watch, lines);
    else
        command_complain(watch->invocation, "out of memory");
    for (size_t i = 0; i < watch->count; i++)
        eventstore_close(&watch->sources[i].store);
    watch_queue_free(&watch->queue);
    if (watch->lines != NULL)
        (void)fclose(watch->lines);
    free(watch->pending);
    return status;
}

static bool watch_take_lines(
        const struct invocation *invocation, const char *text, uint64_t *lines_r)
{
    *lines_r = 10;
    if (text == NULL || text_decimal(text_of(text), LINES_MOST, lines_r))
        return true;
    command_complain(invocation, "-n %s: expected a number up to %d", text, LINES_MOST);
    return false;
}

static enum status watch_run(const struct invocation *invocation)
{
    struct watch watch = {.invocation = invocation};
    struct record_addresses addresses = {NULL, NULL};
    const char *verdicts = NULL;
    const char *domain = NULL;
    const char *user = NULL;
    const char *lines_text = NULL;
    const char *width = NULL;
    const struct arguments_option options[] = {{"--verdict", .value = &verdicts},
            {"--domain", .value = &domain}, {"--user", .value = &user},
            {"-n", .value = &lines_text}, {"--width", .value = &width},
            {"--json", .flag = &watch.look.as_json}, {NULL}};
    uint64_t lines = 0;

    if (!arguments_read(invocation, options, 0, 0, NULL))
        return STATUS_USAGE;
    if (!watch_filter_take(invocation, verdicts, domain, user, &watch.filter) ||
            !watch_take_lines(invocation, lines_text, &lines) ||
            !terminal_take_width(invocation, width, &watch.look.width))
        return STATUS_DATA;
    watch.look.colour = terminal_has_colour();
    enum status status = record_find(invocation, &addresses);
    if (status == STATUS_OK)
        status = watch_addresses(&watch, &addresses, lines);
    record_addresses_free(&addresses);
    return status;
}

const struct command command_watch = {
        .name = "watch",
        .synopsis = "[--verdict VERDICT,...] [--domain DOMAIN] [--user USER] [-n LINES] "
                    "[--width COLUMNS] [--json]",
        .summary = "follow what is asked about our users, and what mail comes and goes",
        .help = "  --verdict VERDICT,...   only YES, NO, ALLOW, temperror or permerror, or "
                "several\n"
                "  --domain DOMAIN         about users and authors of this domain only\n"
                "  --user USER             about this user only: local@domain or local\n"
                "  -n LINES                begin with so many of the past, 10 otherwise\n"
                "  --width COLUMNS         of a line; that of the terminal, else 80, when not "
                "given\n"
                "  --json                  print JSON, an object a line\n"
                "\n"
                "A line has: time (UTC), asked (a question to our service), in or out (a "
                "message),\n"
                "verdict or what was done, reason, user, and details. The lines of both records\n"
                "stand in the order of time, a second late. It ends with Control-C.\n",
        .run = watch_run,
};
