// SPDX-License-Identifier: ISC
#include "filter/verifier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "client/target_acl.h"

/* The service at one address gets the budgets of so many domains. */
#define DOMAINS_AT_ADDRESS 10

struct verifier {
    const struct config_verify *verify;
    enum action on_no;
    enum action on_permerror;
    enum action on_temperror;
    bool is_monitor;
    struct network *networks;
    uint16_t *ports;
    struct client_policy policy; /* borrows the two above; its peers are ours */
    struct text *ours;           /* our own domains */
    size_t ours_count;
};

static enum action verifier_action_of(const struct config_text *word)
{
    static const struct {
        const char *word;
        enum action action;
    } words[] = {
            {"reject", ACTION_REJECT},
            {"quarantine", ACTION_QUARANTINE},
            {"tempfail", ACTION_TEMPFAIL},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word->at, words[i].word) == 0)
            return words[i].action;
    return ACTION_ACCEPT; /* accept, mark */
}

/* The configuration has checked each of them. */
static bool verifier_read_acl(struct verifier *verifier)
{
    const struct config_list *networks = &verifier->verify->allow_networks;
    const struct config_list *ports = &verifier->verify->allow_ports;

    verifier->networks = calloc(networks->count + 1, sizeof *verifier->networks);
    verifier->ports = calloc(ports->count + 1, sizeof *verifier->ports);
    if (verifier->networks == NULL || verifier->ports == NULL)
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (!network_parse(networks->at[i].at, &verifier->networks[i]))
            return false;
    for (size_t i = 0; i < ports->count; i++) {
        uint64_t port;
        if (!text_decimal(text_of(ports->at[i].at), UINT16_MAX, &port))
            return false;
        verifier->ports[i] = (uint16_t)port;
    }
    verifier->policy.acl =
            (struct target_acl){verifier->networks, networks->count, verifier->ports, ports->count};
    return true;
}

static bool verifier_add_own(struct verifier *verifier, const struct config_text *domain)
{
    char ascii[DOMAIN_MAX + 1];

    if (domain->at == NULL || !domain_to_ascii(text_of(domain->at), ascii))
        return true;
    char *copy = strdup(ascii);
    if (copy == NULL)
        return false;
    verifier->ours[verifier->ours_count++] = text_of(copy);
    return true;
}

static bool verifier_read_peers(struct verifier *verifier, const struct config *config)
{
    const size_t count = config != NULL ? config->peers_count : 0;
    struct peer *peers = calloc(count + 1, sizeof *peers);

    if (peers == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(peers[i].domain, sizeof peers[i].domain, "%s", config->peers[i].name.at);
        /* Both were checked. */
        (void)!endpoint_parse(config->peers[i].address.at, &peers[i].endpoint);
        const char *key = config->peers[i].key.at;
        peers[i].has_key =
                key != NULL && key_parse(text_of(key), KEY_ANSWER_PUBLIC, peers[i].key) == KEY_OK;
    }
    const bool ok = peers_init(&verifier->policy.peers, peers, count);
    free(peers);
    return ok;
}

/* What is stamped here, in a host's own name too, what is served here, and what has a peer. */
static bool verifier_read_ours(struct verifier *verifier, const struct config *config)
{
    const struct config_stamp *stamp =
            config != NULL && config->stamp_count > 0 ? config->stamp : NULL;
    const size_t served = config != NULL ? config->domains_count : 0;
    const size_t stamped = stamp != NULL ? stamp->domains.count + 1 : 0;
    const size_t peers = config != NULL ? config->peers_count : 0;

    verifier->ours = calloc(stamped + served + peers + 1, sizeof *verifier->ours);
    if (verifier->ours == NULL)
        return false;
    for (size_t i = 0; i + 1 < stamped; i++)
        if (!verifier_add_own(verifier, &stamp->domains.at[i]))
            return false;
    for (size_t i = 0; i < served; i++)
        if (!verifier_add_own(verifier, &config->domains[i].name))
            return false;
    for (size_t i = 0; i < peers; i++)
        if (!verifier_add_own(verifier, &config->peers[i].name))
            return false;
    return stamp == NULL || verifier_add_own(verifier, &stamp->host);
}

struct verifier *verifier_init(const struct config_verify *verify, const struct config *config)
{
    struct verifier *verifier = calloc(1, sizeof *verifier);

    if (verifier == NULL)
        return NULL;
    *verifier = (struct verifier){
            .verify = verify,
            .on_no = verifier_action_of(&verify->on_no),
            .on_permerror = verifier_action_of(&verify->on_permerror),
            .on_temperror = verifier_action_of(&verify->on_temperror),
            .is_monitor = strcmp(verify->mode.at, "monitor") == 0,
            .policy = {.timeout = CLIENT_TIMEOUT,
                    .budget_per_domain = (uint32_t)verify->budget_per_domain,
                    .budget_per_address = DOMAINS_AT_ADDRESS * (uint32_t)verify->budget_per_domain},
    };
    if (!verifier_read_acl(verifier) || !verifier_read_peers(verifier, config) ||
            !verifier_read_ours(verifier, config))
        verifier_free(&verifier);
    return verifier;
}

void verifier_free(struct verifier **verifier)
{
    if (*verifier == NULL)
        return;
    free((*verifier)->networks);
    free((*verifier)->ports);
    peers_free(&(*verifier)->policy.peers);
    for (size_t i = 0; i < (*verifier)->ours_count; i++)
        free((void *)(uintptr_t)(*verifier)->ours[i].at);
    free((*verifier)->ours);
    free(*verifier);
    *verifier = NULL;
}

const struct client_policy *verifier_policy(const struct verifier *verifier)
{
    return &verifier->policy;
}

bool verifier_is_monitor(const struct verifier *verifier)
{
    return verifier->is_monitor;
}

const struct config_verify *verifier_config(const struct verifier *verifier)
{
    return verifier->verify;
}

bool verifier_is_ours(const struct verifier *verifier, struct text domain)
{
    for (size_t i = 0; i < verifier->ours_count; i++)
        if (text_equal_fold(verifier->ours[i], domain))
            return true;
    return false;
}

struct client *verifier_client(const struct config_verify *verify, const char *kept_path,
        discovery_on_replaced *on_replaced, char error_r[DISCOVERY_ERROR_MAX])
{
    const struct config_list *anchors = &verify->trust_anchors;
    const char **texts = calloc(anchors->count + 1, sizeof *texts);

    if (texts == NULL) {
        snprintf(error_r, DISCOVERY_ERROR_MAX, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < anchors->count; i++)
        texts[i] = anchors->at[i].at;
    const struct discovery_options options = {
            .resolver = verify->resolver.at,
            .trust_anchors = verify->trust_anchors_given ? texts : NULL,
            .trust_anchors_count = anchors->count,
            .on_replaced = on_replaced,
            .kept_path = kept_path,
    };
    struct client *client = client_init(&options, error_r);
    const int error = errno;
    free(texts);
    errno = error;
    return client;
}

/* The verdict */

static struct question verifier_question(const struct verifier *verifier,
        const struct message_parser *parser, const struct address *author,
        const struct verifier_envelope *envelope, size_t *stamps_r)
{
    const struct stamp *stamp = message_parser_stamp_by(parser, author, stamps_r);

    return (struct question){
            .user = *author,
            .payload = text_of(stamp != NULL ? stamp->payload : QUESTION_UNSTAMPED),
            .rcpt = verifier->verify->send_rcpt ? envelope->rcpt : text_of(""),
            .digest = text_of(message_parser_digest(parser)),
            .ip = verifier->verify->send_ip ? envelope->ip : text_of(""),
    };
}

struct client_early *verifier_begin(const struct verifier *verifier, struct client *client,
        const struct message_parser *parser, const struct verifier_envelope *envelope)
{
    enum message_parser_error error;
    size_t stamps;
    const struct address *author = message_parser_author(parser, &error);

    if (author == NULL)
        return NULL;
    const struct question question = verifier_question(verifier, parser, author, envelope, &stamps);
    return client_begin(client, &verifier->policy, &question, envelope->ip);
}

static void verifier_ask(const struct verifier *verifier, struct client *client,
        const struct message_parser *parser, const struct verifier_envelope *envelope,
        struct client_early *early, struct verification *verification)
{
    const struct question question = verifier_question(
            verifier, parser, verification->author, envelope, &verification->stamps);

    client_ask_begun(
            client, &verifier->policy, &question, envelope->ip, early, &verification->outcome);
    verification->asked = true;
    verification->verdict = verification->outcome.verdict;
    if (verification->verdict == VERDICT_TEMPERROR)
        verification->reason = text_of(client_step_word(verification->outcome.step));
    else
        verification->reason = text_of(reason_name(verification->outcome.reason));
}

static enum verdict verifier_verdict_of(enum uncertain_result result)
{
    switch (result) {
    case UNCERTAIN_NONE:
        return VERDICT_NONE;
    case UNCERTAIN_UNREADABLE:
    case UNCERTAIN_OURS:
    case UNCERTAIN_SERVICE:
        return VERDICT_PERMERROR;
    case UNCERTAIN_UNKNOWN:
    case UNCERTAIN_MANY:
    case UNCERTAIN_SHORTAGE:
        break;
    }
    return VERDICT_TEMPERROR;
}

/* The author is not certain: it matters only if a domain that uses Verimail could be meant. */
static void verifier_look_for(const struct verifier *verifier, struct client *client,
        const struct message_parser *parser, const struct verifier_envelope *envelope,
        struct verification *verification)
{
    const struct uncertain_ours ours = {verifier->ours, verifier->ours_count};
    struct candidates candidates = {0};

    verification->reason = text_of(message_parser_error_word(verification->error));
    verification->uncertain = UNCERTAIN_SHORTAGE;
    /* A lack of memory is not the message's fault. */
    if (verification->error != MESSAGE_PARSER_MEMORY) {
        message_parser_candidates(parser, charset_decode, &candidates);
        verification->uncertain = uncertain_judge(client, &verifier->policy, &ours,
                envelope->sender, envelope->ip, &candidates, verification->meant);
    }
    verification->verdict = verifier_verdict_of(verification->uncertain);
}

/* The field */

static void verifier_write_field(
        const struct verifier *verifier, const char *eol, struct verification *verification)
{
    const struct config_text *id = &verifier->verify->authserv_id;
    const enum verdict verdict = verification->verdict;
    struct results results = {.verdict = verdict, .author = verification->author};
    struct writer w = writer_of(verification->field, sizeof verification->field - 1);

    if (verdict == VERDICT_ALLOW || verdict == VERDICT_PERMERROR)
        results.reason = verification->reason;
    /* The defaults, which the command line may have, have no name. */
    const bool good = verdict != VERDICT_NONE && id->at != NULL &&
                      results_format(text_of(id->at), &results, eol, &w);
    *(good ? w.at : verification->field) = '\0';
}

/* The action */

const char *action_name(enum action action)
{
    static const char *const names[] = {
            [ACTION_ACCEPT] = "accept",
            [ACTION_QUARANTINE] = "quarantine",
            [ACTION_TEMPFAIL] = "tempfail",
            [ACTION_REJECT] = "reject",
    };

    return names[action];
}

/* The words of a reply. Between the halves of its text stands the author's domain; where the
 * message names no author, what is wrong with it. */
struct wording {
    const char *code;
    const char *status;
    const char *before;
    const char *behind;
};

static const struct wording denied = {"550", "5.7.1", "",
        " says that it did not send this message (Verimail); if it is yours, send it through that "
        "domain's own mail server"};

static struct wording verifier_permerror_reply(enum message_parser_error error)
{
    static const struct wording author = {"550", "5.7.1", "This message ",
            " (Verimail); give it one From field with one address"};
    static const struct wording header = {"550", "5.7.1", "This message ",
            " (Verimail); the program that made it has to be corrected"};
    const bool is_about_from = error == MESSAGE_PARSER_NO_FROM ||
                               error == MESSAGE_PARSER_SEVERAL_FROMS ||
                               error == MESSAGE_PARSER_FROM || error == MESSAGE_PARSER_MISLEADING;

    return is_about_from ? author : header;
}

static struct wording verifier_temperror_reply(const struct verification *verification)
{
    static const struct wording unread = {
            "451", "4.7.1", "This message ", " (Verimail); try again later"};
    static const struct wording unknown = {"451", "4.7.1", "This message ",
            ", and whether a domain that could be meant uses Verimail is not known now; give it "
            "one "
            "From field with one address, or try again later"};
    static const struct wording dns = {"451", "4.4.3", "The DNS of ",
            " does not say whether that domain uses Verimail; try again later, or tell its "
            "postmaster"};
    static const struct wording budget = {"451", "4.7.1", "Too many messages in the name of ",
            " were not confirmed lately (Verimail); try again later"};
    static const struct wording shortage = {"451", "4.7.1", "This server cannot ask ",
            " about the message now (Verimail); try again later"};
    static const struct wording silent = {"451", "4.7.1", "The Verimail service of ",
            " does not answer; try again later, or tell that domain's postmaster"};
    static const struct wording deferred = {"451", "4.7.1", "The Verimail service of ",
            " does not answer, and that domain wants its mail to wait then; try again later, or "
            "tell that domain's postmaster"};

    if (!verification->asked)
        return verification->error == MESSAGE_PARSER_MEMORY ? unread : unknown;
    if (verification->outcome.defer && !client_is_short(verification->outcome.step))
        return deferred;
    if (verification->outcome.step == CLIENT_DNS)
        return dns;
    if (verification->outcome.step == CLIENT_BUDGET)
        return budget;
    return client_is_short(verification->outcome.step) ? shortage : silent;
}

/* A flood can use up our own room, or silence a peer or the service of a domain that wants its mail
 * to wait then. If such mail were accepted, the flood would switch the protection off. */
static bool verifier_is_always_tempfail(const struct verification *verification)
{
    return !verification->asked || verification->outcome.is_peer || verification->outcome.defer ||
           client_is_short(verification->outcome.step);
}

static void verifier_write_reply(const struct wording *wording, struct verification *verification)
{
    const struct address *author = verification->author;
    struct writer w = writer_of(verification->reply.text, sizeof verification->reply.text - 1);

    verification->reply.code = wording->code;
    verification->reply.status = wording->status;
    writer_string(&w, wording->before);
    if (author == NULL)
        writer_string(&w, message_parser_error_text(verification->error));
    else
        writer_put(&w, address_domain(author));
    writer_string(&w, wording->behind);
    *w.at = '\0';
}

/* The action for the verdict; `wording_r` is set unless the verdict is to accept. */
static enum action verifier_choose(const struct verifier *verifier,
        const struct verification *verification, struct wording *wording_r)
{
    switch (verification->verdict) {
    case VERDICT_NO:
        *wording_r = denied;
        return verifier->on_no;
    case VERDICT_PERMERROR:
        *wording_r = verifier_permerror_reply(verification->error);
        return verifier->on_permerror;
    case VERDICT_TEMPERROR:
        *wording_r = verifier_temperror_reply(verification);
        return verifier_is_always_tempfail(verification) ? ACTION_TEMPFAIL : verifier->on_temperror;
    case VERDICT_YES:
    case VERDICT_ALLOW:
    case VERDICT_NONE:
        break;
    }
    return ACTION_ACCEPT;
}

void verifier_judge(const struct verifier *verifier, struct client *client,
        const struct message_parser *parser, const struct verifier_envelope *envelope,
        struct client_early *early, const char *eol, struct verification *verification_r)
{
    struct wording wording = {0};

    *verification_r = (struct verification){.reply = {.code = "", .status = ""}};
    verification_r->author = message_parser_author(parser, &verification_r->error);
    if (verification_r->author != NULL)
        verifier_ask(verifier, client, parser, envelope, early, verification_r);
    else
        verifier_look_for(verifier, client, parser, envelope, verification_r);
    verifier_write_field(verifier, eol, verification_r);
    const enum action action = verifier_choose(verifier, verification_r, &wording);
    verification_r->reply.action = action;
    if (action == ACTION_TEMPFAIL || action == ACTION_REJECT)
        verifier_write_reply(&wording, verification_r);
}
