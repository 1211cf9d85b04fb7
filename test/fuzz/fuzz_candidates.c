// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "protocol/candidates.h"
#include "protocol/from.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* What the DNS could have, in the one form that is compared. */
static void check_domains(const struct candidates *candidates)
{
    require(candidates->count <= CANDIDATES_MAX && !candidates->is_out_of_memory);
    for (size_t i = 0; i < candidates->count; i++) {
        const struct text domain = text_of(candidates->domains[i]);
        require(domain.len > 0 && domain.len <= DOMAIN_MAX);
        require(domain.at[0] != '.' && domain.at[domain.len - 1] != '.');
        require(strchr(domain.at, '.') != NULL && strstr(domain.at, "..") == NULL);
        for (size_t at = 0; at < domain.len; at++)
            require(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", domain.at[at]) != NULL);
        for (size_t other = 0; other < i; other++)
            require(strcmp(candidates->domains[other], domain.at) != 0);
    }
}

/* No top-level domain is a number. */
static bool has_letter(struct text domain)
{
    for (size_t i = domain.len; i > 0 && domain.at[i - 1] != '.'; i--)
        if (domain.at[i - 1] >= 'a' && domain.at[i - 1] <= 'z')
            return true;
    return false;
}

static bool has_domain(const struct candidates *candidates, struct text domain)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (text_equal(text_of(candidates->domains[i]), domain))
            return true;
    return candidates->more || candidates->is_unreadable || !has_letter(domain);
}

/* Whatever is accepted as author is one whose domain the candidates have: a message whose header
 * cannot be read is not judged by less than one that can. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    struct candidates candidates = {0};
    struct address author;

    candidates_add_from(&candidates, value, charset_decode);
    check_domains(&candidates);
    if (from_parse(value, &author) == FROM_OK)
        require(has_domain(&candidates, address_domain(&author)));
    candidates_add_sender(&candidates, value);
    check_domains(&candidates);
    return 0;
}
