// SPDX-License-Identifier: ISC
#include "setup/trial.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/date.h"
#include "events/mail_event.h"
#include "events/store.h"
#include "setup/subprocess.h"

#define SELF "/proc/self/exe"
#define TRIAL_WAIT 15000 /* milliseconds for what a mail server does by itself */
#define TRIAL_PAUSE 200

/* A message of our own, as sendmail(1) takes it. The caller frees it; NULL when out of memory. */
static char *trial_message(const struct plan *plan, const char *id)
{
    char date[DATE_TEXT_MAX];
    char *message = NULL;

    date_format_date(unix_now(), date);
    if (asprintf(&message,
                "From: postmaster@%s\n"
                "To: %s\n"
                "Subject: Verimail works on %s\n"
                "Date: %s\n"
                "Message-ID: <%s@%s>\n"
                "\n"
                "`verimail setup` sent this message to see whether the mail server of %s has its "
                "mail stamped.\n",
                plan->domains.at[0].at, plan->test_to, plan->host, date, id, plan->host,
                plan->host) < 0)
        return NULL;
    return message;
}

static void trial_pause(void)
{
    const struct timespec pause = {.tv_nsec = TRIAL_PAUSE * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static void trial_id(char id_r[40])
{
    snprintf(id_r, 40, "setup.%016llx%08x", (unsigned long long)unix_ms(), randombytes_random());
}

/* Runs a program that must not fail. The caller frees what it said; NULL with a sentence. */
static char *trial_run(
        const char *const *argv, const char *name, const char *input, char error_r[PLAN_ERROR_MAX])
{
    struct subprocess done;
    char text[SUBPROCESS_TEXT_MAX];
    char *output = NULL;

    if (subprocess_run(argv, text_of(input), &done)) {
        output = done.output;
        done.output = NULL;
    } else {
        subprocess_text(&done, text);
        snprintf(error_r, PLAN_ERROR_MAX, "%s %s", name, text);
    }
    subprocess_free(&done);
    return output;
}

/* The payload of a stamped message's first field, without its folds; "" when there is none. */
static char *trial_payload(const char *message)
{
    static const char field[] = "Verimail:";
    char *payload = strdup("");
    const char *at = message + strlen(field);
    size_t len = 0;

    if (payload == NULL || strncmp(message, field, strlen(field)) != 0)
        return payload;
    char *room = realloc(payload, strlen(message) + 1);
    if (room == NULL)
        return payload;
    at += strspn(at, " ");
    at += strcspn(at, " \r\n"); /* the user */
    for (; *at != '\0' && (*at != '\n' || text_is_space(at[1])); at++)
        if (!text_is_white(*at))
            room[len++] = *at;
    room[len] = '\0';
    return room;
}

/* A service that reloads says for a moment what it said before. */
static char *trial_ask(const struct plan *plan, const char *user, const char *payload,
        char error_r[PLAN_ERROR_MAX])
{
    const char *const ask[] = {
            SELF, "-c", plan->conf.path, "ask", "--server", plan->peer, "--", user, payload, NULL};
    const uint64_t deadline = mono_ms() + TRIAL_WAIT;
    char *answer = NULL;

    while (answer == NULL && mono_ms() < deadline) {
        answer = trial_run(ask, "the service, asked about a stamp of this host,", "", error_r);
        if (answer == NULL)
            trial_pause();
    }
    return answer;
}

bool trial_of_keys(const struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    const char *const stamp[] = {SELF, "-c", plan->conf.path, "stamp", NULL};
    char id[40];
    char *user = NULL;
    char *stamped = NULL;
    char *payload = NULL;
    char *answer = NULL;

    /* A service elsewhere may not have this host's key yet. */
    if (plan->peer[0] == '\0' || (plan->roles & PLAN_SERVICE) == 0)
        return true;
    trial_id(id);
    char *message = trial_message(plan, id);
    if (message != NULL && asprintf(&user, "postmaster@%s", plan->domains.at[0].at) >= 0)
        stamped = trial_run(stamp, "verimail stamp", message, error_r);
    if (stamped != NULL)
        payload = trial_payload(stamped);
    if (payload != NULL)
        answer = trial_ask(plan, user, payload, error_r);
    if (answer != NULL)
        fprintf(out, "  the service at %s about a stamp of this host: %s", plan->peer, answer);
    const bool ok = answer != NULL;
    free(answer);
    free(payload);
    free(stamped);
    free(user);
    free(message);
    return ok;
}

/* What the record of mail says of a message. */
struct trial_row {
    bool is_there;
    char action[32];
    char reason[MAIL_EVENT_REASON_MAX + 1];
};

static bool trial_take_row(void *context, const struct eventstore_value *values, size_t count)
{
    struct trial_row *row = context;

    if (count == 2) {
        row->is_there = true;
        snprintf(row->action, sizeof row->action, "%.*s", (int)values[0].text.len,
                values[0].text.at);
        snprintf(row->reason, sizeof row->reason, "%.*s", (int)values[1].text.len,
                values[1].text.at);
    }
    return false;
}

/* False when the record cannot be read now: it may not have been made yet. */
static bool trial_look(const char *address, const char *message_id, struct trial_row *row_r)
{
    char error[EVENTSTORE_ERROR_MAX];
    const struct eventstore_value parameter = record_text(text_of(message_id));
    struct eventstore *store = eventstore_open(address, &mail_event_kind, EVENTSTORE_READ, error);
    const bool ok = store != NULL &&
                    eventstore_query(store,
                            "SELECT \"action\", \"reason\" FROM mail WHERE \"message\" = $1",
                            &parameter, 1, trial_take_row, row_r);

    eventstore_close(&store);
    return ok;
}

/* Waits for the message in the record of mail. */
static struct trial_row trial_wait(const char *address, const char *message_id)
{
    const uint64_t deadline = mono_ms() + TRIAL_WAIT;
    struct trial_row row = {0};

    while (!row.is_there && mono_ms() < deadline) {
        (void)trial_look(address, message_id, &row);
        if (!row.is_there)
            trial_pause();
    }
    return row;
}

/* What the milter did with the message, by its record. */
static bool trial_judge(
        const struct plan *plan, const char *message_id, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    char *address = eventstore_address(
            plan->config->record->store.at, plan->config->milter->state.at, EVENTSTORE_MAIL);

    if (address == NULL || strcmp(plan->config->record->store.at, "none") == 0) {
        fputs("  the record is off: look into the log of verimail-milter for event=stamped\n", out);
        free(address);
        return true;
    }
    const struct trial_row row = trial_wait(address, message_id);
    free(address);
    if (row.is_there && strcmp(row.action, "stamped") == 0) {
        fputs("  the milter stamped it\n", out);
        return true;
    }
    if (row.is_there)
        snprintf(error_r, PLAN_ERROR_MAX, "the milter did not stamp the message: %s %s", row.action,
                row.reason);
    else
        snprintf(error_r, PLAN_ERROR_MAX,
                "no word of the message from the milter in %d seconds: see `mailq`, the log of the "
                "mail server, and `verimail doctor`",
                TRIAL_WAIT / 1000);
    return false;
}

bool trial_of_mail(const struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    char id[40];
    char *sender = NULL;
    char *message_id = NULL;
    char *said = NULL;

    trial_id(id);
    char *message = trial_message(plan, id);
    if (message != NULL && asprintf(&message_id, "%s@%s", id, plan->host) >= 0 &&
            asprintf(&sender, "postmaster@%s", plan->domains.at[0].at) >= 0) {
        const char *const argv[] = {"sendmail", "-i", "-f", sender, "--", plan->test_to, NULL};
        said = trial_run(argv, "sendmail", message, error_r);
    }
    if (said != NULL)
        fprintf(out, "  a message to %s is with the mail server, Message-ID <%s>\n", plan->test_to,
                message_id);
    const bool ok = said != NULL && trial_judge(plan, message_id, out, error_r);
    free(said);
    free(sender);
    free(message_id);
    free(message);
    return ok;
}
