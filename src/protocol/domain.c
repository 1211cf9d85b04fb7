// SPDX-License-Identifier: ISC
#include "protocol/domain.h"

#include <idn2.h>
#include <string.h>

#define LABEL_MAX 63   /* octets of an A-label, RFC 1035 2.3.4 */
#define ULABEL_MAX 252 /* octets of UTF-8 that we try to turn into one */

static bool is_ascii(char c)
{
    return (unsigned char)c < 0x80;
}

static bool is_ldh(char c)
{
    const char lower = text_lower(c);

    return (lower >= 'a' && lower <= 'z') || text_is_digit(c) || c == '-';
}

static bool has_outer_hyphen(struct text label)
{
    return label.at[0] == '-' || label.at[label.len - 1] == '-';
}

static bool domain_label_is_ldh(struct text label)
{
    if (label.len == 0 || label.len > LABEL_MAX || has_outer_hyphen(label))
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_ldh(label.at[i]))
            return false;
    return true;
}

/* Takes the next label and its dot from `rest_r`; after the last label `rest_r->at` is NULL, so
 * that a dot at the end still has its empty label behind it. */
static struct text domain_next_label(struct text *rest_r)
{
    const struct text rest = *rest_r;
    const char *dot = rest.len > 0 ? memchr(rest.at, '.', rest.len) : NULL;

    if (dot == NULL) {
        *rest_r = (struct text){NULL, 0};
        return rest;
    }
    const size_t len = (size_t)(dot - rest.at);
    *rest_r = (struct text){dot + 1, rest.len - len - 1};
    return (struct text){rest.at, len};
}

bool domain_is_ldh(struct text domain)
{
    if (domain.len == 0 || domain.len > DOMAIN_MAX)
        return false;
    for (struct text rest = domain; rest.at != NULL;)
        if (!domain_label_is_ldh(domain_next_label(&rest)))
            return false;
    return true;
}

bool domain_is_under(struct text domain, struct text parent)
{
    if (domain.len <= parent.len)
        return text_equal_fold(domain, parent);
    const size_t before = domain.len - parent.len;
    const struct text end = {domain.at + before, parent.len};
    return domain.at[before - 1] == '.' && text_equal_fold(end, parent);
}

/* Lower case, and whether libidn2 is to see it at all: its own treatment of ASCII differs between
 * flags and versions (with the STD3 flag it drops an underscore). */
static bool domain_copy_ulabel(struct text label, char copy_r[ULABEL_MAX + 1])
{
    bool ascii = true;

    if (label.len == 0 || label.len > ULABEL_MAX || has_outer_hyphen(label))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (is_ascii(label.at[i]) && !is_ldh(label.at[i]))
            return false;
        ascii = ascii && is_ascii(label.at[i]);
        copy_r[i] = text_lower(label.at[i]);
    }
    copy_r[label.len] = '\0';
    return !ascii;
}

/* One label at a time, so that nothing that libidn2 takes for a dot can divide it. What does not
 * come back as an A-label was folded into ASCII: another name than the one that was written. */
static bool domain_write_ulabel(struct text label, struct writer *w)
{
    char copy[ULABEL_MAX + 1];
    uint8_t *found = NULL;

    if (!domain_copy_ulabel(label, copy))
        return false;
    if (idn2_lookup_u8((const uint8_t *)copy, &found, IDN2_NO_TR46 | IDN2_NFC_INPUT) != IDN2_OK)
        return false;
    const struct text alabel = text_of((const char *)found);
    const bool good = domain_label_is_ldh(alabel) && text_starts_with_fold(alabel, text_of("xn--"));
    if (good)
        writer_put(w, alabel);
    idn2_free(found);
    return good;
}

static bool domain_write_label(struct text label, struct writer *w)
{
    if (!domain_label_is_ldh(label))
        return domain_write_ulabel(label, w);
    for (size_t i = 0; i < label.len; i++)
        writer_char(w, text_lower(label.at[i]));
    return true;
}

bool domain_to_ascii(struct text domain, char ascii_r[DOMAIN_MAX + 1])
{
    struct writer w = writer_of(ascii_r, DOMAIN_MAX);

    if (domain.len == 0)
        return false;
    for (struct text rest = domain; rest.at != NULL && !w.failed;) {
        if (rest.at != domain.at)
            writer_char(&w, '.');
        if (!domain_write_label(domain_next_label(&rest), &w))
            return false;
    }
    *w.at = '\0';
    return !w.failed;
}
