// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_EXACT_H
#define VERIMAIL_TEST_EXACT_H

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

/* A copy on the heap that ends exactly where the text ends, so that AddressSanitizer sees a parser
 * which reads one octet too far. Freed with exact_free(). */
static inline struct text exact_copy(struct text t)
{
    char *copy = malloc(t.len > 0 ? t.len : 1);

    if (copy == NULL)
        abort();
    if (t.len > 0)
        memcpy(copy, t.at, t.len);
    /* An empty text still must not be read: move past the one octet that malloc needs. */
    return (struct text){t.len > 0 ? copy : copy + 1, t.len};
}

static inline void exact_free(struct text t)
{
    union {
        const char *borrowed;
        void *owned;
    } at = {t.len > 0 ? t.at : t.at - 1};

    free(at.owned);
}

#endif
