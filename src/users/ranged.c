// SPDX-License-Identifier: ISC
#include "users/ranged.h"

#include <stdbool.h>

#define VALUES_MAX 1000000000 /* of one attribute; no directory has as many */

static enum ranged ranged_read_range(struct text range, uint64_t *first_r, uint64_t *next_r)
{
    struct reader r = reader_of(range);
    const struct text first = reader_until(&r, '-');
    const struct text last = reader_rest(&r);

    if (r.failed || !text_decimal(first, VALUES_MAX, first_r))
        return RANGED_WRONG;
    if (text_equal(last, text_of("*")))
        return RANGED_LAST;
    if (!text_decimal(last, VALUES_MAX, next_r) || *next_r < *first_r)
        return RANGED_WRONG;
    ++*next_r;
    return RANGED_PART;
}

enum ranged ranged_read(
        struct text description, struct text wanted, uint64_t *first_r, uint64_t *next_r)
{
    const struct text prefix = text_of("range=");
    struct reader r = reader_of(description);

    if (!text_starts_with_fold(description, wanted))
        return RANGED_ANOTHER;
    r.rest = (struct text){description.at + wanted.len, description.len - wanted.len};
    if (r.rest.len > 0 && r.rest.at[0] != ';')
        return RANGED_ANOTHER;
    while (r.rest.len > 0) {
        const struct text option = reader_field(&r, ';');
        if (text_starts_with_fold(option, prefix))
            return ranged_read_range((struct text){option.at + prefix.len, option.len - prefix.len},
                    first_r, next_r);
    }
    return RANGED_ALL;
}
