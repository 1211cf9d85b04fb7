// SPDX-License-Identifier: ISC
#include "fixture_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture.h"
#include "exact.h"

struct fixture_policy fixture_policy_make(const char *config, const char *logins)
{
    struct fixture_policy fixture = {.problems = problems_init("f")};
    const struct policy_files files = {
            .key = text_of(FIXTURE_HOST_KEY),
            .key_path = "/k",
            .logins = logins != NULL ? text_of(logins) : (struct text){NULL, 0},
    };

    assert_non_null(fixture.problems);
    assert_true(sodium_init() >= 0);
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    fixture.config = config_read_text(config, strlen(config), fixture.problems);
    if (fixture.config == NULL || !policy_init(fixture.config, fixture.config->milter, &files,
                                          fixture.problems, &fixture.policy))
        fail_msg("%s", problems_text(fixture.problems));
    return fixture;
}

void fixture_policy_end(struct fixture_policy *fixture)
{
    policy_clear(&fixture->policy);
    config_free(&fixture->config);
    problems_free(&fixture->problems);
}

/* What follows a line end and is no fold begins a field. */
static void fixture_session_fields(struct session *session, const char *fields)
{
    for (const char *at = fields; *at != '\0';) {
        const char *colon = strchr(at, ':');
        const char *end = strchr(colon, '\n');
        while (end[1] == ' ' || end[1] == '\t')
            end = strchr(end + 1, '\n');
        char *name = strndup(at, (size_t)(colon - at));
        char *value = strndup(colon + 1, (size_t)(end - colon - 1));
        assert_non_null(name);
        assert_non_null(value);
        session_field(session, name, value);
        free(name);
        free(value);
        at = end + 1;
    }
}

static void fixture_session_recipients(struct session *session, const char *rcpts)
{
    struct reader r = reader_of(text_of(rcpts));

    while (r.rest.len > 0) {
        const struct text rcpt = reader_field(&r, ' ');
        char *path = strndup(rcpt.at, rcpt.len);
        assert_non_null(path);
        session_recipient(session, path);
        free(path);
    }
}

void fixture_session_report(struct session *session, const struct fixture_session *row)
{
    assert_true(session_mail(session, &row->mail));
    fixture_session_recipients(session, row->rcpts != NULL ? row->rcpts : "<bob@b.example>");
    fixture_session_fields(session, row->fields);
    session_header_end(session);
    if (row->body == NULL || !session_wants_body(session))
        return;
    const struct text body = exact_copy(text_of(row->body));
    session_body(session, body.at, body.len);
    exact_free(body);
}

static void fixture_session_removal(FILE *out, const struct decision_removal *removal)
{
    fprintf(out, "\n-%s ", removal->name);
    for (size_t i = 0; i < removal->count; i++)
        fprintf(out, "%s%u", i > 0 ? "," : "", removal->at[i]);
    if (removal->rest > 0)
        fprintf(out, "%s%u+", removal->count > 0 ? "," : "", removal->rest);
}

const char *fixture_session_decision(const struct decision *decision)
{
    static char text[65536];
    FILE *out = fmemopen(text, sizeof text, "w");

    assert_non_null(out);
    fputs(action_name(decision->reply.action), out);
    if (decision->reply.action == ACTION_REJECT || decision->reply.action == ACTION_TEMPFAIL)
        fprintf(out, " %s %s %s", decision->reply.code, decision->reply.status,
                decision->reply.text);
    for (size_t i = 0; i < decision->removals_count; i++)
        fixture_session_removal(out, &decision->removals[i]);
    for (size_t i = 0; i < decision->below_count; i++)
        fprintf(out, "\n_%s", decision->below[i].name);
    for (size_t i = 0; i < decision->on_top_count; i++) {
        const struct decision_field *field = &decision->on_top[i];
        const bool is_stamp = strcmp(field->name, STAMP_NAME) == 0;
        const size_t len = is_stamp ? strcspn(field->value, " \n") : strlen(field->value);
        fprintf(out, "\n+%s: ", field->name);
        for (size_t k = 0; k < len; k++)
            if (field->value[k] != '\n')
                fputc(field->value[k], out);
    }
    fclose(out);
    return text;
}

/* NULL: the mail server does not say. `unix`: an address that is not of the internet. */
static const struct sockaddr *fixture_session_address(const char *ip)
{
    static union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;

    if (ip == NULL)
        return NULL;
    memset(&address, 0, sizeof address);
    if (strcmp(ip, "unix") == 0) {
        address.any.sa_family = AF_UNIX;
    } else if (strchr(ip, ':') != NULL) {
        address.v6.sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, ip, &address.v6.sin6_addr), 1);
    } else {
        address.v4.sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, ip, &address.v4.sin_addr), 1);
    }
    return &address.any;
}

static void assert_logged(const char *log, const char *want)
{
    char got[LOG_LINE_MAX + 8] = "";
    const char *priority = strchr(log, '>');
    const char *milliseconds = strstr(log, " ms=");

    if (priority != NULL && milliseconds != NULL)
        snprintf(got, sizeof got, "%.*s", (int)(milliseconds - priority - 1), priority + 1);
    else
        snprintf(got, sizeof got, "%.*s", (int)sizeof got - 1, log);
    assert_string_equal(got, want != NULL ? want : "");
}

/* Lines as the journal takes them, without a time. */
static void fixture_session_log_init(void)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    log_init();
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
}

static const char *fixture_session_event(const struct decision_event *event)
{
    static char text[4096];
    struct eventstore_value values[RECORD_KIND_COLUMNS_MAX];
    struct writer w = writer_of(text, sizeof text);

    mail_event_kind.values(&event->event, values);
    for (size_t i = 1; event->is_made && i + 1 < mail_event_kind.columns_count; i++) {
        const struct record_column *column = &mail_event_kind.columns[i];
        if (i > 1)
            writer_char(&w, '|');
        if (strcmp(column->name, "stamp") == 0 && values[i].text.len == MAIL_EVENT_STAMP)
            writer_string(&w, "STAMP");
        else if (column->is_text)
            writer_put(&w, values[i].text);
        else
            writer_decimal(&w, (uint64_t)values[i].number);
    }
    writer_char(&w, '\0');
    assert_false(w.failed);
    return text;
}

void fixture_session_check(const struct fixture_session *row)
{
    const char *config = row->config != NULL ? row->config : FIXTURE_BOTH FIXTURE_MILTER("");
    struct fixture_policy fixture = fixture_policy_make(config, row->logins);
    char log[2 * LOG_LINE_MAX];

    fake_client = (struct fake_client){.outcome =
                                               {
                                                       .verdict = row->verdict,
                                                       .reason = row->reason,
                                                       .step = row->step,
                                                       .is_peer = row->is_peer,
                                               },
            .has_later = row->has_later,
            .later = {.verdict = row->later_verdict, .step = row->later_step}};
    if (row->server != NULL) {
        fake_client.outcome.attempt.connected = row->step != CLIENT_RESTING;
        fake_client.outcome.discovery.count = 1;
        strcpy(fake_client.outcome.discovery.domain, "example.org");
        assert_true(
                endpoint_parse(row->server, &fake_client.outcome.discovery.servers[0].endpoint));
    }
    struct session *session = session_init(
            &fixture.policy, fake_client_get(), row->hostname, fixture_session_address(row->ip));
    assert_non_null(session);
    fixture_session_report(session, row);
    struct capture capture = capture_begin();
    fixture_session_log_init();
    const struct decision *decision = session_end(session, "4Fz9");
    (void)capture_read(&capture, log, sizeof log);
    capture_end(&capture);
    if (row->record != NULL) {
        assert_string_equal(fixture_session_event(&decision->event), row->record);
    } else {
        assert_string_equal(fixture_session_decision(decision), row->decision);
        assert_logged(log, row->log);
    }
    if (row->later_log != NULL) {
        const char *later = strchr(log, '\n');
        assert_logged(later != NULL ? later + 1 : "", row->later_log);
    }
    if (row->question != NULL)
        assert_string_equal(fake_client.question, row->question);
    session_free(&session);
    assert_null(session);
    fixture_policy_end(&fixture);
}
