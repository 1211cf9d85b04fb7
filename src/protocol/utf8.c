// SPDX-License-Identifier: ISC
#include "protocol/utf8.h"

size_t utf8_len(struct text t)
{
    const unsigned char *at = (const unsigned char *)t.at;
    const unsigned char first = t.len > 0 ? at[0] : 0xff;
    const size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (len == 1)
        return 1;
    if (first < 0xc2 || first > 0xf4 || t.len < len)
        return 0;
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool utf8_is_valid(struct text t)
{
    for (size_t i = 0, len = 0; i < t.len; i += len) {
        len = utf8_len((struct text){t.at + i, t.len - i});
        if (len == 0)
            return false;
    }
    return true;
}
