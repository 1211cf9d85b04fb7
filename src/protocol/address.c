// SPDX-License-Identifier: ISC
#include "protocol/address.h"

#include <string.h>

#include "protocol/utf8.h"

static bool address_is_plain(char c)
{
    const unsigned char octet = (unsigned char)c;

    return octet > ' ' && octet < 0x7f && c != '%' && c != '@';
}

/* The code point of a whole UTF-8 character. */
static uint32_t address_code_point(const char *at, size_t len)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)at[0] & masks[len];

    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3f);
    return code;
}

/* White space, controls, and what Unicode calls default-ignorable: readers of mail trim or hide
 * these, and so show another address. */
static bool address_is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {{0x80, 0xa0}, {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160},
            {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200f},
            {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000}, {0x3164, 0x3164},
            {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff},
            {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (code >= hidden[i].first && code <= hidden[i].last)
            return true;
    return (code & 0xfffe) == 0xfffe; /* the last two of a plane are no characters */
}

/* What is not UTF-8 is skipped. A character that follows it counts, since some reader will find
 * it. */
static bool address_has_hidden(struct text local)
{
    while (local.len > 0) {
        const size_t len = utf8_len(local);
        if (len > 1 && address_is_hidden(address_code_point(local.at, len)))
            return true;
        local.at += len > 0 ? len : 1;
        local.len -= len > 0 ? len : 1;
    }
    return false;
}

/* `local`: its octets themselves, without quotes or %XX. */
static bool address_is_user(struct text local)
{
    return local.len > 0 && local.len <= ADDRESS_LOCAL_MAX && local.at[0] != '+' &&
           !text_equal(local, text_of("*")) && !address_has_hidden(local);
}

static void address_write_encoded(struct text local, struct writer *w)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < local.len; i++) {
        const unsigned char octet = (unsigned char)local.at[i];
        if (address_is_plain(local.at[i])) {
            writer_char(w, local.at[i]);
        } else {
            writer_char(w, '%');
            writer_char(w, digits[octet >> 4]);
            writer_char(w, digits[octet & 15]);
        }
    }
}

bool address_make(struct text local, struct text domain, struct address *address_r)
{
    char ascii[DOMAIN_MAX + 1];

    return domain_to_ascii(domain, ascii) && address_make_ascii(local, text_of(ascii), address_r);
}

bool address_make_ascii(struct text local, struct text ascii, struct address *address_r)
{
    if (!address_is_user(local))
        return false;
    /* Cannot fail: ADDRESS_MAX is the longest local part, every octet encoded, and domain. */
    struct writer w = writer_of(address_r->text, ADDRESS_MAX);
    address_write_encoded(local, &w);
    address_r->at = writer_text(&w).len;
    writer_char(&w, '@');
    writer_put(&w, ascii);
    address_r->len = writer_text(&w).len;
    *w.at = '\0';
    return true;
}

/* -1: not a digit that address_write_encoded() uses. */
static int address_hex_digit(char c)
{
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return text_is_digit(c) ? c - '0' : -1;
}

/* The octets that the one at `i` takes: 1, or 3 for %XX. 0: address_write_encoded() would not write
 * it. */
static size_t address_octet_len(struct text encoded, size_t i, char *octet_r)
{
    *octet_r = encoded.at[i];
    if (encoded.at[i] != '%')
        return address_is_plain(encoded.at[i]) ? 1 : 0;
    if (encoded.len - i < 3)
        return 0;
    const int high = address_hex_digit(encoded.at[i + 1]);
    const int low = address_hex_digit(encoded.at[i + 2]);
    if (high < 0 || low < 0)
        return 0;
    *octet_r = (char)(unsigned char)(high << 4 | low);
    return address_is_plain(*octet_r) ? 0 : 3;
}

/* Whether address_write_encoded() would write this, for a local part that is a user's. There is one
 * encoding of each local part. */
static bool address_is_encoded(struct text encoded)
{
    char octets[ADDRESS_LOCAL_MAX];
    struct writer local = writer_of(octets, sizeof octets);

    for (size_t i = 0; i < encoded.len;) {
        char octet;
        const size_t len = address_octet_len(encoded, i, &octet);
        if (len == 0)
            return false;
        writer_char(&local, octet);
        i += len;
    }
    return !local.failed && address_is_user(writer_text(&local));
}

bool address_parse(struct text canonical, struct text default_domain, struct address *address_r)
{
    const char *at = canonical.len > 0 ? memrchr(canonical.at, '@', canonical.len) : NULL;
    struct text local = canonical;
    struct text domain = default_domain;

    if (at != NULL) {
        local.len = (size_t)(at - canonical.at);
        domain = (struct text){at + 1, canonical.len - local.len - 1};
    }
    if (!address_is_encoded(local) || !domain_is_ldh(domain))
        return false;
    struct writer w = writer_of(address_r->text, ADDRESS_MAX);
    writer_put(&w, local);
    address_r->at = local.len;
    writer_char(&w, '@');
    for (size_t i = 0; i < domain.len; i++)
        writer_char(&w, text_lower(domain.at[i]));
    address_r->len = local.len + 1 + domain.len;
    *w.at = '\0';
    return true;
}

struct text address_text(const struct address *address)
{
    return (struct text){address->text, address->len};
}

struct text address_local(const struct address *address)
{
    return (struct text){address->text, address->at};
}

struct text address_domain(const struct address *address)
{
    return (struct text){address->text + address->at + 1, address->len - address->at - 1};
}

struct text address_without_detail(const struct address *address)
{
    struct reader r = reader_of(address_local(address));

    return reader_field(&r, '+');
}

bool address_equal(const struct address *a, const struct address *b)
{
    return text_equal_fold(address_text(a), address_text(b));
}
