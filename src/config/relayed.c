// SPDX-License-Identifier: ISC
#include "config/relayed.h"

#include <string.h>

#include "base/network.h"
#include "protocol/field.h"

#define MARK_VALUE_MIN 16    /* octets of a value that nobody guesses */
#define MARK_DIFFERENT_MIN 6 /* octets of it */
#define MARK_VALUE_MAX 64    /* programs fold a longer line */

static bool relayed_is_printable(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] < ' ' || t.at[i] > '~')
            return false;
    return t.len > 0;
}

/* A network that is spelled wrong is not taken for a name. */
bool relayed_accept(const char *value)
{
    struct network network;

    if (network_parse(value, &network))
        return true;
    return relayed_is_printable(text_of(value)) && strpbrk(value, "/:") == NULL &&
           strspn(value, "0123456789.") < strlen(value);
}

/* Names, or how they begin, of fields that other programs write or read. */
static bool relayed_is_taken(struct text name)
{
    static const char *const taken[] = {"apparently-", "arc-", "authentication-", "auto", "bcc",
            "bimi-", "comments", "content-", "delivered-", "disposition-", "dkim", "domainkey-",
            "envelope-", "errors-", "expires", "importance", "keywords", "list-", "mime-",
            "original-", "organization", "precedence", "priority", "received", "reply-", "require",
            "resent-", "return-", "sensitivity", "sio-", "tls-", "user-agent", "vbr-", "x-mailer",
            "x-original-", "x-priority", "x-spam-"};

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (text_starts_with_fold(name, text_of(taken[i])))
            return true;
    return false;
}

/* A random value of sixteen hexadecimal digits has ten different ones. */
static bool relayed_is_random(struct text value)
{
    size_t different = 0;

    for (size_t i = 0; i < value.len; i++)
        different += memchr(value.at, value.at[i], i) == NULL;
    return different >= MARK_DIFFERENT_MIN;
}

bool relayed_mark_parse(const char *value, struct relayed_mark *mark_r)
{
    const char *colon = strchr(value, ':');

    *mark_r = (struct relayed_mark){0};
    if (colon == NULL)
        return false;
    const struct text name = {value, (size_t)(colon - value)};
    mark_r->value = text_trim(text_of(colon + 1));
    if (name.len >= sizeof mark_r->name || !relayed_is_printable(name) ||
            memchr(name.at, ' ', name.len) != NULL || field_name_of(name) != FIELD_OTHER ||
            relayed_is_taken(name))
        return false;
    memcpy(mark_r->name, name.at, name.len);
    return relayed_is_printable(mark_r->value) && mark_r->value.len >= MARK_VALUE_MIN &&
           mark_r->value.len <= MARK_VALUE_MAX && relayed_is_random(mark_r->value);
}

bool relayed_mark_accept(const char *value)
{
    struct relayed_mark mark;

    return relayed_mark_parse(value, &mark);
}
