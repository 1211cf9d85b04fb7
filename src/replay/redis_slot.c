// SPDX-License-Identifier: ISC
#include "replay/redis_slot.h"

#define POLYNOMIAL 0x1021

uint16_t redis_slot_crc16(struct text t)
{
    unsigned crc = 0;

    for (size_t i = 0; i < t.len; i++) {
        crc ^= (unsigned)(unsigned char)t.at[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? crc << 1 ^ POLYNOMIAL : crc << 1;
    }
    return (uint16_t)crc;
}

static struct text tag_of(struct text key)
{
    struct reader r = reader_of(key);

    (void)reader_until(&r, '{');
    const struct text tag = reader_until(&r, '}');
    return r.failed || tag.len == 0 ? key : tag;
}

uint16_t redis_slot_of(struct text key)
{
    return redis_slot_crc16(tag_of(key)) % REDIS_SLOT_COUNT;
}
