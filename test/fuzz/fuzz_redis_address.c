// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay/redis_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Writes what was read as it could have been written. */
static void format(const struct redis_address *a, char *buffer, size_t size)
{
    const char *at = a->user[0] != '\0' ? "@" : "";
    size_t len;

    if (a->path[0] != '\0') {
        snprintf(buffer, size, "redis+unix://%s%s%s?db=%u", a->user, at, a->path, a->database);
        return;
    }
    len = (size_t)snprintf(buffer, size, "%s://%s%s", a->tls ? "rediss" : "redis", a->user, at);
    for (size_t i = 0; i < a->count; i++) {
        const char *name = a->hosts[i].name;
        len += (size_t)snprintf(buffer + len, size - len,
                strchr(name, ':') != NULL ? "%s[%s]:%u" : "%s%s:%u", i > 0 ? "," : "", name,
                (unsigned)a->hosts[i].port);
    }
    snprintf(buffer + len, size - len, "/%u", a->database);
}

/* What was read and written again is read as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redis_address address;
    static struct redis_address again;
    static char text[REDIS_ADDRESS_HOSTS_MAX * (REDIS_ADDRESS_HOST_MAX + 10) + 200];
    char *copy = malloc(size > 0 ? size : 1);

    require(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    if (redis_address_parse((struct text){copy, size}, &address)) {
        require((address.count > 0) == (address.path[0] == '\0'));
        format(&address, text, sizeof text);
        require(redis_address_parse(text_of(text), &again));
        require(memcmp(&address, &again, sizeof address) == 0);
    }
    free(copy);
    return 0;
}
