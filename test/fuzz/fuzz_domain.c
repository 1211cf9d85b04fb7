// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static size_t dots(struct text t)
{
    size_t n = 0;

    for (size_t i = 0; i < t.len; i++)
        n += t.at[i] == '.';
    return n;
}

static bool is_ascii(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.at[i] >= 0x80)
            return false;
    return true;
}

/* What may be printed: A-labels in lower case, as many as were written; and there is no second
 * form of it. An ASCII domain is taken exactly when it is LDH, and only its case changes. */
static void check_form(struct text in)
{
    char ascii[DOMAIN_MAX + 1];
    char again[DOMAIN_MAX + 1];
    const bool ok = domain_to_ascii(in, ascii);

    if (is_ascii(in))
        require(ok == domain_is_ldh(in));
    else
        require(!domain_is_ldh(in));
    if (!ok)
        return;
    const struct text out = text_of(ascii);
    require(domain_is_ldh(out) && dots(out) == dots(in));
    for (size_t i = 0; i < out.len; i++)
        require(text_lower(out.at[i]) == out.at[i]);
    if (is_ascii(in))
        require(text_equal_fold(in, out));
    require(domain_to_ascii(out, again) && strcmp(again, ascii) == 0);
}

/* What stands behind a dot, and no other end of it, is above a domain. */
static void check_under(struct text domain)
{
    for (size_t i = 0; i <= domain.len; i++) {
        const struct text end = {domain.at + i, domain.len - i};
        const bool whole = i == 0 || domain.at[i - 1] == '.';
        require(domain_is_under(domain, end) == whole);
        if (i > 0)
            require(!domain_is_under(end, domain));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text in = {(const char *)data, size};

    check_form(in);
    if (size > 0 && size < 300)
        check_under(in);
    return 0;
}
