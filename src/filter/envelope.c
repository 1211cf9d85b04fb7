// SPDX-License-Identifier: ISC
#include "filter/envelope.h"

#include <string.h>

#include "protocol/domain.h"

bool envelope_init(struct envelope *envelope_r)
{
    *envelope_r = (struct envelope){.receiving = receiving_init()};
    return envelope_r->receiving != NULL;
}

void envelope_clear(struct envelope *envelope)
{
    receiving_free(&envelope->receiving);
    *envelope = (struct envelope){0};
}

/* What stands behind the last `@`: a quoted local part may have others. */
static struct text envelope_domain_of(struct text path)
{
    if (path.len >= 2 && path.at[0] == '<' && path.at[path.len - 1] == '>')
        path = (struct text){path.at + 1, path.len - 2};
    for (size_t i = path.len; i-- > 0;)
        if (path.at[i] == '@')
            return (struct text){path.at + i + 1, path.len - i - 1};
    return (struct text){path.at, 0};
}

static bool envelope_has(const struct envelope *envelope, struct text domain)
{
    struct reader r = reader_of((struct text){envelope->domains, envelope->len});

    while (r.rest.len > 0)
        if (text_equal(reader_field(&r, ','), domain))
            return true;
    return false;
}

static void envelope_note(struct envelope *envelope, struct text domain)
{
    if (envelope->any || envelope_has(envelope, domain))
        return;
    struct writer w =
            writer_of(envelope->domains + envelope->len, sizeof envelope->domains - envelope->len);
    if (envelope->len > 0)
        writer_char(&w, ',');
    writer_put(&w, domain);
    if (w.failed)
        envelope->any = true;
    else
        envelope->len += writer_text(&w).len;
}

void envelope_add(struct envelope *envelope, struct text path)
{
    char ascii[DOMAIN_MAX + 1] = "*";

    if (!domain_to_ascii(envelope_domain_of(path), ascii)) {
        memcpy(ascii, "*", sizeof "*");
        envelope->any = true;
    }
    envelope_note(envelope, text_of(ascii));
    if (!receiving_add(envelope->receiving, text_of(ascii), 1))
        envelope->failed = true;
}

struct text envelope_rcpt(const struct envelope *envelope)
{
    if (envelope->any)
        return text_of("*");
    return (struct text){envelope->domains, envelope->len};
}
