// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/policy_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static bool is_empty(const struct policy_record *record)
{
    static const unsigned char zero[KEY_OCTETS];

    return !record->has_key && !record->defer && memcmp(record->key, zero, sizeof zero) == 0;
}

static struct policy_record_set add_one(struct policy_record_set set, struct text rdata)
{
    char *copy = malloc(rdata.len > 0 ? rdata.len : 1);

    require(copy != NULL);
    memcpy(copy, rdata.at, rdata.len);
    policy_record_add(&set, (struct text){copy, rdata.len});
    free(copy);
    return set;
}

/* What was read can be written, and read again; beside it the same is one too many. */
static void check_good(const struct policy_record_set *set)
{
    char rdata[256];
    struct writer w = writer_of(rdata + 1, sizeof rdata - 1);

    policy_record_format(&set->record, &w);
    require(!w.failed);
    const size_t len = writer_text(&w).len;
    rdata[0] = (char)len;
    const struct text written = {rdata, len + 1};
    const struct policy_record_set again = add_one((struct policy_record_set){0}, written);
    require(again.result == POLICY_RECORD_OK);
    require(again.record.has_key == set->record.has_key);
    require(again.record.defer == set->record.defer);
    require(memcmp(again.record.key, set->record.key, KEY_OCTETS) == 0);
    const struct policy_record_set both = add_one(*set, written);
    require(both.result == POLICY_RECORD_SEVERAL && is_empty(&both.record));
}

/* The input is records, each after two octets with its length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_record_set set = {0};
    size_t counted = 0;

    while (size >= 2) {
        const size_t wanted = (size_t)data[0] * 256 + data[1];
        const size_t len = wanted < size - 2 ? wanted : size - 2;
        const struct text rdata = {(const char *)data + 2, len};
        const struct policy_record_set alone = add_one((struct policy_record_set){0}, rdata);
        counted += alone.result != POLICY_RECORD_NONE;
        set = add_one(set, rdata);
        require(strlen(policy_record_result_text(set.result)) > 0);
        require(set.result == POLICY_RECORD_OK || is_empty(&set.record));
        require((set.result == POLICY_RECORD_NONE) == (counted == 0));
        require((set.result == POLICY_RECORD_SEVERAL) == (counted > 1));
        data += 2 + len;
        size -= 2 + len;
    }
    if (set.result == POLICY_RECORD_OK)
        check_good(&set);
    return 0;
}
