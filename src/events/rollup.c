// SPDX-License-Identifier: ISC
#include "events/rollup.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "events/codec.h"

#define PLACES_FIRST 256
#define ROLLUP_TEXT_MAX 4096 /* octets; more than any text of an event has */

/* An entry's octets: its time, its part, and its keys: a number, or a text behind its length. */
struct sum {
    size_t at; /* in `octets` */
    size_t len;
    int64_t sums[ROLLUP_SUMS_MAX];
};

struct rollup_tally {
    const struct rollup *rollup;
    bool failed;
    int64_t time; /* of the event that is being added */
    int64_t part;
    unsigned char seed[crypto_shorthash_KEYBYTES]; /* strangers choose keys */

    struct sum *sums;
    size_t count;
    size_t *places;      /* a hash table: 0, or the number of an entry and one */
    size_t places_count; /* a power of two, more than twice `count` */

    char *octets;
    size_t len;
    size_t size;
};

static bool rollup_grow_places(struct rollup_tally *t);

struct rollup_tally *rollup_init(const struct rollup *rollup)
{
    struct rollup_tally *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->rollup = rollup;
    randombytes_buf(t->seed, sizeof t->seed);
    if (!rollup_grow_places(t))
        rollup_free(&t);
    return t;
}

void rollup_free(struct rollup_tally **tally)
{
    if (*tally == NULL)
        return;
    free((*tally)->sums);
    free((*tally)->places);
    free((*tally)->octets);
    free(*tally);
    *tally = NULL;
}

void rollup_clear(struct rollup_tally *t)
{
    memset(t->places, 0, t->places_count * sizeof *t->places);
    t->count = 0;
    t->len = 0;
    t->failed = false;
}

/* The place of the entry with these octets, or the free one where it belongs. */
static size_t *rollup_place(const struct rollup_tally *t, const char *octets, size_t len)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;

    (void)crypto_shorthash(hash, (const unsigned char *)octets, len, t->seed);
    memcpy(&number, hash, sizeof number);
    for (;; number++) {
        size_t *place = &t->places[number & (t->places_count - 1)];
        if (*place == 0)
            return place;
        const struct sum *sum = &t->sums[*place - 1];
        if (sum->len == len && memcmp(t->octets + sum->at, octets, len) == 0)
            return place;
    }
}

static bool rollup_grow_places(struct rollup_tally *t)
{
    const size_t count = t->places_count > 0 ? 2 * t->places_count : PLACES_FIRST;
    size_t *places = calloc(count, sizeof *places);
    struct sum *sums = reallocarray(t->sums, count / 2, sizeof *sums);

    if (sums != NULL)
        t->sums = sums;
    if (places == NULL || sums == NULL) {
        free(places);
        return false;
    }
    free(t->places);
    t->places = places;
    t->places_count = count;
    for (size_t i = 0; i < t->count; i++)
        *rollup_place(t, t->octets + t->sums[i].at, t->sums[i].len) = i + 1;
    return true;
}

void rollup_note(struct rollup_tally *t, const struct eventstore_value *values, int64_t part)
{
    t->time = values[0].number - values[0].number % (int64_t)t->rollup->span;
    t->part = part;
    t->rollup->add(values, t);
}

/* Room for the octets of one more entry. */
static bool rollup_make_room(struct rollup_tally *t, const struct eventstore_value *keys)
{
    size_t most = 2 * sizeof(int64_t);

    for (size_t i = 0; i < t->rollup->keys_count; i++)
        most += sizeof(int64_t) + 3 * keys[i].text.len;
    if (t->size - t->len >= most)
        return true;
    const size_t size = 2 * (t->size + most);
    char *octets = realloc(t->octets, size);
    if (octets == NULL)
        return false;
    t->octets = octets;
    t->size = size;
    return true;
}

static char *rollup_put(char *at, const void *octets, size_t len)
{
    memcpy(at, octets, len);
    return at + len;
}

static char *rollup_put_text(char *at, struct text t)
{
    uint16_t len = (uint16_t)(t.len < ROLLUP_TEXT_MAX ? t.len : ROLLUP_TEXT_MAX);

    if (codec_is_plain(t)) {
        at = rollup_put(at, &len, sizeof len);
        return len > 0 ? rollup_put(at, t.at, len) : at;
    }
    struct writer w = writer_of(at + sizeof len, 3 * (size_t)len);
    codec_escape((struct text){t.at, len}, &w);
    len = (uint16_t)writer_text(&w).len;
    return rollup_put(at, &len, sizeof len) + len;
}

/* Writes what entries differ in. Returns its length. */
static size_t rollup_put_keys(const struct rollup_tally *t, const struct eventstore_value *keys)
{
    char *begin = t->octets + t->len;
    char *at = rollup_put(begin, &t->time, sizeof t->time);

    at = rollup_put(at, &t->part, sizeof t->part);
    for (size_t i = 0; i < t->rollup->keys_count; i++)
        at = t->rollup->keys[i].is_text ? rollup_put_text(at, keys[i].text)
                                        : rollup_put(at, &keys[i].number, sizeof keys[i].number);
    return (size_t)(at - begin);
}

void rollup_add(struct rollup_tally *t, const struct eventstore_value keys[ROLLUP_KEYS_MAX],
        const int64_t sums[ROLLUP_SUMS_MAX])
{
    t->failed = t->failed || !rollup_make_room(t, keys) ||
                (2 * (t->count + 1) >= t->places_count && !rollup_grow_places(t));
    if (t->failed)
        return;
    const size_t len = rollup_put_keys(t, keys);
    size_t *place = rollup_place(t, t->octets + t->len, len);
    if (*place == 0) {
        t->sums[t->count] = (struct sum){.at = t->len, .len = len};
        t->len += len;
        *place = ++t->count;
    }
    int64_t *old = t->sums[*place - 1].sums;
    const size_t last = t->rollup->sums_count - 1;
    for (size_t i = 0; i <= last; i++) {
        if (i < last || !t->rollup->has_most)
            old[i] += sums[i];
        else if (sums[i] > old[i])
            old[i] = sums[i];
    }
}

bool rollup_has_failed(const struct rollup_tally *t)
{
    return t->failed;
}

size_t rollup_count(const struct rollup_tally *t)
{
    return t->count;
}

static const char *rollup_get(const char *at, void *octets_r, size_t len)
{
    memcpy(octets_r, at, len);
    return at + len;
}

void rollup_entry(const struct rollup_tally *t, size_t index, struct rollup_entry *entry_r)
{
    const struct sum *sum = &t->sums[index];
    const char *at = rollup_get(t->octets + sum->at, &entry_r->time, sizeof entry_r->time);

    at = rollup_get(at, &entry_r->part, sizeof entry_r->part);
    for (size_t i = 0; i < t->rollup->keys_count; i++) {
        struct eventstore_value *key = &entry_r->keys[i];
        uint16_t len;
        *key = (struct eventstore_value){.is_text = t->rollup->keys[i].is_text};
        if (key->is_text) {
            at = rollup_get(at, &len, sizeof len);
            key->text = (struct text){at, len};
            at += len;
        } else {
            at = rollup_get(at, &key->number, sizeof key->number);
        }
    }
    memcpy(entry_r->sums, sum->sums, sizeof entry_r->sums);
}
