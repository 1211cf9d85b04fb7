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
