// SPDX-License-Identifier: ISC
#include "verimaild/keyuse.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/disk.h"
#include "protocol/domain.h"
#include "protocol/judge.h"

#define FILE_NAME "keys"
#define NEW_NAME "keys.new"
#define FORGOTTEN_AFTER (UINT64_C(400) * 86400) /* seconds: longer than any lifetime */
#define LINE_MAX_OCTETS 512

struct keyuse {
    const struct keyring *ring;
    size_t count;
    size_t size; /* octets of the pages */
    void *pages;
    _Atomic uint64_t *used; /* in the pages, in the order of the ring */
    uint64_t *since;        /* the supervisor's own, in the same order; 0: not known yet */
};

/* A line of the file. */
struct entry {
    unsigned char id[KEY_ID_OCTETS];
    char host[DOMAIN_MAX + 1];
    uint64_t used;
    uint64_t since; /* 0: the file does not say */
};

struct keyuse *keyuse_init(const struct keyring *ring)
{
    struct keyuse *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    k->ring = ring;
    k->count = keyring_count(ring);
    k->size = (k->count + 1) * sizeof *k->used;
    k->pages = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    k->since = calloc(k->count + 1, sizeof *k->since);
    if (k->pages == MAP_FAILED || k->since == NULL) {
        if (k->pages != MAP_FAILED)
            munmap(k->pages, k->size);
        free(k->since);
        free(k);
        return NULL;
    }
    k->used = k->pages;
    return k;
}

void keyuse_free(struct keyuse **keyuse)
{
    if (*keyuse == NULL)
        return;
    munmap((*keyuse)->pages, (*keyuse)->size);
    free((*keyuse)->since);
    free(*keyuse);
    *keyuse = NULL;
}

void keyuse_note(struct keyuse *k, const struct shared_key *key, uint64_t issued, uint64_t unix_now)
{
    const size_t index = (size_t)(key - keyring_at(k->ring, 0));
    const uint64_t when = issued < unix_now ? issued : unix_now;

    /* When two workers write at once, the older time may stay. The two are a moment apart. */
    if (when > atomic_load_explicit(&k->used[index], memory_order_relaxed))
        atomic_store_explicit(&k->used[index], when, memory_order_relaxed);
}

static bool keyuse_parse_entry(char *line, struct entry *entry_r)
{
    struct reader r = reader_of(text_trim(text_of(line)));
    const struct text id = reader_until(&r, ' ');
    const struct text host = reader_until(&r, ' ');
    const struct text used = reader_field(&r, ' ');
    const struct text since = reader_rest(&r);
    size_t len = 0;

    if (r.failed || !domain_is_ldh(host) ||
            !text_from_hex(id, entry_r->id, sizeof entry_r->id, &len) || len != KEY_ID_OCTETS)
        return false;
    memcpy(entry_r->host, host.at, host.len);
    entry_r->host[host.len] = '\0';
    entry_r->since = 0;
    return text_decimal(used, UINT64_MAX, &entry_r->used) &&
           (since.len == 0 || text_decimal(since, UINT64_MAX, &entry_r->since));
}

/* NULL with errno. */
static FILE *keyuse_open_file(const char *folder)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    /* The folder may belong to the workers' user: no link in it is followed. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    const int error = errno;
    if (file == NULL && fd >= 0)
        close(fd);
    errno = error;
    return file;
}

/* The next entry. Lines that are none are ignored. */
static bool keyuse_next_entry(FILE *file, struct entry *entry_r)
{
    char line[LINE_MAX_OCTETS];

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (keyuse_parse_entry(line, entry_r))
            return true;
    return false;
}

/* For a key that was never used: it may be the newest one of another generation. */
static uint64_t keyuse_last_known(const struct entry *entry)
{
    return entry->used > entry->since ? entry->used : entry->since;
}

static void keyuse_write_entry(FILE *out, const unsigned char id[KEY_ID_OCTETS], const char *host,
        uint64_t used, uint64_t since)
{
    char hex[KEY_ID_OCTETS * 2 + 1];

    sodium_bin2hex(hex, sizeof hex, id, KEY_ID_OCTETS);
    fprintf(out, "%s %s %llu %llu\n", hex, host, (unsigned long long)used,
            (unsigned long long)since);
}

static bool keyuse_write_all(struct keyuse *k, FILE *old, FILE *out, uint64_t unix_now)
{
    uint64_t *used = calloc(k->count + 1, sizeof *used);
    struct entry entry;

    if (used == NULL)
        return false;
    for (size_t i = 0; i < k->count; i++)
        used[i] = atomic_load_explicit(&k->used[i], memory_order_relaxed);
    while (keyuse_next_entry(old, &entry)) {
        if (entry.used > unix_now) /* the clock was wrong once */
            entry.used = unix_now;
        if (entry.since > unix_now)
            entry.since = unix_now;
        const struct shared_key *key = keyring_find(k->ring, entry.id);
        const size_t index = key != NULL ? (size_t)(key - keyring_at(k->ring, 0)) : 0;
        if (key == NULL && keyuse_last_known(&entry) + FORGOTTEN_AFTER > unix_now)
            keyuse_write_entry(out, entry.id, entry.host, entry.used, entry.since);
        if (key != NULL && used[index] < entry.used)
            used[index] = entry.used;
        if (key != NULL && entry.since > 0)
            k->since[index] = entry.since;
    }
    for (size_t i = 0; i < k->count; i++) {
        if (k->since[i] == 0)
            k->since[i] = unix_now;
        keyuse_write_entry(out, keyring_at(k->ring, i)->id, keyring_at(k->ring, i)->host, used[i],
                k->since[i]);
    }
    free(used);
    return true;
}

/* Writes the file and waits until it is on the disk. */
static bool keyuse_write_file(struct keyuse *k, FILE *old, const char *path, uint64_t unix_now)
{
    unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = keyuse_write_all(k, old, out, unix_now) && (old == NULL || !ferror(old));
    ok = fflush(out) == 0 && !ferror(out) && ok && fsync(fd) == 0;
    return fclose(out) == 0 && ok;
}

bool keyuse_save(struct keyuse *k, const char *folder, uint64_t unix_now)
{
    char path[4096];
    char new_path[4096];

    snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    snprintf(new_path, sizeof new_path, "%s/" NEW_NAME, folder);
    /* Without what the old file says, older keys would be forgotten. A link is none of ours. */
    FILE *old = keyuse_open_file(folder);
    if (old == NULL && errno != ENOENT && errno != ELOOP)
        return false;
    const bool ok = keyuse_write_file(k, old, new_path, unix_now);
    const int error = errno;
    if (old != NULL)
        fclose(old);
    errno = error;
    return ok && rename(new_path, path) == 0 && disk_sync_folder(path);
}

void keyuse_show(const struct keyuse *k, struct counters *counters)
{
    size_t shown = 0;

    counters->keys_changed++;
    for (; shown < k->count && shown < COUNTERS_KEYS_MAX; shown++) {
        struct counter_key *key = &counters->keys[shown];
        snprintf(key->host, sizeof key->host, "%s", keyring_at(k->ring, shown)->host);
        sodium_bin2hex(key->id, sizeof key->id, keyring_at(k->ring, shown)->id, KEY_ID_OCTETS);
        key->since = k->since[shown];
    }
    for (; shown < COUNTERS_KEYS_MAX; shown++)
        counters->keys[shown].since = 0;
    counters->keys_changed++;
}

bool keyuse_find(const char *folder, const unsigned char id[KEY_ID_OCTETS], uint64_t *used_r,
        uint64_t *since_r)
{
    FILE *file = keyuse_open_file(folder);
    struct entry entry;

    *used_r = 0;
    *since_r = 0;
    if (file == NULL)
        return false;
    while (keyuse_next_entry(file, &entry)) {
        if (memcmp(entry.id, id, KEY_ID_OCTETS) != 0)
            continue;
        *used_r = entry.used;
        *since_r = entry.since;
    }
    fclose(file);
    return true;
}

static void keyuse_warn_of(const struct entry *entry, uint64_t until, struct problems *warnings)
{
    char hex[KEY_ID_OCTETS * 2 + 1];
    char value[DOMAIN_MAX + sizeof hex + 16];
    char expected[80];
    const time_t when = (time_t)until;
    struct tm tm;

    sodium_bin2hex(hex, sizeof hex, entry->id, sizeof entry->id);
    snprintf(value, sizeof value, "host %s, key id %s", entry->host, hex);
    gmtime_r(&when, &tm);
    strftime(expected, sizeof expected, "it to stay until %Y-%m-%d %H:%M:%S UTC", &tm);
    problems_add(warnings, 0, "warning: a key removed while its payloads are still good", value,
            expected);
}

void keyuse_warn(const struct keyring *ring, const char *folder, uint64_t lifetime,
        uint64_t unix_now, struct problems *warnings)
{
    FILE *file = keyuse_open_file(folder);
    struct entry entry;

    while (keyuse_next_entry(file, &entry))
        if (keyring_find(ring, entry.id) == NULL && entry.used > 0 && entry.used <= unix_now &&
                unix_now - entry.used <= lifetime + JUDGE_FUTURE)
            keyuse_warn_of(&entry, entry.used + lifetime + JUDGE_FUTURE, warnings);
    if (file != NULL)
        fclose(file);
}
