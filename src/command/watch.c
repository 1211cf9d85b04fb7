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

#include "command/arguments.h"
#include "command/command.h"
#include "command/record.h"
#include "command/terminal.h"
#include "command/watch_line.h"
#include "events/event.h"
#include "events/store.h"
#include "protocol/address.h"
#include "protocol/domain.h"

#define PAUSE 250          /* milliseconds between two queries */
#define LOOK_BACK 1000000  /* events searched for the first lines */
#define BATCH 1000         /* events in one query */
#define IDLE_MOST 20       /* queries without a result until the store is reopened */
#define LINES_MOST 1000000 /* of --lines */
#define SQL_MAX 1024
#define PENDING_MOST 65536 /* octets written at once */

/* Selects the events to show: additional SQL conditions, with parameters from $3 on. It points into
 * itself, so it must not be copied. */
struct watch_filter {
    char conditions[256];
    struct eventstore_value parameters[4];
    size_t count; /* parameters, including $1 and $2 */
    char domain[DOMAIN_MAX + 1];
    char user[ADDRESS_MAX + 2];
};

/* Reads the options' values; NULL where there is none. False after a complaint. */
bool watch_filter_take(const struct invocation *invocation, const char *verdicts,
        const char *domain, const char *user, struct watch_filter *filter_r);

static void add_condition(struct watch_filter *filter, const char *condition)
{
    const size_t len = strlen(filter->conditions);

    snprintf(filter->conditions + len, sizeof filter->conditions - len, "%s", condition);
}

static void add_parameter(struct watch_filter *filter, const char *text)
{
    filter->parameters[filter->count++] =
            (struct eventstore_value){.is_text = true, .text = text_of(text)};
}

static const char *verdict_of(struct text word)
{
    for (unsigned v = VERDICT_YES; v <= VERDICT_ALLOW; v++)
        if (text_equal_fold(word, text_of(verdict_name((enum verdict)v))))
            return verdict_name((enum verdict)v);
    return NULL;
}

static bool take_verdicts(
        const struct invocation *invocation, const char *verdicts, struct watch_filter *filter)
{
    struct reader words = reader_of(text_of(verdicts != NULL ? verdicts : ""));
    bool wanted[VERDICT_ALLOW + 1] = {false};
    char condition[64];

    if (verdicts == NULL)
        return true;
    do {
        const char *verdict = verdict_of(reader_field(&words, ','));
        if (verdict == NULL) {
            command_complain(invocation,
                    "--verdict %s: expected YES, NO or ALLOW, several with commas between",
                    verdicts);
            return false;
        }
        for (unsigned v = VERDICT_YES; v <= VERDICT_ALLOW; v++)
            wanted[v] = wanted[v] || strcmp(verdict, verdict_name((enum verdict)v)) == 0;
    } while (words.rest.len > 0);
    snprintf(condition, sizeof condition, " AND verdict IN (%s,%s,%s)",
            wanted[VERDICT_YES] ? "'YES'" : "''", wanted[VERDICT_NO] ? "'NO'" : "''",
            wanted[VERDICT_ALLOW] ? "'ALLOW'" : "''");
    add_condition(filter, condition);
    return true;
}

static bool watch_filter_take_domain(
        const struct invocation *invocation, const char *domain, struct watch_filter *filter)
{
    char condition[32];

    if (domain == NULL)
        return true;
    if (!domain_to_ascii(text_of(domain), filter->domain)) {
        command_complain(invocation, "--domain %s: expected a domain", domain);
        return false;
    }
    add_parameter(filter, filter->domain);
    snprintf(condition, sizeof condition, " AND domain = $%zu", filter->count);
    add_condition(filter, condition);
    return true;
}

/* `local@domain`, or `local` at any domain. Case is ignored. */
static bool watch_filter_take_user(
        const struct invocation *invocation, const char *user, struct watch_filter *filter)
{
    char condition[96];

    if (user == NULL)
        return true;
    const size_t len = strlen(user);
    if (len == 0 || len > ADDRESS_MAX) {
        command_complain(invocation, "--user %s: expected local@domain or local", user);
        return false;
    }
    const bool is_whole = strchr(user, '@') != NULL;
    for (size_t i = 0; i < len; i++)
        filter->user[i] = text_lower(user[i]);
    filter->user[len] = is_whole ? '\0' : '@';
    add_parameter(filter, filter->user);
    if (is_whole)
        snprintf(condition, sizeof condition, " AND lower(\"user\") = $%zu", filter->count);
    else
        snprintf(condition, sizeof condition, " AND lower(substr(\"user\", 1, %zu)) = $%zu",
                len + 1, filter->count);
    add_condition(filter, condition);
    return true;
}

bool watch_filter_take(const struct invocation *invocation, const char *verdicts,
        const char *domain, const char *user, struct watch_filter *filter_r)
{
    *filter_r = (struct watch_filter){.count = 2};
    return take_verdicts(invocation, verdicts, filter_r) &&
           watch_filter_take_domain(invocation, domain, filter_r) &&
           watch_filter_take_user(invocation, user, filter_r);
}

struct watch {
    const struct invocation *invocation;
    const char *address;
    struct eventstore *store; /* NULL: not available */
    struct watch_filter filter;
    struct watch_line_look look;
    bool as_json;
    int64_t last;   /* the id after which it continues */
    int64_t newest; /* the largest id in the store */
    size_t shown;   /* rows shown of the last query */
    unsigned idle;
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

static bool watch_show(void *context, const struct eventstore_value *values, size_t count)
{
    struct watch *watch = context;

    if (count != WATCH_LINE_COUNT)
        return false;
    if (watch->as_json)
        watch_line_print_json(values, watch->lines);
    else
        watch_line_print(values, &watch->look, watch->lines);
    watch->last = values[0].number;
    watch->shown++;
    if (ftello(watch->lines) > PENDING_MOST)
        spill(watch);
    return goes_on(watch);
}

/* Gets the filtered events after the id `after`, in order: the latest `most`, or the first. */
static bool watch_ask(struct watch *watch, int64_t after, bool latest, uint64_t most)
{
    struct watch_filter *filter = &watch->filter;
    char sql[SQL_MAX];

    filter->parameters[0] = (struct eventstore_value){.number = after};
    filter->parameters[1] = (struct eventstore_value){.number = watch->newest};
    snprintf(sql, sizeof sql,
            "SELECT " WATCH_LINE_COLUMNS " FROM (SELECT * FROM event WHERE id > $1 AND id <= $2%s "
            "ORDER BY id%s LIMIT %" PRIu64 ") AS chosen ORDER BY id",
            filter->conditions, latest ? " DESC" : "", most);
    watch->shown = 0;
    return eventstore_query(
            watch->store, sql, filter->parameters, filter->count, watch_show, watch);
}

static bool watch_take_number(void *context, const struct eventstore_value *values, size_t count)
{
    int64_t *number_r = context;

    if (count > 0)
        *number_r = values[0].number;
    return false;
}

static bool find_newest(struct watch *watch)
{
    watch->newest = 0;
    return eventstore_query(watch->store, "SELECT coalesce(max(id), 0) FROM event", NULL, 0,
            watch_take_number, &watch->newest);
}

static bool show_first(struct watch *watch, uint64_t lines)
{
    const int64_t newest_of_all = watch->newest;

    if (lines > 0 && !watch_ask(watch, newest_of_all > LOOK_BACK ? newest_of_all - LOOK_BACK : 0,
                             true, lines))
        return false;
    watch->last = newest_of_all;
    return true;
}

/* Shows new events. Smaller ids than before mean that the store was recreated. */
static bool show_new(struct watch *watch)
{
    if (!find_newest(watch))
        return false;
    if (watch->newest < watch->last)
        watch->last = 0;
    watch->idle = watch->newest == watch->last ? watch->idle + 1 : 0;
    while (watch->newest > watch->last && goes_on(watch)) {
        const bool done = watch_ask(watch, watch->last, false, BATCH);
        spill(watch);
        if (!done)
            return false;
        if (watch->shown < BATCH)
            watch->last = watch->newest;
    }
    return true;
}

/* Reports that the store is lost, once each time. */
static void watch_lose(struct watch *watch, const char *error)
{
    command_complain(watch->invocation, "the record of events: %s; waiting for it", error);
    eventstore_close(&watch->store);
}

/* Reopens the store: a replaced file looks like one without new events. */
static void look_again(struct watch *watch)
{
    char error[EVENTSTORE_ERROR_MAX] = "";
    const bool was_there = watch->store != NULL;

    watch->idle = 0;
    eventstore_close(&watch->store);
    watch->store = eventstore_open(watch->address, &event_kind, EVENTSTORE_READ, error);
    if (watch->store == NULL && was_there)
        watch_lose(watch, error);
}

/* Waits until the next query, or until the reader of the output is gone. */
static void pause_watch(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    if (poll(&out, 1, PAUSE) > 0)
        ended = ended || (out.revents & (POLLERR | POLLHUP)) != 0;
}

static void follow(struct watch *watch)
{
    while (goes_on(watch)) {
        pause_watch();
        if (watch->store == NULL || watch->idle >= IDLE_MOST)
            look_again(watch);
        if (!ended && watch->store != NULL && !show_new(watch))
            watch_lose(watch, eventstore_error(watch->store));
    }
}

static enum status watch_record(struct watch *watch, uint64_t lines)
{
    char error[EVENTSTORE_ERROR_MAX] = "";

    watch->store = eventstore_open(watch->address, &event_kind, EVENTSTORE_READ, error);
    if (watch->store == NULL) {
        command_complain(watch->invocation, "the record of events: %s", error);
        return STATUS_INPUT;
    }
    take_signals();
    if (!find_newest(watch) || !show_first(watch, lines)) {
        command_complain(
                watch->invocation, "the record of events: %s", eventstore_error(watch->store));
        return STATUS_FAILURE;
    }
    spill(watch);
    follow(watch);
    /* It is no failure if the reader of the output is gone (EPIPE). */
    if (watch->failure == 0 || watch->failure == EPIPE)
        return STATUS_OK;
    command_complain(watch->invocation, "standard output: %s", strerror(watch->failure));
    return STATUS_FAILURE;
}

static enum status watch_address(struct watch *watch, uint64_t lines)
{
    watch->lines = open_memstream(&watch->pending, &watch->pending_len);
    if (watch->lines == NULL) {
        command_complain(watch->invocation, "out of memory");
        return STATUS_FAILURE;
    }
    const enum status status = watch_record(watch, lines);
    eventstore_close(&watch->store);
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
    const char *verdicts = NULL;
    const char *domain = NULL;
    const char *user = NULL;
    const char *lines_text = NULL;
    const struct arguments_option options[] = {{"--verdict", .value = &verdicts},
            {"--domain", .value = &domain}, {"--user", .value = &user},
            {"-n", .value = &lines_text}, {"--json", .flag = &watch.as_json}, {NULL}};
    uint64_t lines = 0;
    struct record_addresses addresses = {NULL, NULL};

    if (!arguments_read(invocation, options, 0, 0, NULL))
        return STATUS_USAGE;
    if (!watch_filter_take(invocation, verdicts, domain, user, &watch.filter) ||
            !watch_take_lines(invocation, lines_text, &lines))
        return STATUS_DATA;
    watch.look = (struct watch_line_look){80, terminal_has_colour()};
    enum status status = record_find(invocation, &addresses);
    watch.address = addresses.events;
    if (status == STATUS_OK && watch.address == NULL) {
        command_complain(invocation, "the record of events: there is none");
        status = STATUS_CONFIG;
    }
    if (status == STATUS_OK)
        status = watch_address(&watch, lines);
    record_addresses_free(&addresses);
    return status;
}

const struct command command_watch = {
        .name = "watch",
        .synopsis = "[--verdict VERDICT,...] [--domain DOMAIN] [--user USER] [-n LINES] [--json]",
        .summary = "follow what is asked about our users as it is recorded",
        .help = "  --verdict VERDICT,...   only YES, NO or ALLOW, or several of them\n"
                "  --domain DOMAIN         about users of this domain only\n"
                "  --user USER             about this user only: local@domain or local\n"
                "  -n LINES                begin with so many of the past, 10 otherwise\n"
                "  --json                  print JSON, an object a line\n"
                "\n"
                "A line has: time (UTC), verdict, reason, user, sending host, receiving domains,\n"
                "the address that the message came from (else the asker's), and the time that the\n"
                "answer took. A terminal of less than 112 columns has no room for the host. It\n"
                "ends with Control-C.\n",
        .run = watch_run,
};
