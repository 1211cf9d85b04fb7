// SPDX-License-Identifier: ISC
#include "replay/redis_request.h"

#include <hiredis/hiredis.h>
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

#define FIELD_MAX 16
#define SECONDS_MAX UINT64_C(1000000000)
#define NUMBER_MAX (TEXT_DECIMAL_MAX + 1)
#define ARGUMENTS_MAX (5 + 2 * REPLAY_ENTRIES_MAX)

/* Redis keeps what a script writes even if it ends in an error; this one cannot fail once it has
 * written: what can be wrong with the key or the memory stops it before. */
static const char script[] =
        "local key = KEYS[1]\n"
        "for i = 2, #ARGV, 2 do\n"
        "  if tonumber(redis.call('HGET', key, ARGV[i]) or '0') >= tonumber(ARGV[i + 1]) then "
        "return 0 end\n"
        "end\n"
        "for i = 2, #ARGV, 2 do redis.call('HINCRBY', key, ARGV[i], 1) end\n"
        "redis.call('EXPIRE', key, ARGV[1])\n"
        "return 1\n";
static const char script_sha1[] = "48c237c5b363151393e6f9604eeed49bbdd521f8";

struct arguments {
    int count;
    const char *at[ARGUMENTS_MAX];
    size_t len[ARGUMENTS_MAX];
};

static void script_add(struct arguments *arguments, struct text t)
{
    arguments->at[arguments->count] = t.at;
    arguments->len[arguments->count++] = t.len;
}

struct text script_key(const struct count_request *item, char room_r[SCRIPT_KEY_MAX])
{
    struct writer w = writer_of(room_r, SCRIPT_KEY_MAX);

    writer_string(&w, "verimail:{");
    writer_decimal(&w, item->issued);
    writer_char(&w, '.');
    writer_base64(&w, item->nonce, sizeof item->nonce);
    writer_char(&w, '}');
    return writer_text(&w);
}

/* Redis refuses what its clock has no room for, and that would be after the counts were raised. */
static uint64_t seconds_left(const struct count_request *item, uint64_t today)
{
    const uint64_t left = item->expires > today ? item->expires - today : 1;

    return left < SECONDS_MAX ? left : SECONDS_MAX;
}

bool script_write(const struct count_request *item, bool known, uint64_t today, char **command_r,
        size_t *len_r)
{
    struct arguments arguments = {.count = 0};
    char key[SCRIPT_KEY_MAX];
    char fields[REPLAY_ENTRIES_MAX][FIELD_MAX];
    char numbers[REPLAY_ENTRIES_MAX + 1][NUMBER_MAX];

    script_add(&arguments, text_of(known ? "EVALSHA" : "EVAL"));
    script_add(&arguments, text_of(known ? script_sha1 : script));
    script_add(&arguments, text_of("1"));
    script_add(&arguments, script_key(item, key));
    for (size_t i = 0; i <= item->entries_count; i++) {
        struct writer number = writer_of(numbers[i], NUMBER_MAX);
        if (i > 0) {
            const struct replay_entry *entry = &item->entries[i - 1];
            struct writer field = writer_of(fields[i - 1], FIELD_MAX);
            writer_base64(&field, entry->domain, sizeof entry->domain);
            script_add(&arguments, writer_text(&field));
            writer_decimal(&number, entry->allowance);
        } else {
            writer_decimal(&number, seconds_left(item, today));
        }
        script_add(&arguments, writer_text(&number));
    }
    const long long len =
            redisFormatCommandArgv(command_r, arguments.count, arguments.at, arguments.len);
    *len_r = len > 0 ? (size_t)len : 0;
    return len > 0;
}
