// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static bool same(const struct address *a, const struct address *b)
{
    return a->len == b->len && a->at == b->at && strcmp(a->text, b->text) == 0;
}

/* What may stand in a question, a log and a result: visible ASCII with one `@`, no space. */
static void check_form(const struct address *address)
{
    const struct text text = address_text(address);

    require(text.len <= ADDRESS_MAX && text.at[text.len] == '\0');
    for (size_t i = 0; i < text.len; i++)
        require(text.at[i] > ' ' && text.at[i] < 0x7f && (text.at[i] == '@') == (i == address->at));
    require(address_local(address).len > 0 && address_local(address).len <= 3 * ADDRESS_LOCAL_MAX);
    require(address_without_detail(address).len > 0);
    require(domain_is_ldh(address_domain(address)));
    require(address_equal(address, address));
}

static void check_make(struct text local, struct text domain)
{
    struct address made;
    struct address back;

    if (!address_make(local, domain, &made))
        return;
    check_form(&made);
    require(address_parse(address_text(&made), (struct text){NULL, 0}, &back));
    require(same(&made, &back));
    require(address_parse(address_local(&made), address_domain(&made), &back));
    require(same(&made, &back));
}

static void check_parse(struct text canonical)
{
    const struct text example = text_of("example.org");
    struct address read;
    struct address again;

    if (!address_parse(canonical, example, &read))
        return;
    check_form(&read);
    const bool bare = memchr(canonical.at, '@', canonical.len) == NULL;
    require(text_equal(address_local(&read), (struct text){canonical.at, read.at}));
    require(text_equal_fold(bare ? address_local(&read) : address_text(&read), canonical));
    require(address_parse(address_text(&read), example, &again) && same(&read, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text in = {(const char *)data, size};
    struct reader r = reader_of(in);

    if (size == 0)
        return 0;
    check_parse(in);
    /* LF ends the domain, which cannot hold one; the local part behind it may. */
    const struct text domain = reader_field(&r, '\n');
    if (r.rest.len > 0)
        check_make(reader_rest(&r), domain);
    return 0;
}
