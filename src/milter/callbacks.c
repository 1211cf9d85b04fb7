// SPDX-License-Identifier: ISC
#include "milter/milter.h"

#include <libmilter/mfapi.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "client/lru.h"
#include "filter/decision.h"
#include "filter/session.h"
#include "milter/mail_record.h"
#include "milter/pulse.h"
#include "milter/tally.h"

#define ACTIONS_WANTED (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE)
/* We want header values unchanged, and no events that we ignore. The mail server need not wait for
 * an answer where it is always to go on. */
#define STEPS_WANTED                                                                               \
    (SMFIP_HDR_LEADSPC | SMFIP_SKIP | SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN |              \
            SMFIP_NR_CONN | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)
#define PENDING_MAX MILTER_SESSIONS_MAX /* connections that wait to be accepted */
#define KEPT_MAX ((size_t)2 * MILTER_SESSIONS_MAX)
#define PACKET_MAX (1 << 20) /* octets: Exim has fields of over 64 KiB, and other peers chunks */

/* What a mail server can do. */
struct negotiated {
    unsigned long actions;
    unsigned long steps;
};

/* A mail server's connection. */
struct connection {
    struct negotiated negotiated;
    struct snapshot *snapshot; /* of `session` */
    struct session *session;   /* NULL before the SMTP client is known, and for one too many */
    bool is_over;              /* one too many */
};

static struct callbacks {
    pthread_mutex_t lock; /* of: */
    struct snapshot *current;
    unsigned sessions;
    struct lru *kept; /* struct negotiated by the context of a connection that has no session */
    struct client *client;
} callbacks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct snapshot *callbacks_current_snapshot(void)
{
    pthread_mutex_lock(&callbacks.lock);
    struct snapshot *snapshot = snapshot_hold(callbacks.current);
    pthread_mutex_unlock(&callbacks.lock);
    return snapshot;
}

void callbacks_use(struct snapshot *snapshot)
{
    pthread_mutex_lock(&callbacks.lock);
    struct snapshot *before = callbacks.current;
    callbacks.current = snapshot;
    pthread_mutex_unlock(&callbacks.lock);
    if (before != NULL)
        snapshot_release(&before);
}

/* Behind QUIT_NC, a mail server begins another session on the same connection, and does not
 * negotiate again. For libmilter that is an end like others: it forgets what on_negotiate() made.
 * At a true end what is kept is of no use. Another connection that gets the same context negotiates
 * first. */
static void callbacks_keep(SMFICTX *context, const struct negotiated *negotiated)
{
    const uintptr_t number = (uintptr_t)context;
    const struct text key = {(const char *)&number, sizeof number};

    pthread_mutex_lock(&callbacks.lock);
    struct negotiated *kept = lru_use(callbacks.kept, key);
    if (kept == NULL && lru_make_room(callbacks.kept, 1, NULL, NULL))
        kept = lru_add(callbacks.kept, key);
    if (kept != NULL)
        *kept = *negotiated;
    pthread_mutex_unlock(&callbacks.lock);
}

/* False when nothing was kept. */
static bool callbacks_recall(SMFICTX *context, struct negotiated *negotiated_r)
{
    const uintptr_t number = (uintptr_t)context;
    const struct text key = {(const char *)&number, sizeof number};

    pthread_mutex_lock(&callbacks.lock);
    const struct negotiated *kept = lru_find(callbacks.kept, key);
    if (kept != NULL)
        *negotiated_r = *kept;
    pthread_mutex_unlock(&callbacks.lock);
    return kept != NULL;
}

/* To go on is no answer where the mail server agreed not to wait for one. */
static sfsistat callbacks_go_on(const struct connection *connection, unsigned long no_reply)
{
    return (connection->negotiated.steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* NULL when out of memory. */
static struct connection *callbacks_connection(SMFICTX *context)
{
    struct connection *connection = smfi_getpriv(context);

    if (connection != NULL)
        return connection;
    connection = calloc(1, sizeof *connection);
    if (connection != NULL && smfi_setpriv(context, connection) == MI_SUCCESS)
        return connection;
    free(connection);
    return NULL;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
        unsigned long unused_2, unsigned long unused_3, unsigned long *actions_r,
        unsigned long *steps_r, unsigned long *unused_2_r, unsigned long *unused_3_r)
{
    struct connection *connection = callbacks_connection(context);

    (void)unused_2, (void)unused_3;
    if (connection == NULL)
        return SMFIS_REJECT;
    connection->negotiated = (struct negotiated){actions & ACTIONS_WANTED, steps & STEPS_WANTED};
    /* A mail server that does not wait for an answer cannot be told to skip the rest. */
    if ((connection->negotiated.steps & SMFIP_SKIP) != 0)
        connection->negotiated.steps &= ~(unsigned long)SMFIP_NR_BODY;
    *actions_r = connection->negotiated.actions;
    *steps_r = connection->negotiated.steps;
    *unused_2_r = *unused_3_r = 0;
    return SMFIS_CONTINUE;
}

/* A place among the sessions; false: all are taken. */
static bool callbacks_take_place(void)
{
    pthread_mutex_lock(&callbacks.lock);
    const bool free_place = callbacks.sessions < MILTER_SESSIONS_MAX;
    callbacks.sessions += free_place;
    pthread_mutex_unlock(&callbacks.lock);
    tally_session(free_place);
    return free_place;
}

static void callbacks_give_place(void)
{
    pthread_mutex_lock(&callbacks.lock);
    callbacks.sessions--;
    pthread_mutex_unlock(&callbacks.lock);
    tally_session(-1);
}

static void callbacks_end_session(struct connection *connection)
{
    if (connection->session == NULL)
        return;
    session_free(&connection->session);
    callbacks_give_place();
}

static void callbacks_begin_session(
        struct connection *connection, const char *hostname, const _SOCK_ADDR *address)
{
    connection->is_over = !callbacks_take_place();
    if (connection->is_over)
        return;
    connection->session =
            session_init(&connection->snapshot->policy, callbacks.client, hostname, address);
    if (connection->session == NULL)
        callbacks_give_place();
}

static sfsistat on_connect(SMFICTX *context, char *hostname, _SOCK_ADDR *address)
{
    struct connection *connection = smfi_getpriv(context);
    struct negotiated negotiated;

    if (connection == NULL && callbacks_recall(context, &negotiated)) {
        connection = callbacks_connection(context);
        if (connection != NULL)
            connection->negotiated = negotiated;
    }
    if (connection == NULL)
        return SMFIS_TEMPFAIL;
    callbacks_end_session(connection);
    snapshot_release(&connection->snapshot);
    connection->snapshot = callbacks_current_snapshot();
    callbacks_begin_session(connection, hostname, address);
    /* Without a session, on_mail() refuses messages for now. */
    return callbacks_go_on(connection, SMFIP_NR_CONN);
}

static struct session *callbacks_session_of(SMFICTX *context)
{
    const struct connection *connection = smfi_getpriv(context);

    return connection != NULL ? connection->session : NULL;
}

/* A copy for libmilter, whose arguments are not const. */
static char *callbacks_copy(const char *text, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size - 1);

    writer_string(&w, text);
    buffer[writer_text(&w).len] = '\0';
    return buffer;
}

static const char *callbacks_macro(SMFICTX *context, const char *name)
{
    char buffer[32];

    return smfi_getsymval(context, callbacks_copy(name, buffer, sizeof buffer));
}

/* Some mail servers send long names without the braces. */
static const char *callbacks_long_macro(SMFICTX *context, const char *name)
{
    char braced[32];
    struct writer w = writer_of(braced, sizeof braced);

    writer_char(&w, '{');
    writer_string(&w, name);
    writer_string(&w, "}");
    writer_char(&w, '\0');
    const char *value = callbacks_macro(context, braced);
    return value != NULL ? value : callbacks_macro(context, name);
}

/* libmilter takes a `%` in the text of a reply for two of them. */
static void callbacks_reply(SMFICTX *context, const struct reply *reply)
{
    char text[VERIFIER_REPLY_MAX * 2];
    char code[4];
    char status[12];
    struct writer w = writer_of(text, sizeof text);

    for (const char *at = reply->text; *at != '\0'; at++) {
        writer_char(&w, *at);
        if (*at == '%')
            writer_char(&w, '%');
    }
    writer_char(&w, '\0');
    if (smfi_setreply(context, callbacks_copy(reply->code, code, sizeof code),
                callbacks_copy(reply->status, status, sizeof status), text) != MI_SUCCESS)
        log_event(LOG_LEVEL_ERROR, "reply-refused", "text", reply->text);
}

static const char *callbacks_session_error(const struct connection *connection)
{
    const bool is_connected = connection != NULL && connection->snapshot != NULL;

    return is_connected ? "out of memory" : "the mail server sent MAIL before a connection";
}

static sfsistat callbacks_refuse_session(SMFICTX *context)
{
    static const struct reply busy = {ACTION_TEMPFAIL, "421", "4.3.2",
            "This server has too many sessions with its mail filter (Verimail); try again later"};

    tally_refused_session();
    log_event(LOG_LEVEL_WARNING, "refused", "error", "too many sessions");
    callbacks_reply(context, &busy);
    return SMFIS_TEMPFAIL;
}

static sfsistat on_mail(SMFICTX *context, char **arguments)
{
    const struct mail_command command = {
            .sender = arguments[0],
            .auth_type = callbacks_long_macro(context, "auth_type"),
            .login = callbacks_long_macro(context, "auth_authen"),
            .daemon_name = callbacks_long_macro(context, "daemon_name"),
            .direction = callbacks_long_macro(context, "verimail_direction"),
    };
    const struct connection *connection = smfi_getpriv(context);
    struct session *session = callbacks_session_of(context);

    if (connection != NULL && connection->is_over)
        return callbacks_refuse_session(context);
    if (session == NULL || !session_mail(session, &command)) {
        log_event(LOG_LEVEL_ERROR, "refused", "error", callbacks_session_error(connection));
        return SMFIS_TEMPFAIL;
    }
    return SMFIS_CONTINUE;
}

static sfsistat on_recipient(SMFICTX *context, char **arguments)
{
    struct session *session = callbacks_session_of(context);

    if (session != NULL && arguments[0] != NULL)
        session_recipient(session, arguments[0]);
    return callbacks_go_on(smfi_getpriv(context), SMFIP_NR_RCPT);
}

static sfsistat callbacks_on_field(SMFICTX *context, char *name, char *value)
{
    struct session *session = callbacks_session_of(context);

    if (session != NULL)
        session_field(session, name, value != NULL ? value : "");
    return callbacks_go_on(smfi_getpriv(context), SMFIP_NR_HDR);
}

static sfsistat callbacks_on_header_end(SMFICTX *context)
{
    struct session *session = callbacks_session_of(context);

    if (session != NULL)
        session_header_end(session);
    return callbacks_go_on(smfi_getpriv(context), SMFIP_NR_EOH);
}

static sfsistat callbacks_on_body(SMFICTX *context, unsigned char *at, size_t len)
{
    const struct connection *connection = smfi_getpriv(context);

    if (connection->session != NULL && session_wants_body(connection->session))
        session_body(connection->session, (const char *)at, len);
    else if ((connection->negotiated.steps & SMFIP_SKIP) != 0)
        return SMFIS_SKIP;
    return callbacks_go_on(connection, SMFIP_NR_BODY);
}

static bool callbacks_remove_field(SMFICTX *context, const char *name, unsigned number)
{
    return smfi_chgheader(context, (char *)(uintptr_t)name, (int)number, NULL) == MI_SUCCESS;
}

/* The highest number first: a removal changes the numbers behind it. */
static bool callbacks_remove_fields(SMFICTX *context, const struct decision_removal *removal)
{
    bool ok = true;

    for (unsigned n = removal->last; removal->rest > 0 && n >= removal->rest; n--)
        ok = callbacks_remove_field(context, removal->name, n) && ok;
    for (size_t i = removal->count; i-- > 0;)
        ok = callbacks_remove_field(context, removal->name, removal->at[i]) && ok;
    return ok;
}

/* `place`: an index from the top; -1: below all other fields. */
static bool callbacks_put_field(SMFICTX *context, int place, const struct decision_field *field)
{
    const struct connection *connection = smfi_getpriv(context);
    char value[DECISION_FIELD_MAX + 1];
    struct writer w = writer_of(value, sizeof value);

    /* A mail server that sends values unchanged also expects the space behind the colon. */
    if ((connection->negotiated.steps & SMFIP_HDR_LEADSPC) != 0)
        writer_char(&w, ' ');
    writer_string(&w, field->value);
    writer_char(&w, '\0');
    char *name = (char *)(uintptr_t)field->name;
    if (place < 0)
        return smfi_addheader(context, name, value) == MI_SUCCESS;
    return smfi_insheader(context, place, name, value) == MI_SUCCESS;
}

static bool callbacks_edit(SMFICTX *context, const struct decision *decision)
{
    bool ok = true;

    for (size_t i = 0; i < decision->removals_count; i++)
        ok = callbacks_remove_fields(context, &decision->removals[i]) && ok;
    for (size_t i = 0; i < decision->below_count; i++)
        ok = callbacks_put_field(context, -1, &decision->below[i]) && ok;
    for (size_t i = 0; i < decision->on_top_count; i++)
        ok = callbacks_put_field(context, 0, &decision->on_top[i]) && ok;
    return ok;
}

static bool callbacks_quarantine(SMFICTX *context)
{
    const struct connection *connection = smfi_getpriv(context);
    char reason[] = "Verimail: the author's domain did not send it";

    return (connection->negotiated.actions & SMFIF_QUARANTINE) != 0 &&
           smfi_quarantine(context, reason) == MI_SUCCESS;
}

/* With what is to be removed it must not be delivered, now or later. */
static sfsistat callbacks_refuse_removal(SMFICTX *context)
{
    static const struct reply refused = {ACTION_REJECT, "550", "5.7.1",
            "This message has header fields that must be removed, which this mail server does not "
            "let its mail filter do (Verimail)"};

    log_event(LOG_LEVEL_ERROR, "refused", "error",
            "the mail server does not let header fields be deleted");
    callbacks_reply(context, &refused);
    return SMFIS_REJECT;
}

/* What was not negotiated, libmilter does not ask for. */
static sfsistat callbacks_change(SMFICTX *context, const struct decision *decision)
{
    const struct connection *connection = smfi_getpriv(context);
    const bool is_quarantined = decision->reply.action == ACTION_QUARANTINE;

    if (decision->removals_count > 0 && (connection->negotiated.actions & SMFIF_CHGHDRS) == 0)
        return callbacks_refuse_removal(context);
    if (callbacks_edit(context, decision) && (!is_quarantined || callbacks_quarantine(context)))
        return SMFIS_CONTINUE;
    log_event(LOG_LEVEL_ERROR, "refused", "error",
            is_quarantined ? "the mail server does not quarantine"
                           : "the mail server does not take the changes");
    return SMFIS_TEMPFAIL;
}

static sfsistat callbacks_do_what(SMFICTX *context, const struct decision *decision)
{
    const enum action action = decision->reply.action;

    if (action != ACTION_REJECT && action != ACTION_TEMPFAIL)
        return callbacks_change(context, decision);
    callbacks_reply(context, &decision->reply);
    return action == ACTION_REJECT ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/* What became of a message that was to be changed and was not; MAIL_ACTION_NONE: nothing else. */
static enum mail_action callbacks_instead(const struct decision *decision, sfsistat status)
{
    if (status == SMFIS_REJECT && decision->reply.action != ACTION_REJECT)
        return MAIL_ACTION_REJECTED;
    if (status == SMFIS_TEMPFAIL && decision->reply.action != ACTION_TEMPFAIL)
        return MAIL_ACTION_DEFERRED;
    return MAIL_ACTION_NONE;
}

static sfsistat on_end(SMFICTX *context)
{
    struct session *session = callbacks_session_of(context);

    if (session == NULL)
        return SMFIS_TEMPFAIL;
    pulse_begin();
    const struct decision *decision = session_end(session, callbacks_macro(context, "i"));
    pulse_end();
    const sfsistat status = callbacks_do_what(context, decision);
    mail_record_put(&decision->event, callbacks_instead(decision, status));
    session_abort(session);
    return status;
}

static sfsistat on_abort(SMFICTX *context)
{
    struct session *session = callbacks_session_of(context);

    if (session != NULL)
        session_abort(session);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *context)
{
    struct connection *connection = smfi_getpriv(context);

    if (connection != NULL) {
        callbacks_keep(context, &connection->negotiated);
        callbacks_end_session(connection);
        snapshot_release(&connection->snapshot);
    }
    free(connection);
    (void)smfi_setpriv(context, NULL);
    return SMFIS_CONTINUE;
}

void callbacks_verify(struct client *client)
{
    callbacks.client = client;
}

bool callbacks_register(void)
{
    static char name[] = "verimail";
    struct smfiDesc description = {
            .xxfi_name = name,
            .xxfi_version = SMFI_VERSION,
            .xxfi_flags = ACTIONS_WANTED,
            .xxfi_connect = on_connect,
            .xxfi_envfrom = on_mail,
            .xxfi_envrcpt = on_recipient,
            .xxfi_header = callbacks_on_field,
            .xxfi_eoh = callbacks_on_header_end,
            .xxfi_body = callbacks_on_body,
            .xxfi_eom = on_end,
            .xxfi_abort = on_abort,
            .xxfi_close = on_close,
            .xxfi_negotiate = on_negotiate,
    };

    lru_free(&callbacks.kept);
    callbacks.kept = lru_init(KEPT_MAX, sizeof(struct negotiated));
    return callbacks.kept != NULL && smfi_register(description) == MI_SUCCESS &&
           smfi_setbacklog(PENDING_MAX) == MI_SUCCESS && smfi_setmaxdatasize(PACKET_MAX) > 0;
}

bool callbacks_run(void)
{
    return smfi_main() == MI_SUCCESS;
}
