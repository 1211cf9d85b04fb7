// SPDX-License-Identifier: ISC
#include "recorder/texts.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8 /* possible places for a payload */

struct place {
    uint64_t stamp;   /* its hash; 0: an unused place */
    uint64_t touched; /* monotonic milliseconds */
    uint32_t count;
    bool over;       /* its alarm was raised: it is not counted any more */
    uint64_t seen[]; /* `limit` hashes of digests */
};

struct texts {
    size_t limit;
    size_t sets;
    size_t place_size;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    size_t first; /* index of the first waiting alarm */
    size_t waiting;
    struct texts_alarm due[TEXTS_WAITING];
    uint64_t places[]; /* struct place, WAYS for each set */
};

struct texts *texts_init(size_t limit, size_t octets)
{
    const size_t place_size = sizeof(struct place) + limit * sizeof(uint64_t);
    const size_t sets = octets / place_size / WAYS > 0 ? octets / place_size / WAYS : 1;
    struct texts *t = calloc(1, sizeof *t + sets * WAYS * place_size);

    if (t == NULL)
        return NULL;
    t->limit = limit;
    t->sets = sets;
    t->place_size = place_size;
    randombytes_buf(t->secret, sizeof t->secret);
    return t;
}

void texts_free(struct texts **texts)
{
    free(*texts);
    *texts = NULL;
}

/* Never 0. It is keyed, so that nobody can choose what is dropped. */
static uint64_t texts_hash(const struct texts *t, struct text text)
{
    unsigned char octets[crypto_shorthash_BYTES];
    uint64_t hash;

    (void)crypto_shorthash(octets, (const unsigned char *)text.at, text.len, t->secret);
    memcpy(&hash, octets, sizeof hash);
    return hash != 0 ? hash : 1;
}

static struct place *texts_place(struct texts *t, size_t index)
{
    return (struct place *)(void *)((char *)t->places + index * t->place_size);
}

static bool texts_goes_before(const struct place *a, const struct place *b)
{
    return a->count != b->count ? a->count < b->count : a->touched < b->touched;
}

/* Finds the payload's place, or takes that of another payload. */
static struct place *texts_find(struct texts *t, uint64_t stamp)
{
    const size_t set = stamp % t->sets * WAYS;
    struct place *least = texts_place(t, set);

    for (size_t i = 0; i < WAYS; i++) {
        struct place *place = texts_place(t, set + i);
        if (place->stamp == stamp)
            return place;
        if (texts_goes_before(place, least))
            least = place;
    }
    memset(least, 0, t->place_size);
    least->stamp = stamp;
    return least;
}

static bool texts_has(const struct place *place, uint64_t digest)
{
    for (size_t i = 0; i < place->count; i++)
        if (place->seen[i] == digest)
            return true;
    return false;
}

static void texts_copy(char *to, size_t size, struct text from)
{
    const size_t len = from.len < size ? from.len : size - 1;

    if (len > 0)
        memcpy(to, from.at, len);
    to[len] = '\0';
}

/* If too many alarms wait already, the payload's next text tries again. */
static void texts_put_due(struct texts *t, struct place *place, const struct event *event)
{
    if (t->waiting == TEXTS_WAITING)
        return;
    struct texts_alarm *alarm = &t->due[(t->first + t->waiting++) % TEXTS_WAITING];
    texts_copy(alarm->stamp, sizeof alarm->stamp, event->stamp);
    texts_copy(alarm->user, sizeof alarm->user, event->user);
    alarm->issued = event->issued;
    place->over = true;
}

void texts_note(struct texts *t, const struct event *event, uint64_t now)
{
    if (!event->changed || event->stamp.len == 0)
        return;
    struct place *place = texts_find(t, texts_hash(t, event->stamp));
    const uint64_t digest = texts_hash(t, event->digest);
    place->touched = now;
    if (place->over || texts_has(place, digest))
        return;
    if (place->count < t->limit)
        place->seen[place->count++] = digest;
    else
        texts_put_due(t, place, event);
}

bool texts_next(struct texts *t, struct texts_alarm *alarm_r)
{
    if (t->waiting == 0)
        return false;
    *alarm_r = t->due[t->first];
    t->first = (t->first + 1) % TEXTS_WAITING;
    t->waiting--;
    return true;
}
