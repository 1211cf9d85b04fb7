// SPDX-License-Identifier: ISC
#include "handling/verifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verifier {
    const struct config_verify *verify;
    struct client_policy policy;
    struct network *networks; /* the policy's */
    uint16_t *ports;          /* the same */
};

/* The values were checked when the configuration was read. */
static bool fill(struct verifier *verifier)
{
    const struct config_list *networks = &verifier->verify->allow_networks;
    const struct config_list *ports = &verifier->verify->allow_ports;
    uint64_t port;

    verifier->networks = calloc(networks->count + 1, sizeof *verifier->networks);
    verifier->ports = calloc(ports->count + 1, sizeof *verifier->ports);
    if (verifier->networks == NULL || verifier->ports == NULL)
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (!network_parse(networks->at[i].at, &verifier->networks[i]))
            return false;
    for (size_t i = 0; i < ports->count; i++) {
        if (!text_decimal(text_of(ports->at[i].at), UINT16_MAX, &port))
            return false;
        verifier->ports[i] = (uint16_t)port;
    }
    return true;
}

struct verifier *verifier_init(const struct config_verify *verify)
{
    struct verifier *verifier = calloc(1, sizeof *verifier);

    if (verifier == NULL)
        return NULL;
    verifier->verify = verify;
    if (!fill(verifier)) {
        verifier_free(&verifier);
        return NULL;
    }
    verifier->policy = (struct client_policy){
            .reach = {verifier->networks, verify->allow_networks.count, verifier->ports,
                    verify->allow_ports.count},
            .timeout = verify->timeout * 1000,
            .budget_per_domain = (uint32_t)verify->budget_per_domain,
            .budget_per_address = (uint32_t)verify->budget_per_address,
    };
    return verifier;
}

void verifier_free(struct verifier **verifier)
{
    if (*verifier == NULL)
        return;
    free((*verifier)->networks);
    free((*verifier)->ports);
    free(*verifier);
    *verifier = NULL;
}

const struct client_policy *verifier_policy(const struct verifier *verifier)
{
    return &verifier->policy;
}

struct discovery_options verifier_discovery(
        const struct config_verify *verify, const char **anchors_r)
{
    for (size_t i = 0; i < verify->trust_anchors.count; i++)
        anchors_r[i] = verify->trust_anchors.at[i].at;
    return (struct discovery_options){
            .resolver = verify->resolver.at,
            .trust_anchors = verify->trust_anchors_given ? anchors_r : NULL,
            .trust_anchors_count = verify->trust_anchors.count,
    };
}

static void ask(const struct verifier *verifier, struct client *client, const struct letter *letter,
        struct text rcpt, struct text ip, struct verification *verification)
{
    const struct stamp *stamp =
            letter_stamp_by(letter, verification->author, &verification->stamps);
    const struct client_question question = {
            .author = verification->author,
            .payload = text_of(stamp != NULL ? stamp->payload : ""),
            .rcpt = rcpt,
            .digest = text_of(letter_digest(letter)),
            .ip = verifier->verify->send_ip ? ip : text_of(""),
    };

    client_ask(client, &verifier->policy, &question, &verification->outcome);
    verification->asked = true;
    verification->verdict = verification->outcome.verdict;
    verification->reason = text_of(reason_name(verification->outcome.reason));
}

void verifier_judge(const struct verifier *verifier, struct client *client,
        const struct letter *letter, struct text rcpt, struct text ip,
        struct verification *verification_r)
{
    struct verification verification = {.verdict = VERDICT_PERMERROR};

    verification.author = letter_author(letter, &verification.fault);
    *verification_r = verification;
    if (verification.author != NULL)
        ask(verifier, client, letter, rcpt, ip, verification_r);
    else
        verification_r->reason = text_of(letter_fault_word(verification.fault));
    /* That memory is short is no fault of the message. */
    if (verification.fault == LETTER_MEMORY)
        verification_r->verdict = VERDICT_TEMPERROR;
}

bool verifier_results(const struct verifier *verifier, const struct verification *verification,
        const char *eol, struct writer *w)
{
    const enum verdict verdict = verification->verdict;
    const bool says_why = verdict == VERDICT_ALLOW || verdict == VERDICT_PERMERROR;
    const struct results results = {
            .verdict = verdict,
            .reason = says_why ? verification->reason : text_of(""),
            .author = verification->author,
    };

    return results_format(text_of(verifier->verify->authserv_id.at), &results, eol, w);
}

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

bool verifier_is_monitor(const struct verifier *verifier)
{
    return strcmp(verifier->verify->mode.at, "monitor") == 0;
}

/* What the SMTP client is told. */
struct reply {
    const char **code_r;
    const char **status_r;
    char *text_r;
};

static enum action refuse(const struct reply *reply, enum action action, const char *status,
        const char *domain, const char *sentence)
{
    *reply->code_r = action == ACTION_REJECT ? "550" : "451";
    *reply->status_r = status;
    snprintf(reply->text_r, VERIFIER_REPLY_MAX, "%s%s", domain, sentence);
    return action;
}

static enum action on_no(
        const struct verifier *verifier, const char *domain, const struct reply *reply)
{
    const char *what = verifier->verify->on_no.at;

    if (strcmp(what, "reject") == 0)
        return refuse(reply, ACTION_REJECT, "5.7.1", domain,
                " says that it did not send this message (Verimail)");
    return strcmp(what, "quarantine") == 0 ? ACTION_QUARANTINE : ACTION_ACCEPT;
}

static enum action on_permerror(const struct verifier *verifier,
        const struct verification *verification, const struct reply *reply)
{
    if (strcmp(verifier->verify->on_permerror.at, "reject") != 0)
        return ACTION_ACCEPT;
    refuse(reply, ACTION_REJECT, "5.7.1", "", "");
    snprintf(reply->text_r, VERIFIER_REPLY_MAX,
            "This message %s; it must name its author there, once (Verimail)",
            letter_fault_text(verification->fault));
    return ACTION_REJECT;
}

static enum action on_temperror(const struct verifier *verifier,
        const struct verification *verification, const char *domain, const struct reply *reply)
{
    const bool accept = strcmp(verifier->verify->on_temperror.at, "accept") == 0;

    if (!verification->asked)
        return refuse(reply, ACTION_TEMPFAIL, "4.7.1", "",
                "This message cannot be looked at now (Verimail); try again later");
    /* A flood must not switch the protection off. */
    if (verification->outcome.step == CLIENT_BUDGET)
        return refuse(reply, ACTION_TEMPFAIL, "4.7.1", domain,
                " was asked about too many messages (Verimail); try again later");
    if (accept)
        return ACTION_ACCEPT;
    if (verification->outcome.step == CLIENT_DNS)
        return refuse(reply, ACTION_TEMPFAIL, "4.4.3", domain,
                " cannot be found in the DNS now (Verimail); try again later");
    return refuse(reply, ACTION_TEMPFAIL, "4.7.1", domain,
            " cannot be asked about this message now (Verimail); try again later");
}

enum action verifier_action(const struct verifier *verifier,
        const struct verification *verification, const char **code_r, const char **status_r,
        char text_r[VERIFIER_REPLY_MAX])
{
    const struct reply reply = {code_r, status_r, text_r};
    char domain[DOMAIN_MAX + 1] = "";
    struct writer w = writer_of(domain, sizeof domain - 1);

    *code_r = *status_r = NULL;
    text_r[0] = '\0';
    if (verification->author != NULL)
        writer_put(&w, address_domain(verification->author));
    switch (verification->verdict) {
    case VERDICT_NO:
        return on_no(verifier, domain, &reply);
    case VERDICT_PERMERROR:
        return on_permerror(verifier, verification, &reply);
    case VERDICT_TEMPERROR:
        return on_temperror(verifier, verification, domain, &reply);
    case VERDICT_YES:
    case VERDICT_ALLOW:
    case VERDICT_NONE:
        break;
    }
    return ACTION_ACCEPT;
}
