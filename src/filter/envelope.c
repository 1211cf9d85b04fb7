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

struct text envelope_address(struct text path)
{
    if (path.len >= 2 && path.at[0] == '<' && path.at[path.len - 1] == '>')
        return (struct text){path.at + 1, path.len - 2};
    return path;
}

/* The text behind the last `@`: a quoted local part may have others. */
static struct text envelope_domain_of(struct text address)
{
    for (size_t i = address.len; i-- > 0;)
        if (address.at[i] == '@')
            return (struct text){address.at + i + 1, address.len - i - 1};
    return (struct text){address.at, 0};
}

void envelope_add(struct envelope *envelope, struct text path)
{
    char ascii[DOMAIN_MAX + 1] = "*";

    if (!domain_to_ascii(envelope_domain_of(envelope_address(path)), ascii))
        memcpy(ascii, "*", sizeof "*");
    rcpt_add(&envelope->rcpt, text_of(ascii));
    if (!receiving_add(envelope->receiving, text_of(ascii), 1))
        envelope->failed = true;
}

struct text envelope_rcpt(const struct envelope *envelope)
{
    return rcpt_text(&envelope->rcpt);
}
