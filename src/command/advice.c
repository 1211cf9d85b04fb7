// SPDX-License-Identifier: ISC
#include "command/advice.h"

#include <string.h>

static const struct advice advices[] = {
        {VERDICT_TEMPERROR, REASON_NONE, "users",
                "the user's rule cannot be looked up, and so nothing is answered",
                "the table must be readable for the user of run_as: see `verimaild -t`",
                ADVICE_DOMAIN, "users"},
        {VERDICT_NO, REASON_FORGED, "", "no host of this service made the stamp",
                "if a host of yours made it, put its public key into that host's section and "
                "reload; if not, it is a forgery",
                ADVICE_NOWHERE, NULL},
        {VERDICT_NO, REASON_FORGED, "user", "the stamp was made for another user",
                "nothing here: a stamp is good for the user that is named in it", ADVICE_NOWHERE,
                NULL},
        {VERDICT_NO, REASON_REFUSED, "domain", "this service does not speak for the domain",
                "a section `domain` for it, if it is yours; else its DNS names the wrong service",
                ADVICE_NOWHERE, NULL},
        {VERDICT_NO, REASON_REFUSED, "subdomain",
                "the domain is served, but its subdomains must not send",
                "a section `domain` for the subdomain; or `subdomains = true`: all of them may "
                "then send without being served",
                ADVICE_DOMAIN, "subdomains"},
        {VERDICT_ALLOW, REASON_UNSERVED, "", "subdomains may send without being served",
                "a section `domain` for the subdomain; or `subdomains = false`", ADVICE_DOMAIN,
                "subdomains"},
        {VERDICT_NO, REASON_UNSTAMPED, "", "this user's mail must be stamped, and it was not",
                "send through a host that stamps; or `allow_unauthorized = true` for the user: "
                "mail from anywhere is then possible",
                ADVICE_USER, "allow_unauthorized"},
        {VERDICT_ALLOW, REASON_UNSTAMPED, "", "this user's mail need not be stamped",
                "without `allow_unauthorized` it is NO", ADVICE_USER, "allow_unauthorized"},
        {VERDICT_NO, REASON_REFUSED, "user", "a user without a rule may not send",
                "a section `user`, or a row in the domain's table of users", ADVICE_DOMAIN, NULL},
        {VERDICT_NO, REASON_REFUSED, "host", "this host must not send for the user",
                "the host's name among the hosts that are permitted; after a revocation, "
                "`verimail restore USER`",
                ADVICE_HOSTS, "hosts"},
        {VERDICT_ALLOW, REASON_HOST, "",
                "this host must not send for the user, but allow_unauthorized = true",
                "the host's name among the hosts that are permitted", ADVICE_HOSTS, "hosts"},
        {VERDICT_NO, REASON_REFUSED, "host-expired",
                "the host was permitted, but only until a date that has passed",
                "a later `expires` in the host's section, if it may go on", ADVICE_HOST, "expires"},
        {VERDICT_ALLOW, REASON_HOST, "host-expired",
                "the host was permitted until a date that has passed, but allow_unauthorized = "
                "true",
                "a later `expires` in the host's section, if it may go on", ADVICE_HOST, "expires"},
        {VERDICT_NO, REASON_REFUSED, "withdrawn", "the user's stamps of that time are taken back",
                "`verimail restore USER`, or an earlier not_before", ADVICE_USER, "not_before"},
        {VERDICT_ALLOW, REASON_CLASSIC, "",
                "a payload of 2013 binds no user, no time and no message",
                "a host that makes stamps of today", ADVICE_DOMAIN, "classic_key"},
        {VERDICT_NO, REASON_UNSTAMPED, "stale",
                "so old a stamp says nothing about another message, and the user must stamp",
                "send the message again; or a longer lifetime", ADVICE_DOMAIN, "lifetime"},
        {VERDICT_ALLOW, REASON_UNSTAMPED, "stale",
                "so old a stamp says nothing about another message, and the user need not stamp",
                "send the message again; or a longer lifetime", ADVICE_DOMAIN, "lifetime"},
        {VERDICT_ALLOW, REASON_EXPIRED, "", "the stamp is not in time",
                "a longer lifetime, if the message was kept long; or a right clock on the host "
                "that stamped",
                ADVICE_DOMAIN, "lifetime"},
        {VERDICT_NO, REASON_REFUSED, "expired",
                "the stamp is not in time, and deny has \"expired\"",
                "deny without \"expired\" makes it ALLOW; see also lifetime, and the host's clock",
                ADVICE_DOMAIN, "deny"},
        {VERDICT_ALLOW, REASON_CHANGED, "", "the message is not the one that was stamped",
                "if nobody else should have changed it, stamp it behind what changes it: filters, "
                "footers, lists",
                ADVICE_NOWHERE, NULL},
        {VERDICT_NO, REASON_REFUSED, "changed",
                "the message is not the one that was stamped, and deny has \"changed\"",
                "deny without \"changed\" makes it ALLOW, as mailing lists need it", ADVICE_DOMAIN,
                "deny"},
        {VERDICT_ALLOW, REASON_REDIRECTED, "", "the stamp was not made for all these receivers",
                "nothing: forwards and mailing lists do that", ADVICE_NOWHERE, NULL},
        {VERDICT_NO, REASON_REFUSED, "redirected",
                "the stamp was not made for all these receivers, and deny has \"redirected\"",
                "deny without \"redirected\" makes it ALLOW, as forwards need it", ADVICE_DOMAIN,
                "deny"},
        {VERDICT_ALLOW, REASON_REPLAYED, "",
                "the stamp was asked about more often than it was made for",
                "nothing, if somebody sent copies; a higher checks_per_recipient, if one message "
                "is checked in many places",
                ADVICE_DOMAIN, "checks_per_recipient"},
        {VERDICT_ALLOW, REASON_UNCOUNTED, "",
                "whether the stamp was asked about before is not known",
                "the store of counts must work: the service's log has an event replay-*",
                ADVICE_SERVICE, "replay"},
        {VERDICT_YES, REASON_STAMPED, "classic",
                "a question of 2013 has no names, and gets YES for any payload that opens", "",
                ADVICE_DOMAIN, "classic_key"},
        {VERDICT_YES, REASON_STAMPED, "", "the user sent exactly this", "", ADVICE_NOWHERE, NULL},
};

const struct advice *advice_find(enum verdict verdict, enum reason reason, const char *cause)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (advices[i].verdict == verdict && advices[i].reason == reason &&
                strcmp(advices[i].cause, cause) == 0)
            return &advices[i];
    return NULL;
}

const struct advice *advice_testing(void)
{
    static const struct advice testing = {VERDICT_ALLOW, REASON_TESTING, "",
            "the domain is under test, and so it is ALLOW",
            "`verimail enforce origin` ends the test", ADVICE_DOMAIN, "testing"};

    return &testing;
}

#define MEND "the program that wrote the message has to be mended"

static const struct advice_mail mail_advices[] = {
        {"no-service", "the domain does not use Verimail", "", NULL, NULL},
        {"dns", "the DNS does not say whether the domain has a service",
                "look it up: `verimail ask USER -`; on_temperror says what becomes of such mail",
                "verify", "on_temperror"},
        {"no-answer", "the domain's service did not answer",
                "if it lasts, tell the domain's postmaster; on_temperror says what becomes of such "
                "mail",
                "verify", "on_temperror"},
        {"resting", "the domain's service failed lately, and is left alone for a minute",
                "what it failed of stands in the messages before; on_temperror says what becomes "
                "of such mail",
                "verify", "on_temperror"},
        {"forbidden", "the domain names an address that may not be asked",
                "if that is meant, permit it: allow_networks, allow_ports", "verify",
                "allow_networks"},
        {"shortage", "there was no room for the question",
                "if it was no flood, look at the resolver of this machine", "verify", "resolver"},
        {"budget", "too many questions about this domain came with another answer than YES",
                "if they were genuine mail, raise the budget", "verify", "budget_per_domain"},
        {"failure", "the question does not fit into a line", "a shorter address", NULL, NULL},
        {"backscatter", "it returns a message that the user never sent",
                "nothing, if it was forged; on_backscatter says what becomes of such mail",
                "verify", "on_backscatter"},
        {"no-key", "there is no key to stamp with",
                "a section stamp with host, key and service_key", "stamp", "key"},
        {"not-ours", "the author's domain is not one of yours",
                "the domain among those of the section stamp, if it is yours", "stamp", "domains"},
        {"relayed", "it was relayed through this server",
                "the network that it came from in stamp_relayed, if its mail is yours", "milter",
                "stamp_relayed"},
        {"foreign-from", "the login may not use this address in From",
                "a line for it in the table of logins, if it may", "milter", "logins"},
        {"recipients", "memory was short for the recipients' domains", "more memory", NULL, NULL},
        {"no-recipients", "it has no recipient that a stamp can name", "", NULL, NULL},
        {"long", "the address is too long for a stamp", "a shorter address", NULL, NULL},
        {"no-from", "it has no From field", MEND, NULL, NULL},
        {"several-froms", "it has several From fields", MEND, NULL, NULL},
        {"from", "its From field does not name one mailbox", MEND, NULL, NULL},
        {"long-line", "a line of its header is so long that mail servers cut it", MEND, NULL, NULL},
        {"bare-cr", "its header has a CR that ends no line", MEND, NULL, NULL},
        {"spaced", "a field of its header has a space before the colon", MEND, NULL, NULL},
        {"not-field", "its header has a line that is no field", MEND, NULL, NULL},
        {"too-large", "its header section is too large", MEND, NULL, NULL},
        {"memory", "memory was short", "more memory", NULL, NULL},
};

const struct advice_mail *advice_mail_find(const char *reason)
{
    for (size_t i = 0; i < sizeof mail_advices / sizeof *mail_advices; i++)
        if (strcmp(mail_advices[i].reason, reason) == 0)
            return &mail_advices[i];
    return NULL;
}

const char *advice_mail_action(const char *verdict)
{
    static const struct {
        enum verdict verdict;
        const char *option;
    } options[] = {
            {VERDICT_NO, "on_no"},
            {VERDICT_PERMERROR, "on_permerror"},
            {VERDICT_TEMPERROR, "on_temperror"},
    };

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(verdict_name(options[i].verdict), verdict) == 0)
            return options[i].option;
    return NULL;
}
