// SPDX-License-Identifier: ISC
#include "filter/maillog.h"

#include "base/log.h"

static void maillog_begin(
        struct log_line *line, enum log_level level, const char *event, const struct maillog *mail)
{
    const struct transaction *transaction = mail->transaction;
    char address[ENDPOINT_TEXT_MAX] = "-";

    log_begin(line, level, event);
    if (!line->wanted)
        return;
    if (transaction->from->has_address)
        endpoint_format_address(&transaction->from->address, address);
    log_string(line, "queue", mail->queue_id != NULL ? mail->queue_id : "-");
    log_string(line, "ip", address);
    log_string(line, "class", mail_class_name(transaction_class(transaction)));
    if (transaction->login != NULL && transaction->login[0] != '\0')
        log_string(line, "login", transaction->login);
    log_string(line, "author", mail->author != NULL ? mail->author->text : "-");
}

static void maillog_put_outcome(struct log_line *line, const struct client_outcome *outcome)
{
    const bool asked = outcome->step == CLIENT_ANSWERED || outcome->step == CLIENT_NO_ANSWER;
    char text[ENDPOINT_TEXT_MAX];

    log_string(line, "by", client_step_word(outcome->step));
    if (asked && outcome->attempt.connected) {
        endpoint_format(&outcome->discovery.servers[outcome->attempt.which].endpoint, text);
        log_string(line, "server", text);
    }
    log_string(line, "dns", outcome->secure ? "secure" : "insecure");
}

static void maillog_put_cause(struct log_line *line, const struct client_outcome *outcome)
{
    char cause[DISCOVERY_ERROR_MAX];

    client_outcome_text(outcome, cause, sizeof cause);
    log_string(line, "cause", cause);
}

void maillog_verified(const struct maillog *mail, const struct verification *verification,
        enum action action, bool monitor, size_t forged)
{
    const enum verdict verdict = verification->verdict;
    const enum log_level level = verdict == VERDICT_TEMPERROR ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    struct log_line line;

    maillog_begin(&line, level, "verified", mail);
    log_string(&line, "verdict", verdict_name(verdict));
    /* For a temperror `by` says the same, and `cause` more. */
    if (verification->reason.len > 0 && verdict != VERDICT_TEMPERROR)
        log_text(&line, "reason", verification->reason);
    log_string(&line, monitor ? "would" : "action", action_name(action));
    if (verification->stamps > 1)
        log_number(&line, "stamps", verification->stamps);
    if (forged > 0)
        log_number(&line, "forged_results", forged);
    if (verification->asked) {
        maillog_put_outcome(&line, &verification->outcome);
        if (verdict == VERDICT_TEMPERROR)
            maillog_put_cause(&line, &verification->outcome);
    }
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

void maillog_stamped(const struct maillog *mail, size_t replaced)
{
    struct log_line line;

    maillog_begin(&line, LOG_LEVEL_INFO, "stamped", mail);
    log_text(&line, "rcpt", envelope_rcpt(&mail->transaction->envelope));
    if (replaced > 0)
        log_number(&line, "replaced", replaced);
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

void maillog_not_stamped(const struct maillog *mail, const char *why, enum action action)
{
    struct log_line line;

    maillog_begin(&line, LOG_LEVEL_INFO, "not-stamped", mail);
    log_string(&line, "reason", why);
    log_string(&line, "action", action_name(action));
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}
