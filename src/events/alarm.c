// SPDX-License-Identifier: ISC
#include "events/alarm.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "events/privacy.h"
#include "protocol/address.h"
#include "protocol/text.h"

void alarm_raise(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, uint64_t now)
{
    alarm_raise_with_remedy(alarm, about, subject, because, NULL, now);
}

void alarm_raise_with_remedy(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, const char *remedy, uint64_t now)
{
    struct log_line line;

    counters_add(&alarm->counters->alarms[about], 1);
    if (alarm->said[about] != 0 && now < alarm->said[about] + ALARM_EVERY) {
        alarm->left_out[about]++;
        return;
    }
    log_begin(&line, LOG_LEVEL_ALARM, "alarm");
    log_string(&line, "about", counters_alarm[about]);
    if (subject[0] != '\0')
        log_string(&line, "subject", subject);
    log_string(&line, "because", because);
    if (remedy != NULL)
        log_string(&line, "remedy", remedy);
    if (alarm->left_out[about] > 0)
        log_number(&line, "left_out", alarm->left_out[about]);
    log_end(&line);
    alarm->said[about] = now > 0 ? now : 1;
    alarm->left_out[about] = 0;
}

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

#define LINE_SIZE (ADDRESS_MAX + 32)
#define PATH_SIZE 4096

struct alarm_history_entry {
    uint64_t until;
    struct text subject; /* points into the line that it was read from */
};

static FILE *alarm_history_open(const char *folder)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/" ALARM_HISTORY_FILE, folder);
    return fopen(path, "re");
}

/* Reads the next alarm whose time is not over. Lines that are not valid are skipped. So are times
 * that are too far ahead: the clock was wrong. */
static bool alarm_history_next(
        FILE *file, char line_r[LINE_SIZE], uint64_t unix_now, struct alarm_history_entry *entry_r)
{
    while (fgets(line_r, LINE_SIZE, file) != NULL) {
        struct reader r = reader_of(text_trim(text_of(line_r)));
        const struct text until = reader_until(&r, ' ');
        entry_r->subject = reader_rest(&r);
        if (!r.failed && text_decimal(until, UINT64_MAX, &entry_r->until) &&
                entry_r->until > unix_now && entry_r->until - unix_now <= ALARM_HISTORY_KEEP_TEXTS)
            return true;
    }
    return false;
}

bool alarm_history_has(const char *folder, const char *subject, uint64_t unix_now)
{
    FILE *file = alarm_history_open(folder);
    char line[LINE_SIZE];
    struct alarm_history_entry entry;
    bool has = false;

    if (file == NULL)
        return false;
    while (!has && alarm_history_next(file, line, unix_now, &entry))
        has = text_equal(entry.subject, text_of(subject));
    fclose(file);
    return has;
}

static void alarm_history_copy(const char *folder, FILE *out, uint64_t unix_now)
{
    FILE *old = alarm_history_open(folder);
    char line[LINE_SIZE];
    struct alarm_history_entry entry;

    if (old == NULL)
        return;
    while (alarm_history_next(old, line, unix_now, &entry))
        fprintf(out, "%llu %.*s\n", (unsigned long long)entry.until, (int)entry.subject.len,
                entry.subject.at);
    fclose(old);
}

bool alarm_history_add(const char *folder, const char *subject, uint64_t keep, uint64_t unix_now)
{
    char path[PATH_SIZE];
    char new_path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/" ALARM_HISTORY_FILE, folder);
    snprintf(new_path, sizeof new_path, "%s/" ALARM_HISTORY_FILE ".new", folder);
    const int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL)
        return false;
    alarm_history_copy(folder, out, unix_now);
    fprintf(out, "%llu %s\n", (unsigned long long)unix_now + keep, subject);
    bool ok = fflush(out) == 0 && !ferror(out);
    ok = fclose(out) == 0 && ok && rename(new_path, path) == 0;
    const int error = errno;
    if (!ok)
        unlink(new_path);
    errno = error;
    return ok;
}
