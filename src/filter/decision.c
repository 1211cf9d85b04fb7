// SPDX-License-Identifier: ISC
#include "filter/decision.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "filter/sender_logins.h"
#include "protocol/results.h"

/* The line that is logged of each message: verimail-milter(8), LOG. */
struct decision_line {
    const struct transaction *transaction;
    const char *queue_id;         /* NULL: `-` */
    const struct address *author; /* NULL: the message does not say */
    uint64_t milliseconds;        /* from the end of the message to the decision */
};

/* The log */

static void decision_begin_line(struct log_line *line, enum log_level level, const char *event,
        const struct decision_line *mail)
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

static void decision_log_outcome(struct log_line *line, const struct client_outcome *outcome)
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

static void decision_log_error(struct log_line *line, const struct client_outcome *outcome)
{
    char error[DISCOVERY_ERROR_MAX];

    client_outcome_text(outcome, error, sizeof error);
    log_string(line, "error", error);
}

static void decision_log_verified(const struct decision_line *mail,
        const struct verification *verification, enum action action, bool monitor, size_t forged)
{
    const enum verdict verdict = verification->verdict;
    const enum log_level level = verdict == VERDICT_TEMPERROR ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    struct log_line line;

    decision_begin_line(&line, level, "verified", mail);
    log_string(&line, "verdict", verdict_name(verdict));
    /* For a temperror `by` says the same, and `error` more. */
    if (verification->reason.len > 0 && verdict != VERDICT_TEMPERROR)
        log_text(&line, "reason", verification->reason);
    log_string(&line, monitor ? "would" : "action", action_name(action));
    if (verification->stamps > 1)
        log_number(&line, "stamps", verification->stamps);
    if (forged > 0)
        log_number(&line, "forged_results", forged);
    if (verification->asked) {
        decision_log_outcome(&line, &verification->outcome);
        if (verdict == VERDICT_TEMPERROR)
            decision_log_error(&line, &verification->outcome);
    }
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

static void decision_log_stamped(const struct decision_line *mail, size_t replaced)
{
    struct log_line line;

    decision_begin_line(&line, LOG_LEVEL_INFO, "stamped", mail);
    log_text(&line, "rcpt", envelope_rcpt(&mail->transaction->envelope));
    if (replaced > 0)
        log_number(&line, "replaced", replaced);
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

static void decision_log_not_stamped(
        const struct decision_line *mail, const char *reason, enum action action)
{
    struct log_line line;

    decision_begin_line(&line, LOG_LEVEL_INFO, "not-stamped", mail);
    log_string(&line, "reason", reason);
    log_string(&line, "action", action_name(action));
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

/* All messages */

static void decision_remove_forged(const struct transaction *transaction, struct decision *decision)
{
    decision->results = (struct decision_removal){
            .name = RESULTS_NAME,
            .at = transaction->forged.numbers,
            .count = transaction->forged.count,
            .rest = transaction->forged.rest,
            .last = transaction->forged.seen,
    };
}

static size_t decision_removal_count(const struct decision_removal *removal)
{
    return removal->count + (removal->rest > 0 ? removal->last - removal->rest + 1 : 0);
}

/* Inbound */

static void decision_add_result(const struct verification *verification, struct decision *decision)
{
    struct decision_field *field = &decision->on_top[decision->on_top_count];
    struct writer w = writer_of(field->value, sizeof field->value);

    if (verification->field[0] == '\0')
        return;
    field->name = RESULTS_NAME;
    writer_string(&w, verification->field);
    writer_char(&w, '\0');
    decision->on_top_count++;
}

static void decision_verify(
        struct transaction *transaction, struct decision_line *line, struct decision *decision)
{
    const struct verifier *verifier = transaction->policy->verifier;
    const bool monitor = verifier_is_monitor(verifier);
    const uint64_t began = mono_ms();
    char ip[ENDPOINT_TEXT_MAX] = "";
    struct verification verification;

    if (transaction->from->has_address)
        endpoint_format_address(&transaction->from->address, ip);
    (void)!message_parser_end(transaction->parser); /* the verifier finds its faults */
    verifier_judge(verifier, transaction->client, transaction->parser,
            envelope_rcpt(&transaction->envelope), text_of(ip), "\n", &verification);
    decision->reply = verification.reply;
    decision_remove_forged(transaction, decision);
    line->author = verification.author;
    line->milliseconds = mono_ms() - began;
    decision_log_verified(line, &verification, decision->reply.action, monitor,
            decision_removal_count(&decision->results));
    if (monitor)
        decision->reply.action = ACTION_ACCEPT;
    decision_add_result(&verification, decision);
}

/* Outbound */

static void decision_add_below(struct decision *decision, const char *name, const char *value)
{
    struct decision_field *field = &decision->below[decision->below_count++];
    struct writer w = writer_of(field->value, sizeof field->value);

    field->name = name;
    writer_string(&w, value);
    writer_char(&w, '\0');
}

/* Earlier stamps of our own domains: the new one replaces them. */
static void decision_replace_stamps(struct transaction *transaction, struct decision *decision)
{
    size_t count;
    const struct message_parser_stamp *stamps = message_parser_stamps(transaction->parser, &count);
    struct decision_removal *removal = &decision->stamps;

    *removal = (struct decision_removal){.name = STAMP_NAME, .at = transaction->replaced};
    for (size_t i = 0; i < count; i++)
        if (stamper_is_ours(transaction->policy->stamper, &stamps[i].stamp.user))
            transaction->replaced[removal->count++] = stamps[i].number;
}

/* NULL when the stamp was made; else one word that says why not. */
static const char *decision_add_stamp(
        struct transaction *transaction, const struct address *author, struct decision *decision)
{
    char buffer[STAMP_FIELD_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    if (transaction->envelope.failed)
        return "recipients";
    switch (stamper_seal(transaction->policy->stamper, author, transaction->envelope.receiving,
            transaction->began, text_of(message_parser_digest(transaction->parser)), "\n", &w)) {
    case SEALER_OK:
        break;
    case SEALER_RECEIVING:
        return "no-recipients";
    case SEALER_LENGTH:
        return "long";
    }
    struct decision_field *top = &decision->on_top[decision->on_top_count++];
    struct writer value = writer_of(top->value, sizeof top->value);
    top->name = STAMP_NAME;
    writer_put(&value, text_trim(writer_text(&w)));
    writer_char(&value, '\0');
    if (message_parser_lacks_date(transaction->parser))
        decision_add_below(decision, "Date", transaction->date);
    if (message_parser_lacks_message_id(transaction->parser))
        decision_add_below(decision, "Message-ID", transaction->message_id);
    decision_replace_stamps(transaction, decision);
    return NULL;
}

static void decision_refuse(struct decision *decision, enum action action, const char *code,
        const char *status, const char *text)
{
    struct writer w = writer_of(decision->reply.text, sizeof decision->reply.text);

    decision->reply.action = action;
    decision->reply.code = code;
    decision->reply.status = status;
    writer_string(&w, text);
    writer_char(&w, '\0');
}

static const char *decision_foreign_from(
        const struct config_milter *milter, struct decision *decision)
{
    if (strcmp(milter->on_foreign_from.at, "reject") == 0)
        decision_refuse(decision, ACTION_REJECT, "550", "5.7.1",
                "The address in From is not one that your login may use (Verimail)");
    return "foreign-from";
}

static bool decision_login_may_use(
        const struct transaction *transaction, const struct address *author)
{
    return transaction->login != NULL &&
           sender_logins_permit(transaction->policy->logins, transaction->login, author);
}

/* NULL when it was stamped; else one word that says why not. */
static const char *decision_try_stamp(
        struct transaction *transaction, const struct address **author_r, struct decision *decision)
{
    const struct policy *policy = transaction->policy;
    const struct config_milter *milter = policy->config->milter;
    enum message_parser_error error = message_parser_end(transaction->parser);

    /* A fault of this host, not of the message: unstamped, others would refuse it for good. */
    if (error == MESSAGE_PARSER_MEMORY) {
        decision_refuse(decision, ACTION_TEMPFAIL, "451", "4.7.1",
                "This message cannot be stamped now (Verimail); try again later");
        return message_parser_error_word(error);
    }
    *author_r = message_parser_author(transaction->parser, &error);
    if (policy->stamper == NULL)
        return "no-key";
    if (*author_r == NULL)
        return message_parser_error_word(error);
    if (!stamper_is_ours(policy->stamper, *author_r))
        return "not-ours";
    if (transaction_class(transaction) == MAIL_CLASS_RELAYED && !transaction->from->relays_for_us)
        return "relayed";
    if (transaction->is_authenticated && !decision_login_may_use(transaction, *author_r))
        return decision_foreign_from(milter, decision);
    return decision_add_stamp(transaction, *author_r, decision);
}

static void decision_stamp(
        struct transaction *transaction, struct decision_line *line, struct decision *decision)
{
    const uint64_t began = mono_ms();

    /* A relayed message may have been verified by us before; a new one was not. */
    if (transaction_class(transaction) != MAIL_CLASS_RELAYED)
        decision_remove_forged(transaction, decision);
    const char *reason = decision_try_stamp(transaction, &line->author, decision);
    line->milliseconds = mono_ms() - began;
    if (reason == NULL)
        decision_log_stamped(line, decision->stamps.count);
    else
        decision_log_not_stamped(line, reason, decision->reply.action);
}

void decision_make(
        struct transaction *transaction, const char *queue_id, struct decision *decision_r)
{
    struct decision_line line = {.transaction = transaction, .queue_id = queue_id};

    *decision_r = (struct decision){.reply.action = ACTION_ACCEPT};
    if (transaction_class(transaction) != MAIL_CLASS_INBOUND)
        decision_stamp(transaction, &line, decision_r);
    else if (decision_wants_body(transaction))
        decision_verify(transaction, &line, decision_r);
}

bool decision_wants_body(const struct transaction *transaction)
{
    const struct policy *policy = transaction->policy;

    switch (transaction_class(transaction)) {
    case MAIL_CLASS_INBOUND:
        return policy->verifier != NULL && transaction->client != NULL;
    case MAIL_CLASS_RELAYED:
        return policy->stamper != NULL && transaction->from->relays_for_us;
    case MAIL_CLASS_AUTHENTICATED:
    case MAIL_CLASS_SUBMISSION:
        break;
    }
    return policy->stamper != NULL;
}
