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

static void write_encoded(struct text local, struct writer *w)
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

    if (!address_is_user(local) || !domain_to_ascii(domain, ascii))
        return false;
    /* Cannot fail: ADDRESS_MAX is the longest local part, every octet encoded, and domain. */
    struct writer w = writer_of(address_r->text, ADDRESS_MAX);
    write_encoded(local, &w);
    address_r->at = writer_text(&w).len;
    writer_char(&w, '@');
    writer_string(&w, ascii);
    address_r->len = writer_text(&w).len;
    *w.at = '\0';
    return true;
}

/* Takes any %XX; whether it had to be encoded, and in upper case, is the caller's question. */
static bool read_encoded(struct text encoded, struct writer *w)
{
    for (size_t i = 0; i < encoded.len && !w->failed; i++) {
        unsigned char octet = (unsigned char)encoded.at[i];
        if (octet == '%') {
            size_t len = 0;
            if (encoded.len - i < 3 ||
                    !text_from_hex((struct text){encoded.at + i + 1, 2}, &octet, 1, &len))
                return false;
            i += 2;
        }
        writer_char(w, (char)octet);
    }
    return !w->failed;
}

bool address_parse(struct text canonical, struct text default_domain, struct address *address_r)
{
    const char *at = canonical.len > 0 ? memrchr(canonical.at, '@', canonical.len) : NULL;
    struct text local = canonical;
    struct text domain = default_domain;
    char decoded[ADDRESS_LOCAL_MAX];
    struct writer w = writer_of(decoded, sizeof decoded);
    struct address address;

    if (at != NULL) {
        local.len = (size_t)(at - canonical.at);
        domain = (struct text){at + 1, canonical.len - local.len - 1};
    }
    if (!domain_is_ldh(domain) || !read_encoded(local, &w) ||
            !address_make(writer_text(&w), domain, &address))
        return false;
    /* There is one canonical text for each address: this was it, or it is refused. */
    if (!text_equal(address_local(&address), local))
        return false;
    *address_r = address;
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
