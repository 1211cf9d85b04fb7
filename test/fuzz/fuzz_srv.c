// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/srv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static uint64_t seed;

static uint32_t chance(uint32_t most)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(seed >> 33) % (most + 1);
}

/* What was read says all that the octets said, but for the case of letters. */
static void check_record(const unsigned char *rdata, size_t len, const struct srv *srv)
{
    const size_t target = strlen(srv->target);
    const unsigned char *at = rdata + 6;

    require(srv->priority == rdata[0] * 256 + rdata[1]);
    require(srv->weight == rdata[2] * 256 + rdata[3]);
    require(srv->port == rdata[4] * 256 + rdata[5]);
    require(target == 0 || srv->port != 0);
    require(len == 6 + (target > 0 ? target + 2 : 1));
    require(target == 0 || domain_is_ldh(text_of(srv->target)));
    for (size_t i = 0; i <= target; i++) {
        const bool begins = i == 0 || srv->target[i - 1] == '.';
        const size_t label = begins ? strcspn(srv->target + i, ".") : 0;
        require(!begins || at[i] == label);
        require(i == target || srv->target[i] == '.' ||
                srv->target[i] == text_lower((char)at[i + 1]));
    }
}

static size_t times(const struct srv *records, size_t count, const struct srv *wanted)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += memcmp(&records[i], wanted, sizeof *wanted) == 0;
    return found;
}

/* None is lost and none is added, and a lower number comes first. */
static void check_order(struct srv *records, size_t count)
{
    struct srv before[SRV_MAX];

    memcpy(before, records, sizeof before);
    srv_order(records, count, chance);
    for (size_t i = 0; i < count; i++) {
        require(times(before, count, &before[i]) == times(records, count, &before[i]));
        require(i == 0 || records[i - 1].priority <= records[i].priority);
    }
}

/* The input is a number for chance, and records, each after its length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct srv records[SRV_MAX];
    size_t count = 0;

    memset(records, 0, sizeof records);
    seed = size > 0 ? data[0] : 0;
    for (size_t i = 1; i < size && count < SRV_MAX; i += 1 + (size_t)data[i]) {
        const size_t len = data[i] < size - i - 1 ? data[i] : size - i - 1;
        unsigned char *rdata = malloc(len > 0 ? len : 1);
        require(rdata != NULL);
        memcpy(rdata, data + i + 1, len);
        memset(&records[count], 0, sizeof records[count]);
        if (srv_parse(rdata, len, &records[count])) {
            check_record(rdata, len, &records[count]);
            count++;
        }
        free(rdata);
    }
    check_order(records, count);
    return 0;
}
