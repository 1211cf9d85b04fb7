// SPDX-License-Identifier: ISC
/* Fills a store of replay counts with so many payloads of the last days, in the order of their time
 * as they would have come, and leaves it whole, as a service that was stopped does. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "replay/replay.h"

#define DAYS 5
#define BATCH 1000

static uint64_t failed;

static void on_done(void *context, struct count_request *item)
{
    (void)context;
    failed += item->result != REPLAY_WITHIN;
}

static void make_item(uint64_t issued, struct count_request *item_r)
{
    *item_r = (struct count_request){.issued = issued, .entries_count = 1};
    item_r->expires = issued + UINT64_C(7) * 86400;
    randombytes_buf(item_r->nonce, sizeof item_r->nonce);
    memset(item_r->entries[0].domain, 1, sizeof item_r->entries[0].domain);
    item_r->entries[0].allowance = 4;
}

static bool make_whole(const char *address)
{
    struct replay_sync *sync = replay_sync_init(address);
    const bool whole = sync != NULL && replay_sync_finish(sync);

    replay_sync_free(&sync);
    return whole;
}

int main(int argc, char **argv)
{
    static struct count_request items[BATCH];
    const uint64_t now = unix_now();
    const uint64_t span = UINT64_C(86400) * DAYS;
    uint64_t count = 0;

    if (argc != 3 || sodium_init() < 0 || !text_decimal(text_of(argv[2]), UINT32_MAX, &count)) {
        fputs("usage: fill lmdb:PATH COUNT\n", stderr);
        return 2;
    }
    const struct replay_setup setup = {
            .address = argv[1], .keep = UINT64_C(8) * 86400, .done = on_done};
    struct replay *replay = replay_open(&setup, mono_ms(), now);
    if (replay == NULL)
        return 1;
    for (uint64_t i = 0; i < count;) {
        for (size_t k = 0; k < BATCH && i < count; k++, i++) {
            make_item(now - span + span * i / count, &items[k]);
            replay_submit(replay, &items[k], mono_ms(), now);
        }
        replay_commit(replay, mono_ms(), now);
    }
    struct replay_health health;
    replay_health(replay, &health);
    replay_close(&replay);
    printf("%llu counts, %llu octets, %llu failed\n", (unsigned long long)health.entries,
            (unsigned long long)health.bytes, (unsigned long long)failed);
    return failed == 0 && make_whole(argv[1]) ? 0 : 1;
}
