// SPDX-License-Identifier: ISC
#include "filter/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "filter/inbound.h"
#include "filter/outbound.h"
#include "filter/transaction.h"

struct session {
    const struct policy *policy;
    struct client *client;
    bool has_source;
    struct endpoint source;
    bool loopback;
    bool trusted;
    bool relayed_is_ours;
    struct mail *mail; /* NULL: none is under way */
    bool decided;      /* on `mail`, from which the decision borrows */
    struct decision decision;
};

static bool in_networks(const struct policy_networks *networks, const struct sockaddr *address)
{
    return network_any_has(networks->at, networks->count, address);
}

static bool session_take_source(const struct sockaddr *address, struct endpoint *source_r)
{
    *source_r = (struct endpoint){0};
    if (address == NULL)
        return false;
    if (address->sa_family == AF_INET)
        source_r->len = sizeof source_r->address.v4;
    else if (address->sa_family == AF_INET6)
        source_r->len = sizeof source_r->address.v6;
    else
        return false;
    memcpy(&source_r->address, address, source_r->len);
    *source_r = endpoint_unmapped(source_r);
    return true;
}

struct session *session_init(const struct policy *policy, struct client *client,
        const char *hostname, const struct sockaddr *address)
{
    struct session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return NULL;
    session->policy = policy;
    session->client = client;
    session->has_source = session_take_source(address, &session->source);
    if (session->has_source) {
        session->loopback = endpoint_is_loopback(&session->source);
        session->trusted = in_networks(&policy->trusted, &session->source.address.any);
        session->relayed_is_ours = in_networks(&policy->relayed, &session->source.address.any);
    } else if (address == NULL && hostname != NULL && strcmp(hostname, "localhost") == 0) {
        /* sendmail -bs: standard input has no address, and calls itself so. */
        session->loopback = true;
        session->trusted = true;
    }
    return session;
}

static void mail_free(struct mail **mail)
{
    if (*mail == NULL)
        return;
    free((*mail)->login);
    envelope_clear(&(*mail)->envelope);
    message_parser_free(&(*mail)->letter);
    free(*mail);
    *mail = NULL;
}

void session_free(struct session **session)
{
    if (*session == NULL)
        return;
    mail_free(&(*session)->mail);
    free(*session);
    *session = NULL;
}

static bool session_is_listed(const struct config_list *names, const char *name)
{
    for (size_t i = 0; name != NULL && i < names->count; i++)
        if (strcmp(names->at[i].at, name) == 0)
            return true;
    return false;
}

static bool begin_letter(struct mail *mail)
{
    const struct stamper *stamper = mail->policy->stamper;
    const bool may_stamp = stamper != NULL && (mail->authenticated || mail->trusted);

    if (may_stamp) {
        mail->now = unix_now();
        stamper_make_missing(stamper, mail->now, mail->date, mail->message_id);
        mail->missing = (struct message_parser_missing){mail->date, mail->message_id};
    }
    mail->letter = message_parser_init(may_stamp ? &mail->missing : NULL);
    return mail->letter != NULL && envelope_init(&mail->envelope);
}

bool session_mail(struct session *session, const struct session_client *client)
{
    struct mail *mail = calloc(1, sizeof *mail);

    mail_free(&session->mail);
    if (mail == NULL)
        return false;
    mail->policy = session->policy;
    mail->client = session->client;
    mail->source = session->has_source ? &session->source : NULL;
    mail->authenticated = client->auth_type != NULL && client->auth_type[0] != '\0';
    mail->trusted =
            session->trusted || session_is_listed(&session->policy->config->milter->trusted_daemons,
                                        client->daemon_name);
    mail->relayed_is_ours = session->relayed_is_ours;
    mail->loopback = session->loopback;
    if (mail->authenticated && client->login != NULL)
        mail->login = strdup(client->login);
    if (!begin_letter(mail) ||
            (mail->authenticated && client->login != NULL && mail->login == NULL)) {
        mail_free(&mail);
        return false;
    }
    session->mail = mail;
    session->decided = false;
    return true;
}

void session_recipient(struct session *session, const char *path)
{
    if (session->mail != NULL)
        envelope_add(&session->mail->envelope, text_of(path));
}

static void note_result(struct mail *mail, const struct field *field)
{
    const struct config *config = mail->policy->config;
    struct mail_fields *results = &mail->results;

    results->seen++;
    if (config->verify_count == 0 || results->rest > 0)
        return;
    if (!results_is_forged(
                field->value, field->space_before_colon, text_of(config->verify->authserv_id.at)))
        return;
    /* A message with so many has no valid header section: nobody's results are of use in it. */
    if (results->count == sizeof results->chosen / sizeof *results->chosen)
        results->rest = results->seen;
    else
        results->chosen[results->count++] = results->seen;
}

static struct text without_white_end(struct text t)
{
    while (t.len > 0 && text_is_white(t.at[t.len - 1]))
        t.len--;
    return t;
}

void session_field(struct session *session, const char *name, const char *value)
{
    struct mail *mail = session->mail;

    if (mail == NULL)
        return;
    const struct text whole = text_of(name);
    struct field field = {
            .name = without_white_end(whole),
            .value = text_of(value),
    };
    field.space_before_colon = field.name.len < whole.len;
    field.len = whole.len + 1 + field.value.len + 2;
    if (stamp_is_name(field.name)) {
        field.offset = ++mail->stamps;
    } else if (results_is_name(field.name)) {
        note_result(mail, &field);
    } else if (text_equal_fold(field.name, text_of("Received"))) {
        if (mail->received++ == 0)
            mail->submission = mail_class_is_submission(field.value);
    }
    message_parser_field(mail->letter, &field);
}

void session_header_end(struct session *session)
{
    if (session->mail != NULL)
        message_parser_header_end(session->mail->letter);
}

bool session_wants_body(const struct session *session)
{
    const struct mail *mail = session->mail;

    if (mail == NULL)
        return false;
    if (mail_trust(mail) == MAIL_CLASS_INBOUND)
        return mail->policy->verifier != NULL && mail->client != NULL;
    return outgoing_wants_body(mail);
}

void session_body(struct session *session, const char *at, size_t len)
{
    if (session->mail != NULL)
        message_parser_body(session->mail->letter, (struct text){at, len});
}

void session_abort(struct session *session)
{
    mail_free(&session->mail);
}

const struct decision *session_end(struct session *session, const char *queue_id)
{
    struct mail *mail = session->mail;

    session->decision = (struct decision){.action = ACTION_ACCEPT};
    if (mail == NULL || session->decided)
        return &session->decision;
    session->decided = true;
    if (mail_trust(mail) == MAIL_CLASS_INBOUND)
        incoming_decide(mail, queue_id, &session->decision);
    else
        outgoing_decide(mail, queue_id, &session->decision);
    return &session->decision;
}
