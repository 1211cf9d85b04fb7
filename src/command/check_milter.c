// SPDX-License-Identifier: ISC
#include "command/check_milter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "milter_client.h"
#include "protocol/message.h"
#include "protocol/results.h"
#include "protocol/stamp.h"

#define CHUNK 65536
#define TIMEOUT 60 /* seconds for everything */
#define TIMEOUT_MAX 3600

struct milter_check {
    const struct check_milter *asked;
    struct milter_client *client;
    char before; /* the last octet of the body so far */
};

/* The message */

/* Of what stands between the name and the colon, one octet is left. */
static void check_milter_field(void *context, const struct field *field)
{
    const struct milter_check *check = context;

    milter_client_field(check->client, field->name.at, field->name.len + field->space_before_colon,
            field->value.at, field->value.len);
}

/* As mail servers hand it on that know nothing else to do with it. */
static void check_milter_not_field(void *context, struct text lines)
{
    const struct milter_check *check = context;

    milter_client_field(check->client, lines.at, lines.len, "", 0);
}

static void check_milter_header_end(void *context)
{
    const struct milter_check *check = context;

    milter_client_header_end(check->client);
}

/* Lines end with CRLF in the milter protocol. */
static void check_milter_body(void *context, struct text piece)
{
    struct milter_check *check = context;
    size_t from = 0;

    for (size_t i = 0; i < piece.len; i++) {
        const char before = i > 0 ? piece.at[i - 1] : check->before;
        if (piece.at[i] != '\n' || before == '\r')
            continue;
        (void)milter_client_body(check->client, piece.at + from, i - from);
        (void)milter_client_body(check->client, "\r\n", 2);
        from = i + 1;
    }
    (void)milter_client_body(check->client, piece.at + from, piece.len - from);
    if (piece.len > 0)
        check->before = piece.at[piece.len - 1];
}

static bool check_milter_goes_on(enum message_result result)
{
    return result == MESSAGE_OK || result == MESSAGE_NOT_FIELD;
}

/* Behind a line that is no field there are fields, but no body that is certain. */
static enum status check_milter_read(struct milter_check *check)
{
    static const struct message_events events = {
            .field = check_milter_field,
            .header_end = check_milter_header_end,
            .body = check_milter_body,
            .not_field = check_milter_not_field,
    };
    struct message *message = message_init(&events, check);
    char *chunk = malloc(CHUNK);
    enum message_result result = message != NULL && chunk != NULL ? MESSAGE_OK : MESSAGE_MEMORY;
    bool is_first = true;
    size_t len;

    while (check_milter_goes_on(result) && (len = fread(chunk, 1, CHUNK, stdin)) > 0) {
        struct text text = {chunk, len};
        const char *end = memchr(chunk, '\n', len);
        /* The line that mbox files have in front. */
        if (is_first && end != NULL && strncmp(chunk, "From ", strlen("From ")) == 0)
            text = (struct text){end + 1, len - (size_t)(end + 1 - chunk)};
        is_first = false;
        result = message_feed(message, text);
    }
    if (check_milter_goes_on(result))
        result = message_end(message);
    if (result == MESSAGE_NOT_FIELD)
        milter_client_header_end(check->client);
    message_free(&message);
    free(chunk);
    if (ferror(stdin))
        return STATUS_INPUT;
    if (result == MESSAGE_MEMORY)
        return STATUS_FAILURE;
    return result == MESSAGE_TOO_LARGE ? STATUS_DATA : STATUS_OK;
}

/* What it did */

static const char *check_milter_action(
        const struct milter_client *client, enum milter_client_verdict verdict)
{
    if (verdict == MILTER_CLIENT_REJECT)
        return "reject";
    if (verdict == MILTER_CLIENT_TEMPFAIL)
        return "tempfail";
    return milter_client_quarantine(client) != NULL ? "quarantine" : "accept";
}

/* What a result or a stamp among the edits says; STATUS_NONE: there is neither. */
static enum status check_milter_result(const struct milter_client *client)
{
    static const struct {
        const char *word;
        enum status status;
    } results[] = {
            {"verimail=pass", STATUS_OK},
            {"verimail=fail", STATUS_NO},
            {"verimail=neutral", STATUS_ALLOW},
            {"verimail=temperror", STATUS_TEMPERROR},
            {"verimail=permerror", STATUS_PERMERROR},
    };

    for (size_t i = 0; i < milter_client_edits(client); i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        if (edit.type != MILTER_CLIENT_INSERT)
            continue;
        if (strcmp(edit.name, STAMP_NAME) == 0)
            return STATUS_OK;
        for (size_t k = 0; k < sizeof results / sizeof *results; k++)
            if (strcmp(edit.name, RESULTS_NAME) == 0 && strstr(edit.value, results[k].word) != NULL)
                return results[k].status;
    }
    return STATUS_NONE;
}

static enum status check_milter_status(
        const struct milter_client *client, enum milter_client_verdict verdict)
{
    if (verdict == MILTER_CLIENT_REJECT)
        return STATUS_NO;
    if (verdict == MILTER_CLIENT_TEMPFAIL)
        return STATUS_TEMPERROR;
    return milter_client_quarantine(client) != NULL ? STATUS_NO : check_milter_result(client);
}

static const char *check_milter_edit_name(enum milter_client_edit_type type)
{
    static const char *const names[] = {
            [MILTER_CLIENT_INSERT] = "on-top",
            [MILTER_CLIENT_ADD] = "below",
            [MILTER_CLIENT_CHANGE] = "changed",
            [MILTER_CLIENT_REMOVE] = "removed",
    };

    return names[type];
}

static void check_milter_print(const struct milter_client *client,
        enum milter_client_verdict verdict, uint64_t milliseconds)
{
    const char *quarantine = milter_client_quarantine(client);

    printf("%-9s %s", "action", check_milter_action(client, verdict));
    if (verdict != MILTER_CLIENT_ACCEPT || quarantine != NULL) {
        fputs(": ", stdout);
        escape_put(stdout, text_of(quarantine != NULL && verdict == MILTER_CLIENT_ACCEPT
                                           ? quarantine
                                           : milter_client_reply(client)));
    }
    putchar('\n');
    for (size_t i = 0; verdict == MILTER_CLIENT_ACCEPT && i < milter_client_edits(client); i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        printf("%-9s %s", check_milter_edit_name(edit.type), edit.name);
        if (edit.type == MILTER_CLIENT_CHANGE || edit.type == MILTER_CLIENT_REMOVE)
            printf(" number %u", edit.index);
        if (edit.type != MILTER_CLIENT_REMOVE) {
            fputs(": ", stdout);
            escape_controls(stdout, text_trim(text_of(edit.value)));
        }
        putchar('\n');
    }
    printf("%-9s %llu ms\n", "took", (unsigned long long)milliseconds);
}

static void check_milter_print_json(const struct milter_client *client,
        enum milter_client_verdict verdict, uint64_t milliseconds)
{
    json_t *document = json_text_object();
    json_t *edits = json_array();

    json_text_set(document, "action", json_text_string(check_milter_action(client, verdict)));
    if (verdict != MILTER_CLIENT_ACCEPT)
        json_text_set(document, "reply", json_text_string(milter_client_reply(client)));
    for (size_t i = 0; verdict == MILTER_CLIENT_ACCEPT && i < milter_client_edits(client); i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        json_t *row = json_text_object();
        json_text_set(row, "edit", json_text_string(check_milter_edit_name(edit.type)));
        json_text_set(row, "name", json_text_string(edit.name));
        if (edit.type == MILTER_CLIENT_CHANGE || edit.type == MILTER_CLIENT_REMOVE)
            json_text_set(row, "number", json_text_number(edit.index));
        if (edit.type != MILTER_CLIENT_REMOVE)
            json_text_set(row, "value", json_text_of(text_trim(text_of(edit.value))));
        (void)json_array_append_new(edits, row);
    }
    json_text_set(document, "edits", edits);
    json_text_set(document, "milliseconds", json_text_number(milliseconds));
    json_text_print(stdout, document);
}

/* The conversation */

static void check_milter_envelope(const struct milter_check *check)
{
    const struct check_milter *asked = check->asked;
    const struct milter_client_mail mail = {
            .daemon_name = asked->daemon_name,
            .client_address = asked->ip,
            /* Without an address a mail server means its own machine. */
            .direction = asked->ip == NULL && asked->login == NULL ? "in" : NULL,
            .queue_id = "check",
            .login = asked->login,
            .sender = asked->mail_from != NULL ? asked->mail_from : "",
    };

    milter_client_mail(check->client, &mail);
    for (size_t i = 0; i < asked->rcpt->count; i++)
        milter_client_recipient(check->client, asked->rcpt->at[i]);
}

static enum status check_milter_talk(
        const struct invocation *invocation, struct milter_check *check)
{
    const uint64_t began = mono_ms();

    check_milter_envelope(check);
    const enum status status = check_milter_read(check);
    if (status != STATUS_OK) {
        command_complain(invocation, "%s",
                status == STATUS_DATA    ? "the header section has over 1 MiB or 2000 fields"
                : status == STATUS_INPUT ? "standard input cannot be read"
                                         : "out of memory");
        return status;
    }
    const enum milter_client_verdict verdict = milter_client_end(check->client);
    const char *error = milter_client_error(check->client);
    if (error != NULL) {
        command_complain(invocation, "%s", error);
        return STATUS_FAILURE;
    }
    if (check->asked->as_json)
        check_milter_print_json(check->client, verdict, mono_ms() - began);
    else
        check_milter_print(check->client, verdict, mono_ms() - began);
    return check_milter_status(check->client, verdict);
}

static bool check_milter_take_timeout(
        const struct invocation *invocation, const char *text, unsigned long *seconds_r)
{
    char *end = NULL;

    *seconds_r = TIMEOUT;
    if (text == NULL)
        return true;
    *seconds_r = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *seconds_r > 0 &&
            *seconds_r <= TIMEOUT_MAX)
        return true;
    command_complain(invocation, "--timeout %s: expected seconds, 1 to %d", text, TIMEOUT_MAX);
    return false;
}

enum status check_milter(const struct invocation *invocation, const struct check_milter *asked)
{
    unsigned long seconds;

    if (!check_milter_take_timeout(invocation, asked->timeout, &seconds))
        return STATUS_USAGE;
    struct milter_check check = {
            .asked = asked, .client = milter_client_open(asked->socket, (int)seconds * 1000)};
    const enum status status = check_milter_talk(invocation, &check);
    milter_client_free(&check.client);
    return status;
}
