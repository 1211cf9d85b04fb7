// SPDX-License-Identifier: ISC
#include "recorder/forgeries.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "events/privacy.h"
#include "protocol/address.h"
#include "protocol/text.h"

#define SLOT UINT64_C(600000) /* milliseconds */
#define SLOTS 7               /* the newest has just begun; the others make up an hour */
#define HOUR (6 * SLOT)
#define WAYS 8 /* possible entries for a hash */

struct entry {
    uint64_t hash;    /* of the user; 0: an unused entry */
    uint64_t touched; /* milliseconds */
    uint64_t silent;  /* monotonic milliseconds: no further alarm before this */
    uint64_t network; /* candidate for more than half of all */
    uint32_t votes;   /* votes for it minus votes against it */
    uint32_t hits;    /* events of it since it became the candidate */
    uint32_t noted;   /* all events since the entry was last unused */
    uint32_t counts[SLOTS];
};

struct forgeries {
    uint64_t limit;
    size_t sets;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    size_t first; /* index of the first waiting alarm */
    size_t waiting;
    struct forgery due[FORGERIES_WAITING];
    struct entry entries[]; /* WAYS for each set */
};

struct forgeries *forgeries_init(uint64_t limit, size_t users)
{
    const size_t sets = (users + WAYS - 1) / WAYS;
    struct forgeries *f = calloc(1, sizeof *f + sets * WAYS * sizeof f->entries[0]);

    if (f == NULL)
        return NULL;
    f->limit = limit;
    f->sets = sets;
    randombytes_buf(f->secret, sizeof f->secret);
    return f;
}

void forgeries_free(struct forgeries **forgeries)
{
    free(*forgeries);
    *forgeries = NULL;
}

/* The name under which a user is counted. */
static size_t forgeries_make_key(struct text user, char key_r[ADDRESS_MAX + 1])
{
    struct writer w = writer_of(key_r, ADDRESS_MAX);
    bool in_detail = false;

    for (size_t i = 0; i < user.len; i++) {
        in_detail = (in_detail || user.at[i] == '+') && user.at[i] != '@';
        if (!in_detail)
            writer_char(&w, text_lower(user.at[i]));
    }
    const size_t len = writer_text(&w).len;
    key_r[len] = '\0';
    return len;
}

static uint64_t hash_of(const struct forgeries *f, const char *key, size_t len)
{
    unsigned char octets[crypto_shorthash_BYTES];
    uint64_t hash;

    (void)crypto_shorthash(octets, (const unsigned char *)key, len, f->secret);
    memcpy(&hash, octets, sizeof hash);
    return hash != 0 ? hash : 1;
}

/* Drops what is more than an hour old. */
static void forgeries_settle(struct entry *entry, uint64_t now)
{
    const uint64_t slot = now / SLOT;
    const uint64_t last = entry->touched / SLOT;

    for (uint64_t i = last + 1; i <= slot && i <= last + SLOTS; i++)
        entry->counts[i % SLOTS] = 0;
    if (slot >= last + SLOTS)
        entry->votes = entry->hits = entry->noted = 0;
    if (now > entry->touched)
        entry->touched = now;
}

/* The total that forgeries_settle() would leave, without changing the entry. */
static uint64_t total(const struct entry *entry, uint64_t now)
{
    struct entry settled = *entry;
    uint64_t sum = 0;

    forgeries_settle(&settled, now);
    for (size_t i = 0; i < SLOTS; i++)
        sum += settled.counts[i];
    return sum;
}

static bool goes_before(const struct entry *a, const struct entry *b, uint64_t now)
{
    const uint64_t total_a = total(a, now);
    const uint64_t total_b = total(b, now);

    return total_a != total_b ? total_a < total_b : a->touched < b->touched;
}

/* Finds the user's entry, or replaces another user's. The hash is keyed, so that a stranger cannot
 * choose which user is dropped. */
static struct entry *forgeries_find(struct forgeries *f, uint64_t hash, uint64_t now)
{
    struct entry *set = &f->entries[hash % f->sets * WAYS];
    struct entry *least = set;

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash)
            return &set[i];
    for (size_t i = 1; i < WAYS; i++)
        if (goes_before(&set[i], least, now))
            least = &set[i];
    *least = (struct entry){.hash = hash, .touched = now};
    return least;
}

static void forgeries_add(uint32_t *count)
{
    if (*count < UINT32_MAX)
        ++*count;
}

/* The majority vote of Boyer and Moore: a network with more than half of all events remains as the
 * candidate. */
static void vote(struct entry *entry, uint64_t network)
{
    if (entry->votes == 0) {
        entry->network = network;
        entry->hits = 0;
    }
    if (entry->network == network) {
        forgeries_add(&entry->votes);
        forgeries_add(&entry->hits);
    } else {
        entry->votes--;
    }
    forgeries_add(&entry->noted);
}

/* If too many alarms wait already, the user's next forgery tries again. */
static void put_due(struct forgeries *f, struct entry *entry, const char *key, uint64_t now)
{
    if (f->waiting == FORGERIES_WAITING)
        return;
    struct forgery *forgery = &f->due[(f->first + f->waiting++) % FORGERIES_WAITING];
    memcpy(forgery->user, key, strlen(key) + 1);
    /* An entry that replaced another may have missed earlier events; then no network is named. */
    forgery->network = (uint64_t)entry->hits * 2 > entry->noted ? entry->network : 0;
    entry->silent = now + HOUR;
}

void forgeries_note(struct forgeries *f, const struct event *event, uint64_t now)
{
    char key[ADDRESS_MAX + 1];

    if (event->verdict != VERDICT_NO || text_equal(event->cause, text_of("domain")))
        return;
    const size_t len = forgeries_make_key(event->user, key);
    struct entry *entry = forgeries_find(f, hash_of(f, key, len), now);
    forgeries_settle(entry, now);
    forgeries_add(&entry->counts[entry->touched / SLOT % SLOTS]);
    vote(entry, privacy_network(event->ip));
    if (now >= entry->silent && total(entry, now) > f->limit)
        put_due(f, entry, key, now);
}

bool forgeries_next(struct forgeries *f, struct forgery *forgery_r)
{
    if (f->waiting == 0)
        return false;
    *forgery_r = f->due[f->first];
    f->first = (f->first + 1) % FORGERIES_WAITING;
    f->waiting--;
    return true;
}
