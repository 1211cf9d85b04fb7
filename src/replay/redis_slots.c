// SPDX-License-Identifier: ISC
#include "replay/redis_slots.h"

#define POLYNOMIAL 0x1021

uint16_t redis_slots_crc16(struct text t)
{
    unsigned crc = 0;

    for (size_t i = 0; i < t.len; i++) {
        crc ^= (unsigned)(unsigned char)t.at[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? crc << 1 ^ POLYNOMIAL : crc << 1;
    }
    return (uint16_t)crc;
}

uint16_t redis_slots_key(struct text key)
{
    struct reader r = reader_of(key);

    (void)reader_until(&r, '{');
    const struct text tag = reader_until(&r, '}');
    return redis_slots_crc16(r.failed || tag.len == 0 ? key : tag) % REDIS_SLOTS;
}

static bool is_array(const redisReply *reply, size_t least)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements >= least;
}

static bool redis_slots_take_number(const redisReply *reply, long long most, uint16_t *number_r)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 || reply->integer > most)
        return false;
    *number_r = (uint16_t)reply->integer;
    return true;
}

/* Finds the address in a list of alternating names and values (Redis 7 or newer). */
static struct text find_address(const redisReply *more)
{
    for (size_t i = 0; more->type == REDIS_REPLY_ARRAY && i + 1 < more->elements; i += 2)
        if (text_equal(redis_reply_text(more->element[i]), text_of("ip")))
            return redis_reply_text(more->element[i + 1]);
    return (struct text){NULL, 0};
}

/* A node is its preferred host, the port, the id, and more. A nil host means the node that was
 * asked. `?` means that the node does not know its host, which a client treats like nil. */
static bool read_node(const redisReply *node, struct redis_slots_range *range)
{
    if (!is_array(node, 2) || !redis_slots_take_number(node->element[1], UINT16_MAX, &range->port))
        return false;
    range->host = redis_reply_text(node->element[0]);
    if (text_equal(range->host, text_of("?")))
        range->host.len = 0;
    if (node->elements > 3)
        range->address = find_address(node->element[3]);
    return node->element[0]->type == REDIS_REPLY_STRING ||
           node->element[0]->type == REDIS_REPLY_NIL;
}

/* A range is the first slot, the last slot, the owner, and the owner's replicas. */
static bool redis_slots_read_range(const redisReply *reply, struct redis_slots_range *range_r)
{
    *range_r = (struct redis_slots_range){.first = 0};
    return is_array(reply, 3) &&
           redis_slots_take_number(reply->element[0], REDIS_SLOTS - 1, &range_r->first) &&
           redis_slots_take_number(reply->element[1], REDIS_SLOTS - 1, &range_r->last) &&
           range_r->first <= range_r->last && read_node(reply->element[2], range_r);
}

bool redis_slots_read(const redisReply *reply,
        void (*found)(void *context, const struct redis_slots_range *range), void *context)
{
    struct redis_slots_range range;

    if (!is_array(reply, 0))
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        if (!redis_slots_read_range(reply->element[i], &range))
            return false;
        found(context, &range);
    }
    return true;
}

bool redis_slots_redirection(struct text error, struct redis_redirection *redirection_r)
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
    if (!text_decimal(slot, REDIS_SLOTS - 1, &number) || !text_decimal(digits, UINT16_MAX, &port) ||
            port == 0)
        return false;
    redirection_r->slot = (uint16_t)number;
    redirection_r->port = (uint16_t)port;
    return true;
}
