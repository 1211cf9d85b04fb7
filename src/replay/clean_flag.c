// SPDX-License-Identifier: ISC
#include "replay/clean_flag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "verimail-replay-1"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_MAX 40

struct content {
    char magic[sizeof MAGIC];
    char boot[BOOT_MAX];
    _Atomic uint32_t state;
    _Atomic uint32_t epoch;
    _Atomic uint64_t begun;
};

struct clean_flag {
    int fd;
    char boot[BOOT_MAX]; /* this boot's */
    struct content *content;
};

/* Reads the boot's id. If there is none, each start counts as a new boot. */
static void read_boot(char boot_r[BOOT_MAX])
{
    const int fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;

    memset(boot_r, 0, BOOT_MAX);
    if (fd < 0)
        return;
    got = read(fd, boot_r, BOOT_MAX - 1);
    if (got < 0)
        memset(boot_r, 0, BOOT_MAX);
    close(fd);
}

/* Maps the file's content, and makes it if it is new. Call it under the lock. */
static bool make_content(struct clean_flag *flag)
{
    struct stat st;

    if (fstat(flag->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    const bool is_empty = st.st_size == 0;
    if (st.st_size != (off_t)sizeof *flag->content &&
            ftruncate(flag->fd, (off_t)sizeof *flag->content) != 0)
        return false;
    /* Allocates the blocks: writing to a mapping on a full disk would raise SIGBUS. */
    const int error = posix_fallocate(flag->fd, 0, (off_t)sizeof *flag->content);
    if (error != 0) {
        errno = error;
        return false;
    }
    flag->content =
            mmap(NULL, sizeof *flag->content, PROT_READ | PROT_WRITE, MAP_SHARED, flag->fd, 0);
    if (flag->content == MAP_FAILED) {
        flag->content = NULL;
        return false;
    }
    const bool is_well_formed = memcmp(flag->content->magic, MAGIC, sizeof MAGIC) == 0 &&
                                flag->content->state <= CLEAN_FLAG_DAMAGED;
    if (is_empty || !is_well_formed) {
        memcpy(flag->content->magic, MAGIC, sizeof MAGIC);
        flag->content->state = is_empty ? CLEAN_FLAG_EMPTY : CLEAN_FLAG_DAMAGED;
    }
    return true;
}

struct clean_flag *clean_flag_open(const char *path)
{
    struct clean_flag *flag = calloc(1, sizeof *flag);

    if (flag == NULL)
        return NULL;
    read_boot(flag->boot);
    flag->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (flag->fd < 0 || !clean_flag_lock(flag) || !make_content(flag)) {
        const int error = errno;
        clean_flag_close(&flag);
        errno = error;
    }
    return flag;
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

    if (c->state == CLEAN_FLAG_CLEAN)
        return true;
    return c->state == CLEAN_FLAG_IN_USE && flag->boot[0] != '\0' &&
           memcmp(c->boot, flag->boot, BOOT_MAX) == 0;
}

static bool to_disk(struct clean_flag *flag)
{
    return msync(flag->content, sizeof *flag->content, MS_SYNC) == 0 && fsync(flag->fd) == 0;
}

bool clean_flag_use(struct clean_flag *flag)
{
    struct content *c = flag->content;
    char boot[BOOT_MAX];

    memcpy(boot, flag->boot, BOOT_MAX);
    if (boot[0] == '\0')
        boot[0] = '?'; /* an unknown boot, equal to no other */
    if (c->state == CLEAN_FLAG_IN_USE && memcmp(c->boot, boot, BOOT_MAX) == 0)
        return true;
    const uint32_t before = c->state;
    memcpy(c->boot, boot, BOOT_MAX);
    c->state = CLEAN_FLAG_IN_USE;
    if (to_disk(flag))
        return true;
    c->state = before;
    return false;
}

void clean_flag_recreate(struct clean_flag *flag, uint64_t unix_now)
{
    flag->content->begun = unix_now;
    flag->content->epoch++;
    flag->content->state = CLEAN_FLAG_EMPTY;
}

bool clean_flag_set_clean(struct clean_flag *flag)
{
    uint32_t open = CLEAN_FLAG_IN_USE;

    (void)atomic_compare_exchange_strong(&flag->content->state, &open, CLEAN_FLAG_CLEAN);
    return to_disk(flag);
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

void clean_flag_set_damaged(struct clean_flag *flag)
{
    flag->content->state = CLEAN_FLAG_DAMAGED;
}
