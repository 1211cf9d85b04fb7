// SPDX-License-Identifier: ISC
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/arguments.h"
#include "command/record.h"
#include "command/terminal.h"
#include "command/watchline.h"
#include "protocol/domain.h"

#define PAUSE 250          /* milliseconds between two looks at the store */
#define LOOK_BACK 1000000  /* events that are searched for the first lines */
#define BATCH 1000         /* events in one query */
#define IDLE_MOST 20       /* looks in vain until the store is opened again */
#define LINES_MOST 1000000 /* of --lines */
#define CONDITIONS_MAX 256 /* octets */
#define PARAMETERS_MAX 4
#define SQL_MAX 1024

/* What is shown: more of an SQL condition, and its parameters from $3 on. */
struct filter {
    char conditions[CONDITIONS_MAX];
    struct eventstore_value parameters[PARAMETERS_MAX];
    size_t count; /* $1 and $2 with them */
    char domain[DOMAIN_MAX + 1];
    char user[ADDRESS_MAX + 2];
};

struct watch {
    const struct invocation *invocation;
    const char *address;
    struct eventstore *store; /* NULL: it is away */
    struct filter filter;
    struct watchline_look look;
    bool as_json;
    int64_t last;   /* the id behind which it goes on */
    int64_t newest; /* the largest id that there is */
    size_t shown;   /* rows of one query */
    unsigned idle;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

/* A write to somebody who does not read must end too: so no SA_RESTART. */
static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void add_condition(struct filter *filter, const char *condition)
{
    const size_t len = strlen(filter->conditions);

    snprintf(filter->conditions + len, CONDITIONS_MAX - len, "%s", condition);
}

static void add_parameter(struct filter *filter, const char *text)
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

static bool take_verdicts(struct watch *watch, const char *verdicts)
{
    struct reader words = reader_of(text_of(verdicts != NULL ? verdicts : ""));
    bool wanted[VERDICT_ALLOW + 1] = {false};
    char condition[64];

    if (verdicts == NULL)
        return true;
    do {
        const char *verdict = verdict_of(reader_field(&words, ','));
        if (verdict == NULL) {
            command_complain(watch->invocation,
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
    add_condition(&watch->filter, condition);
    return true;
}

static bool take_domain(struct watch *watch, const char *domain)
{
    struct filter *filter = &watch->filter;
    char condition[32];

    if (domain == NULL)
        return true;
    if (!domain_to_ascii(text_of(domain), filter->domain)) {
        command_complain(watch->invocation, "--domain %s: expected a domain", domain);
        return false;
    }
    add_parameter(filter, filter->domain);
    snprintf(condition, sizeof condition, " AND domain = $%zu", filter->count);
    add_condition(filter, condition);
    return true;
}

/* `local@domain`, or `local` at any domain; small and capital letters are the same. */
static bool take_user(struct watch *watch, const char *user)
{
    struct filter *filter = &watch->filter;
    char condition[96];

    if (user == NULL)
        return true;
    const size_t len = strlen(user);
    if (len == 0 || len > ADDRESS_MAX) {
        command_complain(watch->invocation, "--user %s: expected local@domain or local", user);
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

static bool show(void *context, const struct eventstore_value *values, size_t count)
{
    struct watch *watch = context;

    if (count != WATCHLINE_COUNT)
        return false;
    if (watch->as_json)
        watchline_print_json(values, stdout);
    else
        watchline_print(values, &watch->look, stdout);
    watch->last = values[0].number;
    watch->shown++;
    return !ended && !ferror(stdout);
}

/* The events behind the id `after` that the filter lets through: the latest `most` of them, or the
 * first ones; in their order. */
static bool ask(struct watch *watch, int64_t after, bool latest, uint64_t most)
{
    struct filter *filter = &watch->filter;
    char sql[SQL_MAX];

    filter->parameters[0] = (struct eventstore_value){.number = after};
    filter->parameters[1] = (struct eventstore_value){.number = watch->newest};
    snprintf(sql, sizeof sql,
            "SELECT " WATCHLINE_COLUMNS " FROM (SELECT * FROM event WHERE id > $1 AND id <= $2%s "
            "ORDER BY id%s LIMIT %" PRIu64 ") AS chosen ORDER BY id",
            filter->conditions, latest ? " DESC" : "", most);
    watch->shown = 0;
    return eventstore_query(watch->store, sql, filter->parameters, filter->count, show, watch);
}

static bool take_number(void *context, const struct eventstore_value *values, size_t count)
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
            take_number, &watch->newest);
}

static bool show_first(struct watch *watch, uint64_t lines)
{
    const int64_t newest_of_all = watch->newest;

    if (lines > 0 &&
            !ask(watch, newest_of_all > LOOK_BACK ? newest_of_all - LOOK_BACK : 0, true, lines))
        return false;
    watch->last = newest_of_all;
    return true;
}

/* What came since the last look. A store with smaller ids than before was begun anew. */
static bool show_new(struct watch *watch)
{
    if (!find_newest(watch))
        return false;
    if (watch->newest < watch->last)
        watch->last = 0;
    watch->idle = watch->newest == watch->last ? watch->idle + 1 : 0;
    while (watch->newest > watch->last && !ended && !ferror(stdout)) {
        if (!ask(watch, watch->last, false, BATCH))
            return false;
        if (watch->shown < BATCH)
            watch->last = watch->newest;
    }
    return true;
}

/* Once for each time that it goes away. */
static void lose(struct watch *watch, const char *why)
{
    command_complain(watch->invocation, "the record of events: %s; waiting for it", why);
    eventstore_close(&watch->store);
}

/* A file that was replaced looks like one in which nothing happens. */
static void look_again(struct watch *watch)
{
    char why[EVENTSTORE_WHY_MAX] = "";
    const bool was_there = watch->store != NULL;

    watch->idle = 0;
    eventstore_close(&watch->store);
    watch->store = eventstore_open(watch->address, EVENTSTORE_READ, why);
    if (watch->store == NULL && was_there)
        lose(watch, why);
}

/* Until the next look, or nobody reads any more. */
static void pause_watch(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    if (poll(&out, 1, PAUSE) > 0)
        ended = ended || (out.revents & (POLLERR | POLLHUP)) != 0;
}

static void follow(struct watch *watch)
{
    while (!ended && fflush(stdout) == 0 && !ferror(stdout)) {
        pause_watch();
        if (watch->store == NULL || watch->idle >= IDLE_MOST)
            look_again(watch);
        if (!ended && watch->store != NULL && !show_new(watch))
            lose(watch, eventstore_error(watch->store));
    }
}

/* What cannot be written because of a signal, or because nobody reads, is no failure. */
static enum status finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    if (errno == EPIPE || ended)
        return freopen("/dev/null", "w", stdout) != NULL ? STATUS_OK : STATUS_FAILURE;
    return STATUS_FAILURE;
}

static enum status watch_record(struct watch *watch, uint64_t lines)
{
    const enum status status = record_open(watch->invocation, watch->address, &watch->store);

    if (status != STATUS_OK)
        return status;
    take_signals();
    if (!find_newest(watch) || !show_first(watch, lines)) {
        command_complain(
                watch->invocation, "the record of events: %s", eventstore_error(watch->store));
        return STATUS_FAILURE;
    }
    follow(watch);
    return finish();
}

static bool take_lines(const struct invocation *invocation, const char *text, uint64_t *lines_r)
{
    *lines_r = 10;
    if (text == NULL || text_decimal(text_of(text), LINES_MOST, lines_r))
        return true;
    command_complain(invocation, "-n %s: expected a number up to %d", text, LINES_MOST);
    return false;
}

static enum status run(const struct invocation *invocation)
{
    struct watch watch = {.invocation = invocation, .filter.count = 2};
    const char *verdicts = NULL;
    const char *domain = NULL;
    const char *user = NULL;
    const char *lines_text = NULL;
    const struct arguments_option options[] = {{"--verdict", .value = &verdicts},
            {"--domain", .value = &domain}, {"--user", .value = &user},
            {"-n", .value = &lines_text}, {"--json", .flag = &watch.as_json}, {NULL}};
    uint64_t lines = 0;
    char *address = NULL;

    if (!arguments_read(invocation, options, 0, 0, NULL))
        return STATUS_USAGE;
    if (!take_verdicts(&watch, verdicts) || !take_domain(&watch, domain) ||
            !take_user(&watch, user) || !take_lines(invocation, lines_text, &lines))
        return STATUS_DATA;
    watch.look = (struct watchline_look){terminal_width(), terminal_has_colour()};
    enum status status = record_find(invocation, &address);
    watch.address = address;
    if (status == STATUS_OK)
        status = watch_record(&watch, lines);
    eventstore_close(&watch.store);
    free(address);
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
        .run = run,
};
