// SPDX-License-Identifier: ISC
#include "replay/redis_request.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

struct redis_request *redis_request_take(struct redis_requests *requests)
{
    struct redis_request *request = requests->spare;

    if (request != NULL)
        requests->spare = request->next;
    else
        request = malloc(sizeof *request);
    if (request == NULL)
        return NULL;
    *request = (struct redis_request){.previous = requests->newest};
    if (requests->newest != NULL)
        requests->newest->next = request;
    else
        requests->oldest = request;
    requests->newest = request;
    return request;
}

void redis_request_give(struct redis_requests *requests, struct redis_request *request)
{
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        requests->oldest = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    else
        requests->newest = request->previous;
    request->next = requests->spare;
    requests->spare = request;
}

void redis_request_free(struct redis_requests *requests)
{
    while (requests->spare != NULL) {
        struct redis_request *request = requests->spare;
        requests->spare = request->next;
        free(request);
    }
}

#define FIELD_MAX 16
#define SECONDS_MAX UINT64_C(1000000000)
#define NUMBER_MAX (TEXT_DECIMAL_MAX + 1)
#define ARGUMENTS_MAX (5 + 2 * REPLAY_ENTRIES_MAX)

/* Redis keeps a script's writes even if the script then fails. This script cannot fail after its
 * first write: a wrong key type or a lack of memory stops it earlier. */
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

static void redis_request_add(struct arguments *arguments, struct text t)
{
    arguments->at[arguments->count] = t.at;
    arguments->len[arguments->count++] = t.len;
}

struct text redis_request_key(
        const struct count_request *count, char buffer_r[REDIS_REQUEST_KEY_MAX])
{
    struct writer w = writer_of(buffer_r, REDIS_REQUEST_KEY_MAX);

    writer_string(&w, "verimail:{");
    writer_decimal(&w, count->issued);
    writer_char(&w, '.');
    writer_base64(&w, count->nonce, sizeof count->nonce);
    writer_char(&w, '}');
    return writer_text(&w);
}

/* The time to keep the counts, in seconds. It is limited: Redis refuses an expiry beyond its
 * clock's range, and would do so after the counts were raised. */
static uint64_t seconds_left(const struct count_request *count, uint64_t unix_now)
{
    const uint64_t left = count->expires > unix_now ? count->expires - unix_now : 1;

    return left < SECONDS_MAX ? left : SECONDS_MAX;
}

bool redis_request_write(const struct count_request *count, bool known, uint64_t unix_now,
        char **command_r, size_t *len_r)
{
    struct arguments arguments = {.count = 0};
    char key[REDIS_REQUEST_KEY_MAX];
    char fields[REPLAY_ENTRIES_MAX][FIELD_MAX];
    char numbers[REPLAY_ENTRIES_MAX + 1][NUMBER_MAX];

    redis_request_add(&arguments, text_of(known ? "EVALSHA" : "EVAL"));
    redis_request_add(&arguments, text_of(known ? script_sha1 : script));
    redis_request_add(&arguments, text_of("1"));
    redis_request_add(&arguments, redis_request_key(count, key));
    for (size_t i = 0; i <= count->entries_count; i++) {
        struct writer number = writer_of(numbers[i], NUMBER_MAX);
        if (i > 0) {
            const struct replay_entry *entry = &count->entries[i - 1];
            struct writer field = writer_of(fields[i - 1], FIELD_MAX);
            writer_base64(&field, entry->domain, sizeof entry->domain);
            redis_request_add(&arguments, writer_text(&field));
            writer_decimal(&number, entry->allowance);
        } else {
            writer_decimal(&number, seconds_left(count, unix_now));
        }
        redis_request_add(&arguments, writer_text(&number));
    }
    const long long len =
            redisFormatCommandArgv(command_r, arguments.count, arguments.at, arguments.len);
    *len_r = len > 0 ? (size_t)len : 0;
    return len > 0;
}
