// SPDX-License-Identifier: ISC
#include "config/shown.h"

#include <stdio.h>
#include <string.h>

/* A key's text: what it is, `-secret:`, and the secret. */
static const char *find_secret_key(const char *value)
{
    static const char mark[] = "-secret:";
    const char *at = strstr(value, mark);

    return at != NULL ? at + sizeof mark - 1 : NULL;
}

/* The password of a user before the host of an address, up to the `@`. */
static const char *find_user_password(const char *value, const char **end_r)
{
    const char *scheme = strstr(value, "://");
    const char *authority = scheme != NULL ? scheme + 3 : value;
    const char *at = scheme != NULL ? strrchr(authority, '@') : NULL;
    const char *colon = at != NULL ? memchr(authority, ':', (size_t)(at - authority)) : NULL;

    *end_r = at;
    return colon != NULL ? colon + 1 : NULL;
}

const char *shown(const char *value, char room_r[SHOWN_MAX])
{
    const char *end = NULL;
    const char *from = find_secret_key(value);

    if (from == NULL)
        from = find_user_password(value, &end);
    if (from == NULL) {
        from = strcasestr(value, "password=");
        from = from != NULL ? from + sizeof "password=" - 1 : NULL;
    }
    if (from == NULL)
        snprintf(room_r, SHOWN_MAX, "%s", value);
    else
        snprintf(room_r, SHOWN_MAX, "%.*s" SHOWN_STARS "%s", (int)(from - value), value,
                end != NULL && strcasestr(end, "password=") == NULL ? end : "");
    return room_r;
}
