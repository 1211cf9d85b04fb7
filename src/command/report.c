// SPDX-License-Identifier: ISC
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/json_text.h"
#include "command/record.h"
#include "command/terminal.h"
#include "protocol/domain.h"

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)

struct job {
    const struct invocation *invocation;
    const char *since;
    const char *until;
    const char *domain;
    const char *html; /* a path; NULL: no page */
    unsigned width;   /* columns */
    bool as_json;
    struct report_wish wish;
    char ascii[DOMAIN_MAX + 1];
};

static bool report_take_time(
        const struct job *job, const char *option, const char *text, struct time_argument *time_r)
{
    if (time_argument_parse(text, unix_ms(), time_r))
        return true;
    command_complain(job->invocation, "%s %s: " TIME_ARGUMENT_EXPECTED, option, text);
    return false;
}

/* A report is about whole days, or whole hours if it is short: "7d" means seven days and the
 * started one. The hour or day that has not ended yet ends now. */
static bool take_period(struct job *job)
{
    const uint64_t now = unix_ms();
    struct time_argument since;
    struct time_argument until = {.milliseconds = now};

    if (!report_take_time(job, "--since", job->since, &since) ||
            (job->until != NULL && !report_take_time(job, "--until", job->until, &until)))
        return false;
    if (since.milliseconds >= until.milliseconds || since.milliseconds >= now) {
        command_complain(job->invocation, "--since %s: expected a time before %s", job->since,
                job->until != NULL ? job->until : "now");
        return false;
    }
    const uint64_t last = until.milliseconds < now ? until.milliseconds : now;
    const uint64_t unit = last - since.milliseconds > REPORT_BY_HOUR ? DAY : HOUR;
    const uint64_t end = (last + unit - 1) / unit * unit;
    job->wish.since = since.milliseconds - since.milliseconds % unit;
    job->wish.until = end < now ? end : now;
    return true;
}

static bool report_take_domain(struct job *job)
{
    if (job->domain == NULL)
        return true;
    job->wish.domain = job->ascii;
    if (domain_to_ascii(text_of(job->domain), job->ascii))
        return true;
    command_complain(job->invocation, "--domain %s: expected a domain", job->domain);
    return false;
}

static enum status fail_to_write(const struct job *job, const char *path)
{
    command_complain(job->invocation, "%s: %s", path, strerror(errno));
    return STATUS_CREATE;
}

static bool report_write_file(int fd, const json_t *report)
{
    FILE *out = fdopen(fd, "w");

    if (out == NULL) {
        close(fd);
        return false;
    }
    report_print_html(report, out);
    const bool done = fflush(out) == 0 && !ferror(out) && fchmod(fd, 0640) == 0 && fsync(fd) == 0;
    return fclose(out) == 0 && done;
}

/* A reader always sees either the old page or the new one, complete. */
static enum status replace(const struct job *job, const json_t *report, char *temporary)
{
    enum status status = STATUS_OK;
    const int fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return fail_to_write(job, job->html);
    if (!report_write_file(fd, report) || rename(temporary, job->html) != 0) {
        status = fail_to_write(job, job->html);
        unlink(temporary);
    }
    return status;
}

static enum status write_page(const struct job *job, const json_t *report)
{
    struct stat there;
    char *temporary = NULL;

    if (strcmp(job->html, "-") == 0) {
        report_print_html(report, stdout);
        return STATUS_OK;
    }
    if (stat(job->html, &there) == 0 && !S_ISREG(there.st_mode)) {
        command_complain(job->invocation,
                "--html %s: is there and is no regular file; `-` is standard output", job->html);
        return STATUS_CREATE;
    }
    if (asprintf(&temporary, "%s.XXXXXX", job->html) < 0) {
        command_complain(job->invocation, "out of memory");
        return STATUS_FAILURE;
    }
    const enum status status = replace(job, report, temporary);
    free(temporary);
    return status;
}

static enum status report_show(const struct job *job, json_t *report)
{
    enum status status = STATUS_OK;

    if (job->html != NULL)
        status = write_page(job, report);
    if (job->as_json) {
        json_text_print(stdout, json_incref(report));
    } else if (job->html == NULL) {
        const struct report_look look = {job->width, terminal_has_colour(), terminal_is_utf8()};
        report_print(report, &look, stdout);
    }
    return status;
}

static enum status report_ask(const struct job *job)
{
    char error[EVENTSTORE_ERROR_MAX] = "";
    json_t *report = report_make(&job->wish, error);

    if (report == NULL) {
        command_complain(job->invocation, "the record: %s", error);
        return STATUS_FAILURE;
    }
    const enum status status = report_show(job, report);
    json_decref(report);
    return status;
}

static enum status report_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation};
    const char *width = NULL;
    const struct arguments_option options[] = {{"--since", .value = &job.since},
            {"--until", .value = &job.until}, {"--domain", .value = &job.domain},
            {"--html", .value = &job.html}, {"--width", .value = &width},
            {"--json", .flag = &job.as_json}, {NULL}};
    struct record record = {NULL, NULL};
    struct record_addresses addresses = {NULL, NULL};

    if (!arguments_read(invocation, options, 0, 0, NULL))
        return STATUS_USAGE;
    if (job.as_json && job.html != NULL && strcmp(job.html, "-") == 0) {
        command_complain(invocation, "--html -: standard output has room for one, and --json is "
                                     "given too");
        return STATUS_USAGE;
    }
    if (job.since == NULL)
        job.since = "7d";
    if (!take_period(&job) || !report_take_domain(&job) ||
            !terminal_take_width(invocation, width, &job.width))
        return STATUS_DATA;
    enum status status = record_find(invocation, &addresses);
    if (status == STATUS_OK)
        status = record_open(invocation, &addresses, &record);
    if (status == STATUS_OK) {
        job.wish.events = record.events;
        job.wish.mail = record.mail;
        status = report_ask(&job);
    }
    record_close(&record);
    record_addresses_free(&addresses);
    return status;
}

const struct command command_report = {
        .name = "report",
        .synopsis = "[--since TIME] [--until TIME] [--domain DOMAIN] [--width COLUMNS] [--json] "
                    "[--html FILE]",
        .summary = "tell what was asked about our users, what came in, and what to do next",
        .help = "  --since TIME      from when on: so long ago (12h, 7d, 4w), or 2026-11-24, or\n"
                "                    2026-11-24T13:05, in UTC; 7d when it is not given\n"
                "  --until TIME      until when, the same; now when it is not given\n"
                "  --domain DOMAIN   about users and authors of this domain only\n"
                "  --width COLUMNS   of the text; that of the terminal, else 80, when not given\n"
                "  --json            print JSON, with longer lists\n"
                "  --html FILE       write a page with charts instead; `-` is standard output\n"
                "\n"
                "It reads what verimaild and verimail-milter record, as the section record says,\n"
                "in whole hours, or in whole days when it is longer than two.\n",
        .run = report_run,
};
