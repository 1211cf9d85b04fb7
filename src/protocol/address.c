// SPDX-License-Identifier: ISC
#include "protocol/address.h"

#include <string.h>

static bool address_is_plain(char c)
{
    const unsigned char octet = (unsigned char)c;

    return octet > ' ' && octet < 0x7f && c != '%' && c != '@';
}

static bool address_is_user(struct text local)
{
    return local.len > 0 && local.len <= ADDRESS_LOCAL_MAX && local.at[0] != '+' &&
           !text_equal(local, text_of("*"));
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
static size_t address_octet_len(struct text encoded, size_t i)
{
    if (encoded.at[i] != '%')
        return address_is_plain(encoded.at[i]) ? 1 : 0;
    if (encoded.len - i < 3)
        return 0;
    const int high = address_hex_digit(encoded.at[i + 1]);
    const int low = address_hex_digit(encoded.at[i + 2]);
    return high < 0 || low < 0 || address_is_plain((char)(high << 4 | low)) ? 0 : 3;
}

/* Whether address_write_encoded() would write this, for a local part that is a user's. There is one
 * encoding of each local part: a `+` or `*` is plain, and so never encoded. */
static bool address_is_encoded(struct text encoded)
{
    size_t octets = 0;

    for (size_t i = 0; i < encoded.len; octets++) {
        const size_t len = address_octet_len(encoded, i);
        if (len == 0)
            return false;
        i += len;
    }
    return octets <= ADDRESS_LOCAL_MAX && address_is_user((struct text){encoded.at, octets});
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
