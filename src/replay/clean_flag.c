// SPDX-License-Identifier: ISC
#include "replay/clean_flag.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"

#define MAGIC "verimail-replay-2"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_MAX 40

struct content {
    char magic[sizeof MAGIC];
    char boot[BOOT_MAX];
    _Atomic uint32_t state;
    _Atomic uint32_t epoch;
    _Atomic uint32_t unsynced; /* not 0: a part of the store may not be on the disk */
    _Atomic uint64_t begun;
    _Atomic uint64_t latest;
};

struct clean_flag {
    int fd;
    char boot[BOOT_MAX]; /* this boot's */
    struct content *content;
    char path[];
};

/* False with errno. An id that cannot be read proves nothing: the store may well be of this boot.
 */
static bool clean_flag_read_boot(char boot_r[BOOT_MAX])
{
    const int fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);

    memset(boot_r, 0, BOOT_MAX);
    if (fd < 0)
        return false;
    const ssize_t got = read(fd, boot_r, BOOT_MAX - 1);
    const int error = got < 0 ? errno : EIO;
    close(fd);
    errno = error;
    return got > 0;
}

static bool clean_flag_is_zero(const struct content *content)
{
    return sodium_is_zero((const unsigned char *)content, sizeof *content);
}

static bool clean_flag_map(struct clean_flag *flag)
{
    void *at = mmap(NULL, sizeof *flag->content, PROT_READ | PROT_WRITE, MAP_SHARED, flag->fd, 0);

    if (at == MAP_FAILED)
        return false;
    flag->content = at;
    return true;
}

static bool clean_flag_is_well_formed(const struct content *content)
{
    return memcmp(content->magic, MAGIC, sizeof MAGIC) == 0 && content->state <= CLEAN_FLAG_DAMAGED;
}

/* Maps the file's content, and makes it if it is new. Call it under the lock. A process that dies
 * here leaves zeros, which count as new. */
static bool clean_flag_make_content(struct clean_flag *flag)
{
    struct stat st;

    if (fstat(flag->fd, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return false;
    }
    if (st.st_size != (off_t)sizeof *flag->content &&
            ftruncate(flag->fd, (off_t)sizeof *flag->content) != 0)
        return false;
    /* Allocates the blocks: writing to a mapping on a full disk would raise SIGBUS. */
    const int error = posix_fallocate(flag->fd, 0, (off_t)sizeof *flag->content);
    if (error != 0) {
        errno = error;
        return false;
    }
    if (!clean_flag_map(flag))
        return false;
    if (clean_flag_is_well_formed(flag->content))
        return true;
    const bool is_new = clean_flag_is_zero(flag->content);
    memset(flag->content, 0, sizeof *flag->content); /* times of chance would stop the counting */
    memcpy(flag->content->magic, MAGIC, sizeof MAGIC);
    flag->content->state = is_new ? CLEAN_FLAG_EMPTY : CLEAN_FLAG_DAMAGED;
    return true;
}

static struct clean_flag *clean_flag_make(const char *path, int flags)
{
    const size_t size = strlen(path) + 1;
    struct clean_flag *flag = calloc(1, sizeof *flag + size);

    if (flag == NULL)
        return NULL;
    memcpy(flag->path, path, size);
    flag->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
    if (flag->fd < 0) {
        const int error = errno;
        clean_flag_close(&flag);
        errno = error;
    }
    return flag;
}

struct clean_flag *clean_flag_open(const char *path, char error_r[CLEAN_FLAG_ERROR_MAX])
{
    struct clean_flag *flag = clean_flag_make(path, O_CREAT);
    const char *what = "";

    if (flag != NULL && clean_flag_lock(flag) && clean_flag_make_content(flag)) {
        if (clean_flag_read_boot(flag->boot))
            return flag;
        what = BOOT_FILE ": ";
    }
    snprintf(error_r, CLEAN_FLAG_ERROR_MAX, "%s%s", what, strerror(errno));
    clean_flag_close(&flag);
    return NULL;
}

struct clean_flag *clean_flag_attach(const char *path)
{
    struct clean_flag *flag = clean_flag_make(path, 0);
    struct stat st;

    if (flag == NULL)
        return NULL;
    bool done = fstat(flag->fd, &st) == 0;
    if (done && (!S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof *flag->content)) {
        errno = EINVAL;
        done = false;
    }
    if (done && clean_flag_map(flag))
        return flag;
    const int error = errno;
    clean_flag_close(&flag);
    errno = error;
    return NULL;
}

void clean_flag_close(struct clean_flag **flag)
{
    struct clean_flag *m = *flag;

    if (m == NULL)
        return;
    if (m->content != NULL)
        munmap(m->content, sizeof *m->content);
    if (m->fd >= 0)
        close(m->fd);
    free(m);
    *flag = NULL;
}

bool clean_flag_lock(struct clean_flag *flag)
{
    while (flock(flag->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

void clean_flag_unlock(struct clean_flag *flag)
{
    flock(flag->fd, LOCK_UN);
}

bool clean_flag_is_good(const struct clean_flag *flag)
{
    const struct content *c = flag->content;

    return c->state == CLEAN_FLAG_CLEAN ||
           (c->state == CLEAN_FLAG_IN_USE && memcmp(c->boot, flag->boot, BOOT_MAX) == 0);
}

bool clean_flag_sync(struct clean_flag *flag)
{
    return msync(flag->content, sizeof *flag->content, MS_SYNC) == 0 && fsync(flag->fd) == 0;
}

void clean_flag_begin(struct clean_flag *flag)
{
    flag->content->state = CLEAN_FLAG_BEGINNING;
}

void clean_flag_recreate(struct clean_flag *flag, uint64_t unix_now)
{
    struct content *c = flag->content;

    clean_flag_see(flag, unix_now);
    c->begun = c->latest;
    c->epoch++;
    c->unsynced = 0;
    c->state = CLEAN_FLAG_BEGINNING;
}

bool clean_flag_use(struct clean_flag *flag)
{
    struct content *c = flag->content;
    const uint32_t before = c->state;

    if (before == CLEAN_FLAG_IN_USE && memcmp(c->boot, flag->boot, BOOT_MAX) == 0 &&
            c->unsynced == 0)
        return true;
    memcpy(c->boot, flag->boot, BOOT_MAX);
    c->state = CLEAN_FLAG_IN_USE;
    if (clean_flag_sync(flag) && disk_sync_folder(flag->path))
        return true;
    c->state = before;
    return false;
}

bool clean_flag_set_clean(struct clean_flag *flag)
{
    struct content *c = flag->content;
    uint32_t open = CLEAN_FLAG_IN_USE;

    if (c->unsynced != 0) {
        errno = EIO;
        return false;
    }
    const bool was_open = atomic_compare_exchange_strong(&c->state, &open, CLEAN_FLAG_CLEAN);
    if (clean_flag_sync(flag))
        return true;
    /* What the disk says now is not known. */
    c->unsynced = 1;
    if (was_open)
        c->state = CLEAN_FLAG_IN_USE;
    return false;
}

enum clean_flag_state clean_flag_state(const struct clean_flag *flag)
{
    const uint32_t state = flag->content->state;

    return state < CLEAN_FLAG_DAMAGED ? (enum clean_flag_state)state : CLEAN_FLAG_DAMAGED;
}

uint32_t clean_flag_epoch(const struct clean_flag *flag)
{
    return flag->content->epoch;
}

uint64_t clean_flag_begun(const struct clean_flag *flag)
{
    return flag->content->begun;
}

bool clean_flag_is_removed(const struct clean_flag *flag)
{
    struct stat st;

    return fstat(flag->fd, &st) == 0 && st.st_nlink == 0;
}

void clean_flag_see(struct clean_flag *flag, uint64_t unix_now)
{
    uint64_t latest = flag->content->latest;

    while (latest < unix_now &&
            !atomic_compare_exchange_weak(&flag->content->latest, &latest, unix_now))
        ;
}

uint64_t clean_flag_latest(const struct clean_flag *flag)
{
    return flag->content->latest;
}

void clean_flag_set_unsynced(struct clean_flag *flag)
{
    flag->content->unsynced = 1;
}

void clean_flag_set_damaged(struct clean_flag *flag)
{
    flag->content->state = CLEAN_FLAG_DAMAGED;
}
