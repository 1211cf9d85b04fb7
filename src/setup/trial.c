// SPDX-License-Identifier: ISC
#include "setup/trial.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
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

bool trial_of_keys(const struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    const char *const stamp[] = {SELF, "-c", plan->conf.path, "stamp", NULL};
    char id[40];
    char *user = NULL;
    char *stamped = NULL;
    char *payload = NULL;
    char *answer = NULL;

    if (plan->peer[0] == '\0')
        return true;
    trial_id(id);
    char *message = trial_message(plan, id);
    if (message != NULL && asprintf(&user, "postmaster@%s", plan->domains.at[0].at) >= 0)
        stamped = trial_run(stamp, "verimail stamp", message, error_r);
    if (stamped != NULL)
        payload = trial_payload(stamped);
    if (payload != NULL) {
        const char *const ask[] = {SELF, "-c", plan->conf.path, "ask", "--server", plan->peer, "--",
                user, payload, NULL};
        answer = trial_run(ask, "the service, asked about a stamp of this host,", "", error_r);
    }
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

bool trial_of_mail(const struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    char id[40];
    char *sender = NULL;
    char *said = NULL;

    trial_id(id);
    char *message = trial_message(plan, id);
    if (message != NULL && asprintf(&sender, "postmaster@%s", plan->domains.at[0].at) >= 0) {
        const char *const argv[] = {"sendmail", "-i", "-f", sender, "--", plan->test_to, NULL};
        said = trial_run(argv, "sendmail", message, error_r);
    }
    if (said != NULL)
        fprintf(out, "  a message to %s is with the mail server, Message-ID <%s@%s>\n",
                plan->test_to, id, plan->host);
    const bool ok = said != NULL;
    free(said);
    free(sender);
    free(message);
    return ok;
}
