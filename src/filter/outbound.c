// SPDX-License-Identifier: ISC
#include "filter/outbound.h"

#include <string.h>

#include "base/clock.h"
#include "filter/maillog.h"
#include "filter/sender_logins.h"

static void put_below(struct decision *decision, const char *name, const char *value)
{
    struct decision_field *field = &decision->below[decision->below_count++];
    struct writer w = writer_of(field->value, sizeof field->value);

    field->name = name;
    writer_string(&w, value);
    writer_char(&w, '\0');
}

/* Earlier stamps of our own domains: this one replaces them. */
static void remove_stamps(struct mail *mail, struct decision *decision)
{
    size_t count;
    const struct message_parser_stamp *stamps = message_parser_stamps(mail->letter, &count);
    struct decision_removal *removal = &decision->stamps;

    *removal = (struct decision_removal){
            .name = STAMP_NAME, .at = mail->our_stamps, .last = mail->stamps};
    for (size_t i = 0; i < count; i++)
        if (stamper_is_ours(mail->policy->stamper, &stamps[i].stamp.user))
            mail->our_stamps[removal->count++] = (unsigned)stamps[i].offset;
}

/* NULL when the stamp was made; else one word that says why not. */
static const char *stamp(struct mail *mail, const struct address *author, struct decision *decision)
{
    char room[STAMP_FIELD_MAX + 1];
    struct writer w = writer_of(room, sizeof room);

    if (mail->envelope.failed)
        return "recipients";
    switch (stamper_seal(mail->policy->stamper, author, mail->envelope.receiving, mail->now,
            text_of(message_parser_digest(mail->letter)), "\n", &w)) {
    case STAMPER_OK:
        break;
    case STAMPER_RECEIVING:
        return "no-recipients";
    case STAMPER_LONG:
        return "long";
    }
    struct reader field = reader_of(writer_text(&w));
    (void)reader_until(&field, ':');
    struct decision_field *top = &decision->on_top[decision->on_top_count++];
    struct writer value = writer_of(top->value, sizeof top->value);
    top->name = STAMP_NAME;
    writer_put(&value, text_trim(reader_rest(&field)));
    writer_char(&value, '\0');
    if (message_parser_lacks_date(mail->letter))
        put_below(decision, "Date", mail->date);
    if (message_parser_lacks_message_id(mail->letter))
        put_below(decision, "Message-ID", mail->message_id);
    remove_stamps(mail, decision);
    return NULL;
}

static void outgoing_refuse(struct decision *decision, enum action action, const char *code,
        const char *status, const char *text)
{
    struct writer w = writer_of(decision->text, sizeof decision->text);

    decision->action = action;
    decision->code = code;
    decision->status = status;
    writer_string(&w, text);
    writer_char(&w, '\0');
}

/* An error that is ours, not the message's. */
static const char *stamp_error(const struct mail *mail, const char *why, struct decision *decision)
{
    if (strcmp(mail->policy->config->milter->stamp_errors.at, "tempfail") == 0)
        outgoing_refuse(decision, ACTION_TEMPFAIL, "451", "4.7.1",
                "This message cannot be stamped now (Verimail); try again later");
    return why;
}

static const char *foreign(const struct mail *mail, struct decision *decision)
{
    if (strcmp(mail->policy->config->milter->on_foreign_from.at, "reject") == 0)
        outgoing_refuse(decision, ACTION_REJECT, "550", "5.7.1",
                "The address in From is not one that your login may use (Verimail)");
    return "foreign-from";
}

/* NULL when it was stamped; else one word that says why not. */
static const char *decide(
        struct mail *mail, const struct address **author_r, struct decision *decision)
{
    const struct stamper *stamper = mail->policy->stamper;
    enum message_parser_fault fault = message_parser_end(mail->letter);

    if (fault == MESSAGE_PARSER_MEMORY)
        return stamp_error(mail, message_parser_fault_word(fault), decision);
    *author_r = message_parser_author(mail->letter, &fault);
    if (stamper == NULL)
        return "no-key";
    if (*author_r == NULL)
        return message_parser_fault_word(fault);
    if (!stamper_is_ours(stamper, *author_r))
        return "not-ours";
    if (mail_trust(mail) == MAIL_CLASS_RELAYED && !mail->relayed_is_ours)
        return "relayed";
    if (mail->authenticated && (mail->login == NULL || !sender_logins_permit(mail->policy->logins,
                                                               mail->login, *author_r)))
        return foreign(mail, decision);
    return stamp(mail, *author_r, decision);
}

void outgoing_decide(struct mail *mail, const char *queue_id, struct decision *decision_r)
{
    const uint64_t began = mono_ms();
    struct maillog line = {
            .queue_id = queue_id,
            .source = mail->source,
            .login = mail->login,
            .trust = mail_trust(mail),
    };

    /* What was relayed may have been verified by us before; of what is new, nothing was. */
    if (mail_trust(mail) != MAIL_CLASS_RELAYED)
        decision_r->results = mail_forged_results(mail);
    const char *why = decide(mail, &line.author, decision_r);
    line.milliseconds = mono_ms() - began;
    if (why == NULL)
        maillog_stamped(&line, envelope_rcpt(&mail->envelope), decision_r->stamps.count);
    else
        maillog_not_stamped(&line, why, decision_r->action);
}

bool outgoing_wants_body(const struct mail *mail)
{
    return mail->policy->stamper != NULL &&
           (mail_trust(mail) != MAIL_CLASS_RELAYED || mail->relayed_is_ours);
}
