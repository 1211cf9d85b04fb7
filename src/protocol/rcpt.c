// SPDX-License-Identifier: ISC
#include "protocol/rcpt.h"

#include "protocol/domain.h"

static bool rcpt_has(const struct rcpt *rcpt, struct text domain)
{
    struct reader r = reader_of((struct text){rcpt->domains, rcpt->len});

    while (r.rest.len > 0)
        if (text_equal(reader_field(&r, ','), domain))
            return true;
    return false;
}

void rcpt_add(struct rcpt *rcpt, struct text domain)
{
    if (rcpt->any || rcpt_has(rcpt, domain))
        return;
    struct writer w = writer_of(rcpt->domains + rcpt->len, sizeof rcpt->domains - rcpt->len);
    if (rcpt->len > 0)
        writer_char(&w, ',');
    writer_put(&w, domain);
    rcpt->any = w.failed || text_equal(domain, text_of("*"));
    rcpt->len += writer_text(&w).len;
}

struct text rcpt_text(const struct rcpt *rcpt)
{
    if (rcpt->any)
        return text_of("*");
    return (struct text){rcpt->domains, rcpt->len};
}

bool rcpt_is_valid(struct text value)
{
    struct reader domains = reader_of(value);

    if (value.len > RCPT_MAX || value.at[value.len - 1] == ',')
        return false;
    if (text_equal(value, text_of("*")))
        return true;
    while (domains.rest.len > 0)
        if (!domain_is_ldh(reader_field(&domains, ',')))
            return false;
    return true;
}
