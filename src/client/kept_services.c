// SPDX-License-Identifier: ISC
#include "client/kept_services.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/log.h"
#include "client/lru.h"

#define CHECK 16
#define MAGIC "verimail services 1\n"
#define SEEN_EVERY 60 /* seconds after which a domain that is still the same is written again */
#define PATH_OCTETS 4096

/* Records are of this machine alone: its order of octets. */
struct record {
    unsigned char check[CHECK];
    uint64_t seen; /* 0: the record is empty */
    char domain[DOMAIN_MAX + 1];
    uint8_t secure;
    uint8_t policy_secure;
    uint8_t policy_result;
    uint8_t has_key;
    uint8_t defer;
    uint8_t count;
    unsigned char key[KEY_OCTETS];
    struct {
        uint8_t is_v6;
        unsigned char port[2];
        unsigned char address[16];
    } servers[DISCOVERY_ADDRESSES_MAX];
};

struct head {
    char magic[24]; /* without padding behind it */
    uint32_t record_size;
    uint32_t count;
};

struct content {
    struct head head;
    struct record records[];
};

struct kept_services {
    pthread_mutex_t lock;
    struct lru *domains; /* values are struct slot */
    size_t max;
    uint32_t *free; /* numbers of records that are empty */
    size_t free_count;
    struct content *content; /* mapped */
    int fd;                  /* of the file, which is locked; -1: none */
};

struct slot {
    struct kept_services *kept;
    uint32_t number;
};

static void kept_services_check(const struct record *record, unsigned char check_r[CHECK])
{
    (void)crypto_generichash(
            check_r, CHECK, (const unsigned char *)record + CHECK, sizeof *record - CHECK, NULL, 0);
}

/* What is in a record */

static void record_put_server(
        struct record *record, size_t i, const struct discovery_server *server)
{
    const struct endpoint *endpoint = &server->endpoint;

    record->servers[i].is_v6 = endpoint->address.any.sa_family == AF_INET6;
    if (record->servers[i].is_v6) {
        memcpy(record->servers[i].port, &endpoint->address.v6.sin6_port, 2);
        memcpy(record->servers[i].address, &endpoint->address.v6.sin6_addr, 16);
    } else {
        memcpy(record->servers[i].port, &endpoint->address.v4.sin_port, 2);
        memcpy(record->servers[i].address, &endpoint->address.v4.sin_addr, 4);
    }
}

static struct endpoint record_server(const struct record *record, size_t i)
{
    struct endpoint endpoint = {0};

    if (record->servers[i].is_v6) {
        endpoint.address.v6.sin6_family = AF_INET6;
        memcpy(&endpoint.address.v6.sin6_port, record->servers[i].port, 2);
        memcpy(&endpoint.address.v6.sin6_addr, record->servers[i].address, 16);
        endpoint.len = sizeof endpoint.address.v6;
    } else {
        endpoint.address.v4.sin_family = AF_INET;
        memcpy(&endpoint.address.v4.sin_port, record->servers[i].port, 2);
        memcpy(&endpoint.address.v4.sin_addr, record->servers[i].address, 4);
        endpoint.len = sizeof endpoint.address.v4;
    }
    return endpoint;
}

/* All of it is set, padding too: the check is over octets. */
static void record_fill(
        struct record *record_r, const struct discovery_answer *answer, uint64_t now)
{
    memset(record_r, 0, sizeof *record_r);
    record_r->seen = now;
    (void)snprintf(record_r->domain, sizeof record_r->domain, "%s", answer->domain);
    record_r->secure = answer->secure;
    record_r->policy_secure = answer->policy_secure;
    record_r->policy_result = (uint8_t)answer->policy_result;
    record_r->has_key = answer->policy.has_key;
    record_r->defer = answer->policy.defer;
    memcpy(record_r->key, answer->policy.key, KEY_OCTETS);
    for (size_t i = 0; i < answer->count; i++)
        record_put_server(record_r, i, &answer->servers[i]);
    record_r->count = (uint8_t)answer->count;
    kept_services_check(record_r, record_r->check);
}

static void record_read(const struct record *record, struct discovery_answer *answer_r)
{
    *answer_r = (struct discovery_answer){.result = DISCOVERY_FOUND,
            .is_kept = true,
            .secure = record->secure,
            .policy_secure = record->policy_secure,
            .policy_result = (enum policy_record_result)record->policy_result,
            .policy = {.has_key = record->has_key, .defer = record->defer},
            .count = record->count};
    memcpy(answer_r->domain, record->domain, sizeof answer_r->domain);
    memcpy(answer_r->policy.key, record->key, KEY_OCTETS);
    for (size_t i = 0; i < record->count; i++)
        answer_r->servers[i].endpoint = record_server(record, i);
}

/* Whether it is one that record_fill() wrote. */
static bool record_is_whole(const struct record *record)
{
    unsigned char check[CHECK];

    kept_services_check(record, check);
    return memcmp(check, record->check, CHECK) == 0 && record->count >= 1 &&
           record->count <= DISCOVERY_ADDRESSES_MAX &&
           record->policy_result <= POLICY_RECORD_OUTAGE &&
           memchr(record->domain, '\0', sizeof record->domain) != NULL && record->domain[0] != '\0';
}

/* The file */

static size_t kept_services_size(size_t max)
{
    return sizeof(struct content) + max * sizeof(struct record);
}

static bool kept_services_map(struct kept_services *kept, int fd)
{
    void *at = mmap(NULL, kept_services_size(kept->max), PROT_READ | PROT_WRITE,
            fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);

    if (at == MAP_FAILED)
        return false;
    kept->content = at;
    kept->fd = fd;
    return true;
}

static struct head kept_services_head(size_t max)
{
    return (struct head){
            .magic = MAGIC, .record_size = (uint32_t)sizeof(struct record), .count = (uint32_t)max};
}

/* Makes the file: it appears under its name when it is whole. Its blocks are on the disk, so that
 * writing to the map cannot fail. -1 with errno. */
static int kept_services_make_file(const char *path, size_t max)
{
    char new_path[PATH_OCTETS + 8];
    const struct head head = kept_services_head(max);

    (void)snprintf(new_path, sizeof new_path, "%s.new", path);
    (void)unlink(new_path);
    const int fd = open(new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int error = posix_fallocate(fd, 0, (off_t)kept_services_size(max));
    if (error == 0 && (pwrite(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
                              fsync(fd) != 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ||
                              rename(new_path, path) != 0 || !disk_sync_folder(path)))
        error = errno;
    if (error == 0)
        return fd;
    (void)unlink(new_path);
    close(fd);
    errno = error;
    return -1;
}

/* Whether the open file is one of ours. A file with another name is somebody else's. */
static bool kept_services_is_ours(int fd, size_t max)
{
    const struct head want = kept_services_head(max);
    struct head head;
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
           st.st_size == (off_t)kept_services_size(max) &&
           pread(fd, &head, sizeof head, 0) == (ssize_t)sizeof head &&
           memcmp(&head, &want, sizeof head) == 0;
}

static void kept_services_set_aside(const char *path)
{
    char aside[PATH_OCTETS + 16];

    (void)snprintf(aside, sizeof aside, "%s.damaged", path);
    (void)!rename(path, aside);
    log_event(LOG_LEVEL_WARNING, "kept-services-damaged", "set_aside", aside);
}

/* -1 with errno: the file cannot be used. */
static int kept_services_open_file(const char *path, size_t max)
{
    /* The folder may belong to the daemon's user: no link in it is followed. */
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno != ENOENT && errno != ELOOP)
        return -1;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        errno = EBUSY;
        return -1;
    }
    if (fd >= 0 && kept_services_is_ours(fd, max))
        return fd;
    if (fd >= 0) {
        close(fd);
        kept_services_set_aside(path);
    }
    return kept_services_make_file(path, max);
}

static bool kept_services_open(struct kept_services *kept, const char *path)
{
    if (path == NULL)
        return kept_services_map(kept, -1);
    const int fd = kept_services_open_file(path, kept->max);
    if (fd < 0)
        log_errno(LOG_LEVEL_WARNING, "kept-services-not-saved", "path", path);
    if (kept_services_map(kept, fd))
        return true;
    if (fd >= 0)
        close(fd);
    return false;
}

/* The table */

static bool kept_services_add(struct kept_services *kept, uint32_t number)
{
    struct slot *slot = lru_add(kept->domains, text_of(kept->content->records[number].domain));

    if (slot == NULL)
        return false;
    *slot = (struct slot){kept, number};
    return true;
}

static void kept_services_empty(struct kept_services *kept, uint32_t number)
{
    kept->content->records[number].seen = 0;
    kept->free[kept->free_count++] = number;
}

/* For lru_make_room(), which drops it then. */
static bool slot_may_go(void *value, const void *context)
{
    struct slot *slot = value;

    (void)context;
    kept_services_empty(slot->kept, slot->number);
    return true;
}

static int record_by_age(const void *a, const void *b)
{
    const uint64_t left = (*(struct record *const *)a)->seen;
    const uint64_t right = (*(struct record *const *)b)->seen;

    return left < right ? -1 : left > right;
}

/* Those that were seen first are added first, and so go first. */
static bool kept_services_load(struct kept_services *kept, uint64_t now)
{
    struct record **found = calloc(kept->max, sizeof(struct record *));
    size_t count = 0;
    size_t damaged = 0;

    if (found == NULL)
        return false;
    for (size_t i = kept->max; i-- > 0;) {
        struct record *record = &kept->content->records[i];
        const bool is_whole = record->seen != 0 && record_is_whole(record);
        damaged += record->seen != 0 && !is_whole;
        if (is_whole)
            found[count++] = record;
        else
            kept_services_empty(kept, (uint32_t)i);
    }
    qsort(found, count, sizeof(struct record *), record_by_age);
    for (size_t i = 0; i < count; i++) {
        const uint32_t number = (uint32_t)(found[i] - kept->content->records);
        if (found[i]->seen > now) /* the clock was wrong once */
            found[i]->seen = now;
        if (lru_find(kept->domains, text_of(found[i]->domain)) != NULL ||
                !kept_services_add(kept, number))
            kept_services_empty(kept, number);
        else
            kept_services_check(found[i], found[i]->check);
    }
    free(found);
    if (damaged > 0) {
        struct log_line line;
        log_begin(&line, LOG_LEVEL_WARNING, "kept-services-damaged");
        log_number(&line, "dropped", damaged);
        log_end(&line);
    }
    return true;
}

struct kept_services *kept_services_init(const char *path, size_t max, uint64_t now)
{
    struct kept_services *kept = calloc(1, sizeof *kept);

    if (kept == NULL)
        return NULL;
    kept->max = max;
    kept->fd = -1;
    pthread_mutex_init(&kept->lock, NULL);
    kept->domains = lru_init(max, sizeof(struct slot));
    kept->free = calloc(max, sizeof *kept->free);
    if (kept->domains == NULL || kept->free == NULL || !kept_services_open(kept, path) ||
            !kept_services_load(kept, now))
        kept_services_free(&kept);
    return kept;
}

void kept_services_free(struct kept_services **kept)
{
    struct kept_services *k = *kept;

    if (k == NULL)
        return;
    if (k->content != NULL)
        (void)munmap(k->content, kept_services_size(k->max));
    if (k->fd >= 0)
        close(k->fd);
    lru_free(&k->domains);
    free(k->free);
    pthread_mutex_destroy(&k->lock);
    free(k);
    *kept = NULL;
}

/* The record to write to, which is of this domain, or empty; NULL when out of memory. */
static struct record *kept_services_place(struct kept_services *kept, const char *domain)
{
    const struct slot *slot = lru_use(kept->domains, text_of(domain));

    if (slot != NULL)
        return &kept->content->records[slot->number];
    if (!lru_make_room(kept->domains, 1, slot_may_go, NULL))
        return NULL;
    const uint32_t number = kept->free[kept->free_count - 1];
    struct record *record = &kept->content->records[number];
    memset(record, 0, sizeof *record);
    (void)snprintf(record->domain, sizeof record->domain, "%s", domain);
    if (!kept_services_add(kept, number))
        return NULL;
    kept->free_count--;
    return record;
}

/* Whether nothing has changed but the time, and that by little. */
static bool record_says(const struct record *record, const struct record *other)
{
    const size_t behind = offsetof(struct record, domain);

    return record->seen <= other->seen && other->seen - record->seen < SEEN_EVERY &&
           memcmp((const unsigned char *)record + behind, (const unsigned char *)other + behind,
                   sizeof *record - behind) == 0;
}

void kept_services_put(
        struct kept_services *kept, const struct discovery_answer *answer, uint64_t now)
{
    struct record made;

    record_fill(&made, answer, now);
    pthread_mutex_lock(&kept->lock);
    struct record *record = kept_services_place(kept, answer->domain);
    if (record != NULL && !record_says(record, &made))
        memcpy(record, &made, sizeof made);
    pthread_mutex_unlock(&kept->lock);
}

bool kept_services_get(struct kept_services *kept, struct text domain, uint64_t now,
        struct discovery_answer *answer_r)
{
    pthread_mutex_lock(&kept->lock);
    const struct slot *slot = lru_use(kept->domains, domain);
    const struct record *record = slot != NULL ? &kept->content->records[slot->number] : NULL;
    const bool found =
            record != NULL && (now <= record->seen || now - record->seen <= KEPT_SERVICES_SECONDS);
    if (found)
        record_read(record, answer_r);
    pthread_mutex_unlock(&kept->lock);
    return found;
}

void kept_services_stand_in(struct kept_services *kept, struct text organization, uint64_t now,
        struct discovery_answer *answer)
{
    struct discovery_answer found;

    if (kept_services_get(kept, text_of(answer->domain), now, &found))
        *answer = found;
    else if (kept_services_get(kept, organization, now, &found))
        answer->policy.defer = answer->policy.defer || found.policy.defer;
}

void kept_services_drop(struct kept_services *kept, struct text domain)
{
    pthread_mutex_lock(&kept->lock);
    struct slot *slot = lru_find(kept->domains, domain);
    if (slot != NULL) {
        kept_services_empty(kept, slot->number);
        lru_drop(kept->domains, slot);
    }
    pthread_mutex_unlock(&kept->lock);
}
