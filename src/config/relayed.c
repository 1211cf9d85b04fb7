// SPDX-License-Identifier: ISC
#include "config/relayed.h"

#include <string.h>

#include "base/network.h"
#include "protocol/field.h"

#define MARK_VALUE_MIN 16 /* octets of a value that nobody guesses */
#define MARK_VALUE_MAX 64 /* programs fold a longer line */

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

bool relayed_mark_parse(const char *value, struct relayed_mark *mark_r)
{
    const char *colon = strchr(value, ':');

    *mark_r = (struct relayed_mark){0};
    if (colon == NULL)
        return false;
    const struct text name = {value, (size_t)(colon - value)};
    mark_r->value = text_trim(text_of(colon + 1));
    if (name.len >= sizeof mark_r->name || !relayed_is_printable(name) ||
            memchr(name.at, ' ', name.len) != NULL || field_name_of(name) != FIELD_OTHER)
        return false;
    memcpy(mark_r->name, name.at, name.len);
    return relayed_is_printable(mark_r->value) && mark_r->value.len >= MARK_VALUE_MIN &&
           mark_r->value.len <= MARK_VALUE_MAX;
}

bool relayed_mark_accept(const char *value)
{
    struct relayed_mark mark;

    return relayed_mark_parse(value, &mark);
}
