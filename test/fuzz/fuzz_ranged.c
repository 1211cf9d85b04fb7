// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "users/rule_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A part ends behind where it begins, so that asking for the next ones comes to an end; and what
 * was understood is understood again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text description = {(const char *)data, size};
    const struct text wanted = text_of("proxyAddresses");
    char again[64];
    uint64_t first = UINT64_MAX;
    uint64_t next = UINT64_MAX;
    uint64_t first_again = 0;
    uint64_t next_again = 0;

    const enum ranged ranged = ranged_read(description, wanted, &first, &next);
    must(ranged == RANGED_ANOTHER || text_starts_with_fold(description, wanted));
    if (ranged != RANGED_PART && ranged != RANGED_LAST)
        return 0;
    must(memchr(description.at, ';', description.len) != NULL);
    if (ranged == RANGED_PART)
        must(next > first);
    snprintf(again, sizeof again, "PROXYADDRESSES;x;range=%llu-", (unsigned long long)first);
    if (ranged == RANGED_PART)
        snprintf(again + strlen(again), 24, "%llu", (unsigned long long)next - 1);
    else
        strcat(again, "*");
    must(ranged_read(text_of(again), wanted, &first_again, &next_again) == ranged);
    must(first == first_again && (ranged == RANGED_LAST || next == next_again));
    return 0;
}
