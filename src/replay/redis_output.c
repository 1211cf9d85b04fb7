// SPDX-License-Identifier: ISC
#include "replay/redis_output.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 32768 /* what a greeting never fills: no copy of the password is left behind */

static bool redis_output_make_room(struct redis_output *output, size_t len)
{
    const size_t used = output->end - output->begin;
    size_t size = output->size > 0 ? output->size : SIZE_FIRST;

    if (output->begin > 0)
        memmove(output->at, output->at + output->begin, used);
    output->begin = 0;
    output->end = used;
    while (size - used < len && size < REDIS_OUTPUT_MAX)
        size *= 2;
    if (size - used < len)
        return false;
    if (size == output->size)
        return true;
    char *larger = realloc(output->at, size);
    if (larger == NULL)
        return false;
    output->at = larger;
    output->size = size;
    return true;
}

bool redis_output_put(struct redis_output *output, struct text t)
{
    if (output->size - output->end < t.len && !redis_output_make_room(output, t.len))
        return false;
    memcpy(output->at + output->end, t.at, t.len);
    output->end += t.len;
    return true;
}

struct text redis_output_rest(const struct redis_output *output)
{
    return output->at != NULL
                   ? (struct text){output->at + output->begin, output->end - output->begin}
                   : (struct text){NULL, 0};
}

void redis_output_sent(struct redis_output *output, size_t len)
{
    output->begin += len;
    if (output->begin == output->end)
        output->begin = output->end = 0;
}

void redis_output_wipe(struct redis_output *output)
{
    if (output->at != NULL)
        sodium_memzero(output->at, output->size);
    free(output->at);
    *output = (struct redis_output){.at = NULL};
}
