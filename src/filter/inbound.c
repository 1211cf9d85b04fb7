// SPDX-License-Identifier: ISC
#include "filter/inbound.h"

#include "base/clock.h"
#include "filter/maillog.h"

static void mark(
        const struct mail *mail, const struct verification *verification, struct decision *decision)
{
    struct decision_field *field = &decision->on_top[decision->on_top_count];
    struct writer w = writer_of(field->value, sizeof field->value);

    field->name = RESULTS_NAME;
    if (verification->verdict == VERDICT_NONE ||
            !verifier_results(mail->policy->verifier, verification, "\n", &w))
        return;
    writer_char(&w, '\0');
    if (!w.failed)
        decision->on_top_count++;
}

void incoming_decide(struct mail *mail, const char *queue_id, struct decision *decision_r)
{
    const struct verifier *verifier = mail->policy->verifier;
    const uint64_t began = mono_ms();
    struct maillog line = {
            .queue_id = queue_id, .source = mail->source, .trust = MAIL_CLASS_INBOUND};
    char ip[ENDPOINT_TEXT_MAX] = "";
    struct verification verification;

    if (verifier == NULL || mail->client == NULL)
        return;
    if (mail->source != NULL)
        endpoint_format_address(mail->source, ip);
    (void)!message_parser_end(mail->letter); /* its faults are the verifier's to see */
    verifier_judge(verifier, mail->client, mail->letter, envelope_rcpt(&mail->envelope),
            text_of(ip), &verification);
    decision_r->action = verifier_action(
            verifier, &verification, &decision_r->code, &decision_r->status, decision_r->text);
    const bool monitor = verifier_is_monitor(verifier);
    line.author = verification.author;
    line.milliseconds = mono_ms() - began;
    decision_r->results = mail_forged_results(mail);
    const size_t forged = decision_r->results.rest > 0
                                  ? decision_r->results.count + decision_r->results.last -
                                            decision_r->results.rest + 1
                                  : decision_r->results.count;
    maillog_verified(&line, &verification, decision_r->action, monitor, forged);
    if (monitor)
        decision_r->action = ACTION_ACCEPT;
    mark(mail, &verification, decision_r);
}
