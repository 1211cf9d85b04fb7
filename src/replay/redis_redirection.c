// SPDX-License-Identifier: ISC
#include "replay/redis_redirection.h"

bool redis_redirection_parse(struct text error, struct redis_redirection *redirection_r)
{
    struct reader r = reader_of(error);
    const struct text word = reader_until(&r, ' ');
    const struct text slot = reader_until(&r, ' ');
    const struct text place = reader_field(&r, ' ');
    const char *colon = place.len > 0 ? memrchr(place.at, ':', place.len) : NULL;
    uint64_t number = 0;
    uint64_t port = 0;

    redirection_r->ask = text_equal(word, text_of("ASK"));
    if (r.failed || colon == NULL || (!redirection_r->ask && !text_equal(word, text_of("MOVED"))))
        return false;
    redirection_r->host = (struct text){place.at, (size_t)(colon - place.at)};
    const struct text digits = {colon + 1, place.len - redirection_r->host.len - 1};
    if (!text_decimal(slot, REDIS_SLOT_COUNT - 1, &number) ||
            !text_decimal(digits, UINT16_MAX, &port) || port == 0)
        return false;
    redirection_r->slot = (uint16_t)number;
    redirection_r->port = (uint16_t)port;
    return true;
}
