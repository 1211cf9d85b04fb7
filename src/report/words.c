// SPDX-License-Identifier: ISC
#include "report/words.h"

#include <stddef.h>

struct word {
    const char *word;
    const char *meaning;
    const char *advice;
};

static const struct word no_reasons[] = {
        {"unstamped", "without a stamp", ""},
        {"forged", "with a stamp that does not open, or is another user's",
                "forged: if you replaced a key lately, check that none is missing: `verimaild -t`"},
        {"refused", "with a stamp of yours that your rules refuse", ""},
        {NULL, NULL, NULL},
};

static const struct word allow_reasons[] = {
        {"redirected", "sent by you, then forwarded to another domain", ""},
        {"changed", "sent by you, then changed by a mailing list or gateway", ""},
        {"replayed", "sent by you, and asked about more often than it was sent", ""},
        {"expired", "sent by you, and kept too long on its way",
                "expired: if that happens often, raise `lifetime` in the section domain."},
        {"uncounted", "sent by you, but copies could not be counted",
                "uncounted: the replay store failed. See its alarms: `journalctl -u verimaild -g "
                "about=replay`"},
        {"classic", "with a stamp of 2013",
                "classic: a host still makes stamps of 2013. Set verimail-milter up there."},
        {"unstamped", "without a stamp, which allow_unauthorized permits",
                "unstamped: protect these users by removing `allow_unauthorized`, once all their "
                "mail is stamped."},
        {"host", "stamped by a host that the user's rule does not list",
                "host: add the host to `more_hosts` in the user's rule."},
        {"unserved", "of a subdomain that you do not serve",
                "unserved: to protect the subdomain, write a section domain for it."},
        {"testing", "would be NO if the domain were not under test",
                "testing: when your own mail is not among them: `verimail enforce origin`"},
        {NULL, NULL, NULL},
};

/* What an origin's NO means to a receiver. */
static const struct word no_to_receivers[] = {
        {"unstamped", "without a stamp", NULL},
        {"forged", "with a stamp that its domain did not make", NULL},
        {"refused", "with a stamp that its domain refuses", NULL},
        {NULL, NULL, NULL},
};

static const struct word causes[] = {
        {"user", "the user has no rule",
                "No rule: write `user \"NAME\" { }` into the section domain, or use `verimail "
                "table set FILE USER`."},
        {"host", "the user's rule does not list this host",
                "Host not listed: add it to `hosts` of the domain, or to `more_hosts` of the "
                "user."},
        {"host-expired", "the host's `expires` has passed",
                "Host expired: if it may go on, set a later `expires` in its section host."},
        {"withdrawn", "taken back by not_before",
                "Taken back: the stamp is older than `not_before` in the user's rule. If that is "
                "not meant, remove the option."},
        {"changed", "changed on its way, which deny forbids",
                "Denied: remove `changed` from `deny` of the domain, and the answer is ALLOW."},
        {"redirected", "forwarded to another domain, which deny forbids",
                "Denied: remove `redirected` from `deny` of the domain, and the answer is ALLOW."},
        {"expired", "kept too long, which deny forbids",
                "Denied: remove `expired` from `deny` of the domain, and the answer is ALLOW."},
        {"domain", "the domain is not served",
                "Domain not served: add a section domain for it to the configuration of "
                "verimaild."},
        {"subdomain", "the subdomain is not served",
                "Subdomain not served: add a section domain for it, or set `subdomains = yes`."},
        {"stale", "older than lifetime, and changed",
                "Old and changed: its stamp says nothing about this text. Nothing to do, unless "
                "mail is delayed for days: then raise `lifetime`."},
        {NULL, NULL, NULL},
};

static const struct word networks[] = {
        {"unstamped", "",
                "No stamp: let the program send through a server with verimail-milter; see "
                "`trusted_networks` and `stamp_relayed`. If others send from this network too, it "
                "may be a forgery."},
        {"forged", "",
                "The stamp does not open: a public key is missing in the section host, or was "
                "removed too early. Compare the keys: `verimaild -t`"},
        {"refused", "",
                "The domain is not served: add a section domain for it, or set `subdomains = "
                "yes` in that of its parent."},
        {NULL, NULL, NULL},
};

#define MESSAGE                                                                                    \
    "Not a valid message: the program that wrote it has to be mended. See the log of the queue "   \
    "id: "                                                                                         \
    "`journalctl -u verimail-milter -g QUEUE`"

static const struct word mail_reasons[] = {
        {"dns", "the DNS look-up failed", NULL},
        {"no-answer", "the service did not answer", NULL},
        {"resting", "left alone for a minute, after failures", NULL},
        {"forbidden", "its address may not be asked", NULL},
        {"shortage", "this server was short of room", NULL},
        {"budget", "too many questions about this domain", NULL},
        {"failure", "this server failed", NULL},
        {"no-key", "no key to stamp with",
                "no-key: set `host`, `key` and `service_key` in the section stamp."},
        {"not-ours", "the author's domain is not one of yours",
                "not-ours: add the domain to `domains` in the section stamp, if it is yours."},
        {"relayed", "relayed through this server",
                "relayed: name the network that it came from in `stamp_relayed`, if its mail is "
                "yours."},
        {"foreign-from", "the login may not use this From",
                "foreign-from: if the user may write as this author, add the line to the table "
                "that `logins` names."},
        {"recipients", "too many recipient domains were not kept",
                "recipients: memory was short. See the log: `journalctl -u verimail-milter`"},
        {"no-recipients", "no recipient that a stamp can name",
                "no-recipients: the recipients have no valid domain. Nothing to do."},
        {"long", "too long for a stamp",
                "long: the address is too long for a stamp. Give the user a shorter one."},
        {"memory", "out of memory", "memory: give the machine more memory."},
        {"no-from", "no From", MESSAGE},
        {"several-froms", "several From fields", MESSAGE},
        {"from", "a From that cannot be read", MESSAGE},
        {"long-line", "a line that is too long", MESSAGE},
        {"bare-cr", "a CR without LF", MESSAGE},
        {"spaced", "a space in front of a colon", MESSAGE},
        {"not-field", "a line that is no header field", MESSAGE},
        {"too-large", "a header section that is too large", MESSAGE},
        {NULL, NULL, NULL},
};

static const struct word unreached[] = {
        {"dns", "", "dns: look the domain's records up: `verimail dns DOMAIN`"},
        {"no-answer", "",
                "no-answer: if it lasts, tell the domain's postmaster. Try it: `verimail ask "
                "USER@DOMAIN -`"},
        {"resting", "", "resting: it failed before. Nothing to do but to mend that."},
        {"forbidden", "",
                "forbidden: the domain names a private address or port. If that is meant, permit "
                "it: `allow_networks`, `allow_ports`."},
        {"shortage", "",
                "shortage: more look-ups at once than there is room for. If it was no flood, look "
                "at the resolver of this machine."},
        {"budget", "",
                "budget: somebody sends many messages in the name of this domain. If they are "
                "genuine, raise `budget_per_domain`."},
        {"failure", "", "failure: see the log: `journalctl -u verimail-milter`"},
        {NULL, NULL, NULL},
};

static const struct word *words_find(const struct word *table, struct text word)
{
    static const struct word unknown = {"", "", ""};

    for (; table->word != NULL; table++)
        if (text_equal(word, text_of(table->word)))
            return table;
    return &unknown;
}

static const struct word *words_find_reason(struct text verdict, struct text reason)
{
    static const struct word none[] = {{NULL, NULL, NULL}};

    if (text_equal(verdict, text_of("NO")))
        return words_find(no_reasons, reason);
    return words_find(text_equal(verdict, text_of("ALLOW")) ? allow_reasons : none, reason);
}

const char *words_reason(struct text verdict, struct text reason)
{
    return words_find_reason(verdict, reason)->meaning;
}

const char *words_reason_advice(struct text verdict, struct text reason)
{
    return words_find_reason(verdict, reason)->advice;
}

const char *words_cause(struct text cause)
{
    return words_find(causes, cause)->meaning;
}

const char *words_cause_advice(struct text cause)
{
    return words_find(causes, cause)->advice;
}

const char *words_network_advice(struct text reason)
{
    return words_find(networks, reason)->advice;
}

const char *words_mail(struct text verdict, struct text reason)
{
    if (text_equal(verdict, text_of("NO")))
        return words_find(no_to_receivers, reason)->meaning;
    return words_find(mail_reasons, reason)->meaning;
}

const char *words_unstamped_advice(struct text reason)
{
    const char *advice = words_find(mail_reasons, reason)->advice;

    return advice != NULL ? advice : "";
}

const char *words_unreached_advice(struct text reason)
{
    return words_find(unreached, reason)->advice;
}
