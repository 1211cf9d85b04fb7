// SPDX-License-Identifier: ISC
#include "filter/decision.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "filter/backscatter.h"
#include "filter/sender_logins.h"
#include "protocol/results.h"

/* The line that is logged of each message: verimail-milter(8), LOG. */
struct decision_line {
    const struct transaction *transaction;
    const char *queue_id;         /* NULL: `-` */
    const struct address *author; /* NULL: the message does not say */
    enum log_level level;
    uint64_t milliseconds; /* from the end of the message to the decision */
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
    char lookup[sizeof "_verimail._tcp." + DOMAIN_MAX];

    log_string(line, "by", client_step_word(outcome->step));
    if (asked && outcome->attempt.connected) {
        endpoint_format(&outcome->discovery.servers[outcome->attempt.which].endpoint, text);
        log_string(line, "server", text);
    }
    if ((outcome->step == CLIENT_NO_SERVICE || outcome->step == CLIENT_DNS) &&
            outcome->discovery.domain[0] != '\0') {
        snprintf(lookup, sizeof lookup, "_verimail._tcp.%s", outcome->discovery.domain);
        log_string(line, "lookup", lookup);
    }
    if (outcome->discovery.is_kept)
        log_string(line, "discovery", "kept");
    if (outcome->is_peer && outcome->step != CLIENT_DNS)
        log_string(line, "dns", "peer");
    else
        log_string(line, "dns", outcome->secure ? "secure" : "insecure");
    if (outcome->step == CLIENT_ANSWERED || outcome->step == CLIENT_CACHED ||
            outcome->step == CLIENT_NO_ANSWER) {
        log_string(line, "channel", sealed_channel(outcome->sealed));
        log_string(line, "authenticated", outcome->authenticated ? "yes" : "no");
    }
}

static void decision_log_error(struct log_line *line, const struct client_outcome *outcome)
{
    char error[DISCOVERY_ERROR_MAX];

    client_outcome_text(outcome, error, sizeof error);
    log_string(line, "error", error);
}

/* Why a message passes, or not, whose author is not certain. */
static void decision_log_uncertain(struct log_line *line, const struct verification *verification)
{
    log_string(line, "by", uncertain_word(verification->uncertain));
    if (verification->meant[0] != '\0')
        log_string(line, "meant", verification->meant);
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
    if (verification->reason.len > 0 && (verdict != VERDICT_TEMPERROR || !verification->asked))
        log_text(&line, "reason", verification->reason);
    if (!verification->asked)
        decision_log_uncertain(&line, verification);
    log_string(&line, monitor ? "would" : "action", action_name(action));
    if (verification->stamps > 1)
        log_number(&line, "stamps", verification->stamps);
    if (forged > 0)
        log_number(&line, "forged_results", forged);
    if (verification->asked) {
        decision_log_outcome(&line, &verification->outcome);
        if (verdict == VERDICT_TEMPERROR && verification->outcome.defer)
            log_string(&line, "outage", "defer");
        if (verdict == VERDICT_TEMPERROR)
            decision_log_error(&line, &verification->outcome);
    }
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

static void decision_log_bounce(const struct decision_line *mail,
        const struct backscatter *backscatter, bool monitor, uint64_t milliseconds)
{
    const enum verdict verdict = backscatter->verdict;
    const enum log_level level = verdict == VERDICT_TEMPERROR ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    struct log_line line;

    decision_begin_line(&line, level, "bounce", mail);
    log_string(&line, "returned", backscatter->author->text);
    log_string(&line, "verdict", verdict_name(verdict));
    if (verdict == VERDICT_NO)
        log_string(&line, "reason", BACKSCATTER_REASON);
    log_string(&line, monitor ? "would" : "action", action_name(backscatter->reply.action));
    decision_log_outcome(&line, &backscatter->outcome);
    if (verdict == VERDICT_TEMPERROR)
        decision_log_error(&line, &backscatter->outcome);
    log_number(&line, "ms", milliseconds);
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

/* The sending mail server may cut them, and then the receiver finds the message changed. */
static void decision_log_long_lines(const struct decision_line *mail)
{
    const uint64_t longest = message_parser_longest_body_line(mail->transaction->parser);
    struct log_line line;

    if (longest <= DIGEST_LINE_MAX)
        return;
    decision_begin_line(&line, LOG_LEVEL_NOTICE, "long-lines", mail);
    log_number(&line, "longest", longest);
    log_end(&line);
}

/* Mail that the user's correspondents would refuse is a warning. */
static void decision_log_not_stamped(
        const struct decision_line *mail, const char *reason, enum action action)
{
    struct log_line line;

    decision_begin_line(&line, mail->level, "not-stamped", mail);
    log_string(&line, "reason", reason);
    log_string(&line, "action", action_name(action));
    log_number(&line, "ms", mail->milliseconds);
    log_end(&line);
}

/* All messages */

static size_t decision_removal_count(const struct decision_removal *removal)
{
    return removal->count + (removal->rest > 0 ? removal->last - removal->rest + 1 : 0);
}

/* Returns how many fields it removes. */
static size_t decision_remove(struct decision *decision, struct decision_removal removal)
{
    const size_t count = decision_removal_count(&removal);

    if (count > 0)
        decision->removals[decision->removals_count++] = removal;
    return count;
}

static size_t decision_remove_forged(
        const struct transaction *transaction, struct decision *decision)
{
    return decision_remove(decision, (struct decision_removal){
                                             .name = RESULTS_NAME,
                                             .at = transaction->forged.numbers,
                                             .count = transaction->forged.count,
                                             .rest = transaction->forged.rest,
                                             .last = transaction->forged.seen,
                                     });
}

/* The mark is a secret, in everybody's mail: whoever guesses does not learn whether it was right.
 */
static void decision_remove_mark(const struct transaction *transaction, struct decision *decision)
{
    (void)decision_remove(decision, (struct decision_removal){
                                            .name = transaction->policy->mark.name,
                                            .rest = transaction->marks > 0,
                                            .last = transaction->marks,
                                    });
}

/* Verified */

/* An empty value: there is no result to be told. */
static void decision_add_result(struct decision *decision, const char *value)
{
    struct decision_field *field = &decision->on_top[decision->on_top_count];
    struct writer w = writer_of(field->value, sizeof field->value);

    if (value[0] == '\0')
        return;
    field->name = RESULTS_NAME;
    writer_string(&w, value);
    writer_char(&w, '\0');
    decision->on_top_count++;
}

/* A bounce that is refused already is not judged. Both questions together take as long as one may.
 */
static void decision_judge_bounce(const struct transaction *transaction, struct text ip,
        const struct decision_line *line, struct decision *decision)
{
    const struct verifier *verifier = transaction->policy->verifier;
    const uint64_t most = verifier_policy(verifier)->timeout;
    const uint64_t spent = line->milliseconds < most ? line->milliseconds : most;
    const uint64_t began = mono_ms();
    struct backscatter backscatter;

    if (transaction->returned == NULL || decision->reply.action == ACTION_REJECT ||
            decision->reply.action == ACTION_TEMPFAIL)
        return;
    if (!backscatter_judge(verifier, transaction->client, transaction->returned, most - spent, ip,
                "\n", &backscatter))
        return;
    decision_log_bounce(line, &backscatter, verifier_is_monitor(verifier), mono_ms() - began);
    if (backscatter.reply.action != ACTION_ACCEPT)
        decision->reply = backscatter.reply;
    decision_event_bounced(transaction, &backscatter, &decision->event);
    decision_add_result(decision, backscatter.field);
}

static void decision_verify(
        struct transaction *transaction, struct decision_line *line, struct decision *decision)
{
    const struct verifier *verifier = transaction->policy->verifier;
    const bool monitor = verifier_is_monitor(verifier);
    const uint64_t began = mono_ms();
    char ip[ENDPOINT_TEXT_MAX];
    struct verification verification;
    const struct verifier_envelope envelope = transaction_envelope(transaction, ip);

    verifier_judge(verifier, transaction->client, transaction->parser, &envelope,
            transaction->early, "\n", &verification);
    decision->reply = verification.reply;
    const size_t forged = decision_remove_forged(transaction, decision);
    line->milliseconds = mono_ms() - began;
    decision_event_verified(transaction, &verification, &decision->event);
    decision_log_verified(line, &verification, decision->reply.action, monitor, forged);
    decision_add_result(decision, verification.field);
    decision_judge_bounce(transaction, envelope.ip, line, decision);
    if (monitor)
        decision->reply.action = ACTION_ACCEPT;
}

/* Stamped */

static void decision_add_below(struct decision *decision, const char *name, const char *value)
{
    struct decision_field *field = &decision->below[decision->below_count++];
    struct writer w = writer_of(field->value, sizeof field->value);

    field->name = name;
    writer_string(&w, value);
    writer_char(&w, '\0');
}

/* Earlier stamps of our own domains: the new one replaces them. Returns how many. */
static size_t decision_replace_stamps(struct transaction *transaction, struct decision *decision)
{
    size_t count;
    const struct message_parser_stamp *stamps = message_parser_stamps(transaction->parser, &count);
    struct decision_removal removal = {.name = STAMP_NAME, .at = transaction->replaced};

    for (size_t i = 0; i < count; i++)
        if (stamper_is_ours(transaction->policy->stamper, &stamps[i].stamp.user))
            transaction->replaced[removal.count++] = stamps[i].number;
    return decision_remove(decision, removal);
}

static void decision_add_missing(const struct transaction *transaction, struct decision *decision)
{
    static const unsigned first[] = {1};

    if (message_parser_lacks_from(transaction->parser)) {
        if (transaction->froms > 0)
            (void)decision_remove(
                    decision, (struct decision_removal){.name = "From", .at = first, .count = 1});
        decision_add_below(decision, "From", transaction->author);
    }
    if (message_parser_lacks_date(transaction->parser))
        decision_add_below(decision, "Date", transaction->date);
    if (message_parser_lacks_message_id(transaction->parser))
        decision_add_below(decision, "Message-ID", transaction->message_id);
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
    struct stamp stamp;
    if (stamp_parse(writer_text(&w), &stamp))
        decision_event_stamped(text_of(stamp.payload), &decision->event);
    struct decision_field *top = &decision->on_top[decision->on_top_count++];
    struct writer value = writer_of(top->value, sizeof top->value);
    top->name = STAMP_NAME;
    writer_put(&value, text_trim(writer_text(&w)));
    writer_char(&value, '\0');
    return NULL;
}

/* What is refused to our own user: `subject` and `fault` are a sentence. */
static void decision_refuse(
        struct decision *decision, enum action action, const char *subject, const char *fault)
{
    struct reply *reply = &decision->reply;
    struct writer w = writer_of(reply->text, sizeof reply->text);

    reply->action = action;
    reply->code = action == ACTION_REJECT ? "550" : "451";
    reply->status = action == ACTION_REJECT ? "5.7.1" : "4.7.1";
    writer_string(&w, subject);
    writer_string(&w, fault);
    writer_string(&w, " (Verimail)");
    writer_char(&w, '\0');
}

/* A message of our own user that everybody would refuse without a stamp. */
static void decision_refuse_foreign(const struct transaction *transaction,
        struct decision_line *line, struct decision *decision, const char *subject,
        const char *fault)
{
    line->level = LOG_LEVEL_WARNING;
    if (transaction_rejects_foreign(transaction))
        decision_refuse(decision, ACTION_REJECT, subject, fault);
}

static bool decision_login_may_use(
        const struct transaction *transaction, const struct address *author)
{
    return transaction->login != NULL &&
           sender_logins_permit(transaction->policy->logins, transaction->login, author);
}

/* NULL when it was stamped; else one word that says why not. */
static const char *decision_try_stamp(struct transaction *transaction,
        enum message_parser_error error, struct decision_line *line, struct decision *decision)
{
    const struct stamper *stamper = transaction->policy->stamper;
    const enum mail_class mail_class = transaction_class(transaction);

    /* A fault of this host, not of the message: unstamped, others would refuse it for good. */
    if (error == MESSAGE_PARSER_MEMORY) {
        decision_refuse(decision, ACTION_TEMPFAIL, "This message ",
                "cannot be stamped now; try again later");
        return message_parser_error_word(error);
    }
    if (stamper == NULL)
        return "no-key";
    if (line->author == NULL) {
        if (mail_class != MAIL_CLASS_RELAYED)
            decision_refuse_foreign(
                    transaction, line, decision, "This message ", message_parser_error_text(error));
        return message_parser_error_word(error);
    }
    if (!stamper_is_ours(stamper, line->author))
        return "not-ours";
    if (mail_class == MAIL_CLASS_RELAYED && !transaction->relays_for_us)
        return "relayed";
    if (mail_class == MAIL_CLASS_AUTHENTICATED &&
            !decision_login_may_use(transaction, line->author)) {
        decision_refuse_foreign(transaction, line, decision, "The address in From ",
                "is not one that your login may use");
        return "foreign-from";
    }
    const char *reason = decision_add_stamp(transaction, line->author, decision);
    if (reason == NULL)
        decision_add_missing(transaction, decision);
    return reason;
}

static void decision_stamp(struct transaction *transaction, enum message_parser_error error,
        struct decision_line *line, struct decision *decision)
{
    const uint64_t began = mono_ms();

    /* A relayed message may have been verified by us before; a new one was not. */
    if (transaction_class(transaction) != MAIL_CLASS_RELAYED)
        (void)decision_remove_forged(transaction, decision);
    const char *reason = decision_try_stamp(transaction, error, line, decision);
    const size_t replaced = reason == NULL ? decision_replace_stamps(transaction, decision) : 0;
    line->milliseconds = mono_ms() - began;
    if (reason != NULL) {
        decision_event_not_stamped(reason, decision->reply.action, &decision->event);
        decision_log_not_stamped(line, reason, decision->reply.action);
        return;
    }
    decision_log_long_lines(line);
    decision_log_stamped(line, replaced);
}

/* All messages */

void decision_make(
        struct transaction *transaction, const char *queue_id, struct decision *decision_r)
{
    struct decision_line line = {
            .transaction = transaction, .queue_id = queue_id, .level = LOG_LEVEL_INFO};
    enum message_parser_error error;

    *decision_r = (struct decision){.reply.action = ACTION_ACCEPT};
    decision_remove_mark(transaction, decision_r);
    (void)!message_parser_end(transaction->parser); /* the author has its errors */
    line.author = message_parser_author(transaction->parser, &error);
    decision_event_begin(transaction, queue_id, line.author, &decision_r->event);
    if (!transaction_is_verified(transaction, line.author))
        decision_stamp(transaction, error, &line, decision_r);
    else if (transaction_can_verify(transaction))
        decision_verify(transaction, &line, decision_r);
    decision_r->event.event.milliseconds =
            line.milliseconds < UINT32_MAX ? (uint32_t)line.milliseconds : UINT32_MAX;
}
