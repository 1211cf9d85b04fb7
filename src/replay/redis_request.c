// SPDX-License-Identifier: ISC
#include "replay/redis_request.h"

#include <stdlib.h>

struct rediscall *rediscalls_take(struct rediscalls *calls)
{
    struct rediscall *call = calls->spare;

    if (call != NULL)
        calls->spare = call->next;
    else
        call = malloc(sizeof *call);
    if (call == NULL)
        return NULL;
    *call = (struct rediscall){.previous = calls->newest};
    if (calls->newest != NULL)
        calls->newest->next = call;
    else
        calls->oldest = call;
    calls->newest = call;
    return call;
}

void rediscalls_give(struct rediscalls *calls, struct rediscall *call)
{
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        calls->oldest = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    else
        calls->newest = call->previous;
    call->next = calls->spare;
    calls->spare = call;
}

void rediscalls_free(struct rediscalls *calls)
{
    while (calls->spare != NULL) {
        struct rediscall *call = calls->spare;
        calls->spare = call->next;
        free(call);
    }
}
