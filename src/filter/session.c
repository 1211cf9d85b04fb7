// SPDX-License-Identifier: ISC
#include "filter/session.h"

#include <stdlib.h>
#include <string.h>

#include "filter/envelope.h"

struct session {
    const struct policy *policy;
    struct client *client;
    struct smtp_client from;
    struct transaction *transaction; /* NULL: none is under way */
    bool is_decided;                 /* `decision` is about it, and borrows from it */
    struct decision decision;
};

static bool session_has_network(
        const struct policy_networks *networks, const struct endpoint *address)
{
    return network_any_has(networks->at, networks->count, &address->address.any);
}

static bool session_take_address(const struct sockaddr *address, struct endpoint *endpoint_r)
{
    *endpoint_r = (struct endpoint){0};
    if (address == NULL)
        return false;
    if (address->sa_family == AF_INET)
        endpoint_r->len = sizeof endpoint_r->address.v4;
    else if (address->sa_family == AF_INET6)
        endpoint_r->len = sizeof endpoint_r->address.v6;
    else
        return false;
    memcpy(&endpoint_r->address, address, endpoint_r->len);
    *endpoint_r = endpoint_unmapped(endpoint_r);
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
    struct smtp_client *from = &session->from;
    from->has_address = session_take_address(address, &from->address);
    if (from->has_address) {
        from->is_loopback = endpoint_is_loopback(&from->address);
        from->is_trusted = session_has_network(&policy->trusted, &from->address);
        from->relays_for_us = session_has_network(&policy->relayed, &from->address);
    } else if (address == NULL && hostname != NULL && strcmp(hostname, "localhost") == 0) {
        /* sendmail -bs: standard input has no address, and calls itself so. */
        from->is_loopback = true;
        from->is_trusted = true;
    }
    return session;
}

void session_free(struct session **session)
{
    if (*session == NULL)
        return;
    transaction_free(&(*session)->transaction);
    free(*session);
    *session = NULL;
}

bool session_mail(struct session *session, const struct mail_command *command)
{
    transaction_free(&session->transaction);
    session->transaction =
            transaction_init(session->policy, session->client, &session->from, command);
    session->is_decided = false;
    return session->transaction != NULL;
}

void session_recipient(struct session *session, const char *path)
{
    if (session->transaction != NULL)
        envelope_add(&session->transaction->envelope, text_of(path));
}

void session_field(struct session *session, const char *name, const char *value)
{
    if (session->transaction != NULL)
        transaction_field(session->transaction, text_of(name), text_of(value));
}

void session_header_end(struct session *session)
{
    if (session->transaction != NULL)
        transaction_header_end(session->transaction);
}

bool session_wants_body(const struct session *session)
{
    return session->transaction != NULL && transaction_wants_body(session->transaction);
}

void session_body(struct session *session, const char *at, size_t len)
{
    if (session->transaction != NULL)
        transaction_body(session->transaction, (struct text){at, len});
}

void session_abort(struct session *session)
{
    transaction_free(&session->transaction);
}

const struct decision *session_end(struct session *session, const char *queue_id)
{
    if (session->transaction == NULL || session->is_decided)
        session->decision = (struct decision){.reply.action = ACTION_ACCEPT};
    else
        decision_make(session->transaction, queue_id, &session->decision);
    session->is_decided = true;
    return &session->decision;
}
