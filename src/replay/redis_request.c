// SPDX-License-Identifier: ISC
#include "replay/redis_request.h"

#include <stdlib.h>

struct rediscall *redis_request_take(struct redis_request *calls)
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

void redis_request_give(struct redis_request *calls, struct rediscall *call)
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

void redis_request_free(struct redis_request *calls)
{
    while (calls->spare != NULL) {
        struct rediscall *call = calls->spare;
        calls->spare = call->next;
        free(call);
    }
}
