// SPDX-License-Identifier: ISC
#include "client/srv.h"

#include <string.h>

#include "protocol/text.h"

#define HEAD 6 /* octets before the target */

/* A name in wire form (RFC 1035, 3.1) that fills the rest of the rdata. */
static bool srv_read_target(const unsigned char *at, size_t len, struct writer *w)
{
    while (len > 0 && *at != 0) {
        const size_t label = *at;
        if (label > 63 || label + 1 >= len)
            return false;
        if (writer_text(w).len > 0)
            writer_char(w, '.');
        /* A dot inside a label would look like the end of it. */
        if (memchr(at + 1, '.', label) != NULL)
            return false;
        for (size_t i = 1; i <= label; i++)
            writer_char(w, text_lower((char)at[i]));
        at += label + 1;
        len -= label + 1;
    }
    return len == 1 && !w->failed;
}

static uint16_t srv_number(const unsigned char octets[2])
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

bool srv_parse(const unsigned char *rdata, size_t len, struct srv *srv_r)
{
    struct writer w = writer_of(srv_r->target, sizeof srv_r->target - 1);

    if (len <= HEAD || !srv_read_target(rdata + HEAD, len - HEAD, &w))
        return false;
    const size_t target = writer_text(&w).len;
    srv_r->target[target] = '\0';
    srv_r->priority = srv_number(rdata);
    srv_r->weight = srv_number(rdata + 2);
    srv_r->port = srv_number(rdata + 4);
    return target == 0 || (srv_r->port != 0 && domain_is_ldh(writer_text(&w)));
}

static void swap(struct srv *a, struct srv *b)
{
    const struct srv kept = *a;

    *a = *b;
    *b = kept;
}

/* By priority, and inside one those of weight 0 first, as RFC 2782 has it. */
static bool comes_before(const struct srv *a, const struct srv *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->weight == 0 && b->weight != 0;
}

static void sort(struct srv *records, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && comes_before(&records[k], &records[k - 1]); k--)
            swap(&records[k], &records[k - 1]);
}

/* The one whose turn it is of `count` with the same priority. */
static size_t srv_choose(const struct srv *records, size_t count, uint32_t (*chance)(uint32_t most))
{
    uint32_t total = 0;
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++)
        total += records[i].weight;
    const uint32_t wanted = chance(total);
    for (size_t i = 0; i < count; i++) {
        sum += records[i].weight;
        if (sum >= wanted)
            return i;
    }
    return 0;
}

/* To the front, the others keep their order: those of weight 0 must stay first. */
static void bring_to_front(struct srv *records, size_t i)
{
    const struct srv kept = records[i];

    memmove(records + 1, records, i * sizeof *records);
    records[0] = kept;
}

void srv_order(struct srv *records, size_t count, uint32_t (*chance)(uint32_t most))
{
    sort(records, count);
    for (size_t i = 0; i < count; i++) {
        size_t same = 1;
        while (i + same < count && records[i + same].priority == records[i].priority)
            same++;
        bring_to_front(records + i, srv_choose(records + i, same, chance));
    }
}
