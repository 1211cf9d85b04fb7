// SPDX-License-Identifier: ISC
#include "events/codec.h"

#include <string.h>

#define LENGTH_OCTETS 2

void codec_put_text(struct writer *w, struct text t, size_t max)
{
    size_t len = t.len < max ? t.len : max;

    codec_put_number(w, len, LENGTH_OCTETS);
    /* GCC must not know how short it is: it would copy it by `rep movs`, which takes longer than
     * all else that a worker does to hand an event over. */
    __asm__("" : "+r"(len));
    writer_put(w, (struct text){t.at, len});
}

static bool is_plain_octet(char c)
{
    return c >= ' ' && c <= '~';
}

void codec_escape(struct text t, struct writer *w)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < t.len; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        const bool plain = is_plain_octet(t.at[i]);
        char *room = writer_reserve(w, plain ? 1 : 3);
        if (room == NULL)
            return;
        room[0] = plain ? t.at[i] : '%';
        if (plain)
            continue;
        room[1] = digits[c >> 4];
        room[2] = digits[c & 15];
    }
}

void codec_put_foreign(struct writer *w, struct text t, size_t max)
{
    if (codec_is_plain(t)) {
        codec_put_text(w, t, max);
        return;
    }
    size_t len = 0;
    size_t taken = 0;
    for (; taken < t.len; taken++) {
        const size_t more = is_plain_octet(t.at[taken]) ? 1 : 3;
        if (len + more > max)
            break;
        len += more;
    }
    codec_put_number(w, len, LENGTH_OCTETS);
    codec_escape((struct text){t.at, taken}, w);
}

void codec_put_list(struct writer *w, struct text list, size_t max)
{
    if (list.len > max) {
        list.len = max + 1;
        while (list.len > 0 && list.at[list.len - 1] != ',')
            list.len--;
        list.len -= list.len > 0;
    }
    codec_put_text(w, list, max);
}

uint64_t codec_get_number(struct codec_reader *r, size_t octets)
{
    uint64_t number = 0;

    r->failed = r->failed || r->rest.len < octets;
    if (r->failed)
        return 0;
    for (size_t i = 0; i < octets; i++)
        number |= (uint64_t)(unsigned char)r->rest.at[i] << (8 * i);
    r->rest.at += octets;
    r->rest.len -= octets;
    return number;
}

uint64_t codec_get_up_to(struct codec_reader *r, size_t octets, uint64_t most)
{
    const uint64_t number = codec_get_number(r, octets);

    r->failed = r->failed || number > most;
    return r->failed ? 0 : number;
}

struct text codec_get_text(struct codec_reader *r, size_t max)
{
    const size_t len = codec_get_number(r, LENGTH_OCTETS);
    const struct text t = {r->rest.at, len};

    r->failed = r->failed || len > max || len > r->rest.len || !codec_is_plain(t);
    if (r->failed)
        return (struct text){NULL, 0};
    r->rest.at += len;
    r->rest.len -= len;
    return t;
}

bool codec_is_done(const struct codec_reader *r)
{
    return !r->failed && r->rest.len == 0;
}

/* Eight octets at a time: one that is not plain sets the high bit of some octet in the end, be it
 * by a borrow from the next one. */
bool codec_is_plain(struct text t)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t other = 0;
    uint64_t octets;
    size_t i = 0;

    for (; t.len - i >= sizeof octets; i += sizeof octets) {
        memcpy(&octets, t.at + i, sizeof octets);
        other |= octets | (octets - ' ' * each) | (octets + each);
    }
    bool plain = (other & (0x80 * each)) == 0;
    for (; i < t.len; i++)
        plain = plain && is_plain_octet(t.at[i]);
    return plain;
}
