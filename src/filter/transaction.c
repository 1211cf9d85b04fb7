// SPDX-License-Identifier: ISC
#include "filter/transaction.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "filter/backscatter.h"
#include "protocol/results.h"

const char *mail_class_name(enum mail_class mail_class)
{
    static const char *const names[] = {
            [MAIL_CLASS_INBOUND] = "inbound",
            [MAIL_CLASS_AUTHENTICATED] = "authenticated",
            [MAIL_CLASS_SUBMISSION] = "submission",
            [MAIL_CLASS_RELAYED] = "relayed",
    };

    return names[mail_class];
}

static bool transaction_has_daemon(const struct config_list *names, const char *name)
{
    for (size_t i = 0; name != NULL && i < names->count; i++)
        if (strcmp(names->at[i].at, name) == 0)
            return true;
    return false;
}

static bool transaction_has(const char *macro)
{
    return macro != NULL && macro[0] != '\0';
}

static bool transaction_take_login(struct transaction *transaction, const char *login)
{
    if (!transaction->is_authenticated || login == NULL)
        return true;
    transaction->login = strdup(login);
    return transaction->login != NULL;
}

/* As an author, it must be a mailbox as it stands: an address without a name or a comment. */
static bool transaction_take_sender(struct transaction *transaction, const char *path)
{
    const struct text sender = envelope_address(text_of(path != NULL ? path : ""));
    struct address address;

    transaction->sender = strdup(path != NULL ? path : "");
    if (transaction->sender == NULL)
        return false;
    if (from_parse(sender, &address) != FROM_OK)
        return true;
    for (size_t i = 0; i < sender.len; i++)
        if (strchr("()<>\r\n", sender.at[i]) != NULL)
            return true;
    transaction->author = strndup(sender.at, sender.len);
    return transaction->author != NULL;
}

/* What has an empty envelope sender is a bounce, as far as is known before its recipients are. */
static bool transaction_take_bounce(struct transaction *transaction, const char *path)
{
    const struct verifier *verifier = transaction->policy->verifier;
    const bool is_bounce = path != NULL && envelope_address(text_of(path)).len == 0;

    if (!is_bounce || transaction->client == NULL || verifier == NULL ||
            !backscatter_is_looked_for(verifier))
        return true;
    transaction->returned = returned_init();
    return transaction->returned != NULL;
}

struct transaction *transaction_init(const struct policy *policy, struct client *client,
        const struct smtp_client *from, const struct mail_command *command)
{
    const struct config_milter *milter = policy->milter;
    struct transaction *transaction = calloc(1, sizeof *transaction);

    if (transaction == NULL)
        return NULL;
    transaction->policy = policy;
    transaction->client = client;
    transaction->from = from;
    transaction->began = unix_now();
    transaction->parser = message_parser_init(&transaction->missing);
    const bool is_inbound = command->direction != NULL && strcmp(command->direction, "in") == 0;
    transaction->is_authenticated =
            !is_inbound && (transaction_has(command->auth_type) || transaction_has(command->login));
    transaction->is_trusted =
            !is_inbound && (from->is_trusted || transaction_has_daemon(&milter->trusted_daemons,
                                                        command->daemon_name));
    transaction->relays_for_us =
            from->relays_for_us ||
            transaction_has_daemon(&milter->stamp_relayed, command->daemon_name);
    if (!transaction_take_login(transaction, command->login) ||
            !transaction_take_sender(transaction, command->sender) ||
            !transaction_take_bounce(transaction, command->sender) || transaction->parser == NULL ||
            !envelope_init(&transaction->envelope))
        transaction_free(&transaction);
    return transaction;
}

void transaction_free(struct transaction **transaction)
{
    if (*transaction == NULL)
        return;
    client_forget(&(*transaction)->early);
    free((*transaction)->login);
    free((*transaction)->sender);
    free((*transaction)->author);
    envelope_clear(&(*transaction)->envelope);
    message_parser_free(&(*transaction)->parser);
    returned_free(&(*transaction)->returned);
    free(*transaction);
    *transaction = NULL;
}

static void transaction_note_result(struct transaction *transaction, const struct field *field)
{
    const struct config *config = transaction->policy->config;
    struct forged_results *forged = &transaction->forged;

    forged->seen++;
    if (config->verify_count == 0 || forged->rest > 0)
        return;
    if (!results_is_forged(field, text_of(config->verify->authserv_id.at)))
        return;
    /* So many fields are no valid header section: nobody's results are of use in it. */
    if (forged->count == sizeof forged->numbers / sizeof *forged->numbers)
        forged->rest = forged->seen;
    else
        forged->numbers[forged->count++] = forged->seen;
}

/* sendmail's submission program hands a local user's message on over SMTP to 127.0.0.1, with this
 * one field: (from root@localhost) by host.example.org (8.17.1.9/8.17.1.9/Submit) id ...; */
static bool transaction_is_submission(struct text received)
{
    const struct text value = text_trim(received);
    const struct text program = text_of("/Submit) id ");

    return text_starts_with_fold(value, text_of("(from ")) &&
           memmem(value.at, value.len, program.at, program.len) != NULL;
}

static bool transaction_is_mark(const struct transaction *transaction, struct text name)
{
    const struct text mark = text_of(transaction->policy->mark.name);

    return mark.len > 0 && text_equal_fold(mark, name);
}

/* Each is removed: a mail server that does not let fields be removed is refused (callbacks.c). */
static void transaction_note_mark(struct transaction *transaction, struct text value)
{
    const struct text mark = transaction->policy->mark.value;
    const struct text got = text_trim(value);

    transaction->marks++;
    if (got.len == mark.len && sodium_memcmp(got.at, mark.at, mark.len) == 0)
        transaction->relays_for_us = true;
}

static struct text transaction_without_brackets(struct text value)
{
    struct text id = text_trim(value);

    if (id.len > 1 && id.at[0] == '<' && id.at[id.len - 1] == '>')
        id = (struct text){id.at + 1, id.len - 2};
    if (id.len > MAIL_EVENT_MESSAGE_MAX)
        id.len = MAIL_EVENT_MESSAGE_MAX;
    return id;
}

static void transaction_note_message_id(struct transaction *transaction, struct text value)
{
    const struct text id = transaction_without_brackets(value);

    if (transaction->named_len > 0 || id.len == 0)
        return;
    memcpy(transaction->named, id.at, id.len);
    transaction->named_len = id.len;
}

/* Mail servers write it into the message as it is, and there it is read as lines. */
static void transaction_not_field(
        struct transaction *transaction, struct text name, struct text value)
{
    char *lines = malloc(name.len + 1 + value.len);

    if (lines == NULL) {
        message_parser_broken(transaction->parser, MESSAGE_MEMORY);
        return;
    }
    struct writer w = writer_of(lines, name.len + 1 + value.len);
    writer_put(&w, name);
    writer_char(&w, ':');
    writer_put(&w, value);
    message_parser_not_field(transaction->parser, writer_text(&w));
    free(lines);
}

void transaction_field(struct transaction *transaction, struct text name, struct text value)
{
    const struct field field = field_of(name, value);

    if (!field_is_well_formed(&field))
        transaction_not_field(transaction, name, value);
    if (transaction_is_mark(transaction, field.name))
        transaction_note_mark(transaction, field.value);
    if (field.known == FIELD_AUTHENTICATION_RESULTS)
        transaction_note_result(transaction, &field);
    else if (field.known == FIELD_RECEIVED && transaction->received++ == 0)
        transaction->is_submission = transaction_is_submission(value);
    else if (field.known == FIELD_FROM)
        transaction->froms++;
    else if (field.known == FIELD_MESSAGE_ID)
        transaction_note_message_id(transaction, field.value);
    message_parser_field(transaction->parser, &field);
    if (transaction->returned != NULL)
        returned_field(transaction->returned, &field);
}

/* What is verified has to be digested as it stands. */
static bool transaction_can_be_stamped(const struct transaction *transaction)
{
    const struct stamper *stamper = transaction->policy->stamper;
    const enum mail_class mail_class = transaction_class(transaction);
    enum message_parser_error error;
    const struct address *author = message_parser_author(transaction->parser, &error);

    if (stamper == NULL || mail_class == MAIL_CLASS_INBOUND)
        return false;
    return mail_class != MAIL_CLASS_AUTHENTICATED ||
           (author != NULL && stamper_is_ours(stamper, author));
}

static void transaction_begin_verifying(struct transaction *transaction)
{
    enum message_parser_error error;
    char ip[ENDPOINT_TEXT_MAX];
    const struct address *author = message_parser_author(transaction->parser, &error);

    if (!transaction_can_verify(transaction) || !transaction_is_verified(transaction, author))
        return;
    const struct verifier_envelope envelope = transaction_envelope(transaction, ip);
    transaction->early = verifier_begin(
            transaction->policy->verifier, transaction->client, transaction->parser, &envelope);
}

void transaction_header_end(struct transaction *transaction)
{
    if (transaction_can_be_stamped(transaction)) {
        stamper_make_missing(transaction->policy->stamper, transaction->began, transaction->date,
                transaction->message_id);
        transaction->missing.date = transaction->date;
        transaction->missing.message_id = transaction->message_id;
        if (transaction_class(transaction) == MAIL_CLASS_SUBMISSION)
            transaction->missing.from = transaction->author;
    }
    message_parser_header_end(transaction->parser);
    transaction_begin_verifying(transaction);
    if (transaction->returned == NULL)
        return;
    if (transaction_class(transaction) == MAIL_CLASS_INBOUND &&
            backscatter_concerns(
                    transaction->policy->verifier, envelope_rcpt(&transaction->envelope)))
        returned_header_end(transaction->returned);
    else
        returned_free(&transaction->returned);
}

void transaction_body(struct transaction *transaction, struct text piece)
{
    message_parser_body(transaction->parser, piece);
    if (transaction->returned != NULL)
        returned_body(transaction->returned, piece);
}

struct text transaction_message_id(const struct transaction *transaction)
{
    if (transaction->named_len > 0)
        return (struct text){transaction->named, transaction->named_len};
    return message_parser_lacks_message_id(transaction->parser)
                   ? transaction_without_brackets(text_of(transaction->message_id))
                   : text_of("");
}

enum mail_class transaction_class(const struct transaction *transaction)
{
    const bool is_new = transaction->received == 0 ||
                        (transaction->received == 1 && transaction->is_submission &&
                                transaction->from->is_loopback);

    if (transaction->is_authenticated)
        return MAIL_CLASS_AUTHENTICATED;
    if (!transaction->is_trusted)
        return MAIL_CLASS_INBOUND;
    return is_new ? MAIL_CLASS_SUBMISSION : MAIL_CLASS_RELAYED;
}

bool transaction_can_verify(const struct transaction *transaction)
{
    return transaction->policy->verifier != NULL && transaction->client != NULL;
}

bool transaction_rejects_foreign(const struct transaction *transaction)
{
    return strcmp(transaction->policy->milter->on_foreign_from.at, "reject") == 0;
}

bool transaction_is_verified(const struct transaction *transaction, const struct address *author)
{
    const struct stamper *stamper = transaction->policy->stamper;
    const enum mail_class mail_class = transaction_class(transaction);

    if (mail_class != MAIL_CLASS_AUTHENTICATED || !transaction_can_verify(transaction))
        return mail_class == MAIL_CLASS_INBOUND;
    if (stamper == NULL)
        return true;
    return author != NULL ? !stamper_is_ours(stamper, author)
                          : !transaction_rejects_foreign(transaction);
}

struct verifier_envelope transaction_envelope(
        const struct transaction *transaction, char ip[ENDPOINT_TEXT_MAX])
{
    ip[0] = '\0';
    if (transaction->from->has_address)
        endpoint_format_address(&transaction->from->address, ip);
    return (struct verifier_envelope){
            text_of(transaction->sender), envelope_rcpt(&transaction->envelope), text_of(ip)};
}

bool transaction_wants_body(const struct transaction *transaction)
{
    const struct stamper *stamper = transaction->policy->stamper;
    enum message_parser_error error;
    const struct address *author = message_parser_author(transaction->parser, &error);

    if (transaction->returned != NULL)
        return true;
    /* Without a certain author there is neither a stamp nor a question. */
    if (author == NULL)
        return false;
    if (transaction_is_verified(transaction, author))
        return transaction_can_verify(transaction) &&
               (transaction->early == NULL ||
                       client_needs_digest(transaction->client, transaction->early));
    return stamper != NULL && stamper_is_ours(stamper, author) &&
           (transaction_class(transaction) != MAIL_CLASS_RELAYED || transaction->relays_for_us);
}
