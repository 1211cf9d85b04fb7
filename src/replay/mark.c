// SPDX-License-Identifier: ISC
#include "replay/mark.h"

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

struct mark {
    int fd;
    char boot[BOOT_MAX]; /* this boot's */
    struct content *content;
};

/* Without one, every start is that of another boot. */
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

static bool mark_is_well_formed(const struct content *c)
{
    return memcmp(c->magic, MAGIC, sizeof c->magic) == 0 && c->state <= MARK_DAMAGED;
}

/* Under the lock. */
static bool make_content(struct mark *mark)
{
    struct stat st;

    if (fstat(mark->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    const bool is_empty = st.st_size == 0;
    if (st.st_size != (off_t)sizeof *mark->content &&
            ftruncate(mark->fd, (off_t)sizeof *mark->content) != 0)
        return false;
    /* Blocks that are there: writing into a mapping of a full disk is a signal. */
    const int error = posix_fallocate(mark->fd, 0, (off_t)sizeof *mark->content);
    if (error != 0) {
        errno = error;
        return false;
    }
    mark->content =
            mmap(NULL, sizeof *mark->content, PROT_READ | PROT_WRITE, MAP_SHARED, mark->fd, 0);
    if (mark->content == MAP_FAILED) {
        mark->content = NULL;
        return false;
    }
    if (is_empty || !mark_is_well_formed(mark->content)) {
        memcpy(mark->content->magic, MAGIC, sizeof MAGIC);
        mark->content->state = is_empty ? MARK_EMPTY : MARK_DAMAGED;
    }
    return true;
}

struct mark *mark_open(const char *path)
{
    struct mark *mark = calloc(1, sizeof *mark);

    if (mark == NULL)
        return NULL;
    read_boot(mark->boot);
    mark->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (mark->fd < 0 || !mark_lock(mark) || !make_content(mark)) {
        const int error = errno;
        mark_close(&mark);
        errno = error;
    }
    return mark;
}

void mark_close(struct mark **mark)
{
    struct mark *m = *mark;

    if (m == NULL)
        return;
    if (m->content != NULL)
        munmap(m->content, sizeof *m->content);
    if (m->fd >= 0)
        close(m->fd);
    free(m);
    *mark = NULL;
}

bool mark_lock(struct mark *mark)
{
    while (flock(mark->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

void mark_unlock(struct mark *mark)
{
    flock(mark->fd, LOCK_UN);
}

bool mark_is_good(const struct mark *mark)
{
    const struct content *c = mark->content;

    if (c->state == MARK_WHOLE)
        return true;
    return c->state == MARK_OPEN && mark->boot[0] != '\0' &&
           memcmp(c->boot, mark->boot, BOOT_MAX) == 0;
}

static bool to_disk(struct mark *mark)
{
    return msync(mark->content, sizeof *mark->content, MS_SYNC) == 0 && fsync(mark->fd) == 0;
}

bool mark_use(struct mark *mark)
{
    struct content *c = mark->content;
    char boot[BOOT_MAX];

    memcpy(boot, mark->boot, BOOT_MAX);
    if (boot[0] == '\0')
        boot[0] = '?'; /* some boot, which no other is */
    if (c->state == MARK_OPEN && memcmp(c->boot, boot, BOOT_MAX) == 0)
        return true;
    const uint32_t before = c->state;
    memcpy(c->boot, boot, BOOT_MAX);
    c->state = MARK_OPEN;
    if (to_disk(mark))
        return true;
    c->state = before;
    return false;
}

void mark_begin_anew(struct mark *mark, uint64_t today)
{
    mark->content->begun = today;
    mark->content->epoch++;
    mark->content->state = MARK_EMPTY;
}

bool mark_make_whole(struct mark *mark)
{
    uint32_t open = MARK_OPEN;

    (void)atomic_compare_exchange_strong(&mark->content->state, &open, MARK_WHOLE);
    return to_disk(mark);
}

enum mark_state mark_state(const struct mark *mark)
{
    const uint32_t state = mark->content->state;

    return state < MARK_DAMAGED ? (enum mark_state)state : MARK_DAMAGED;
}

uint32_t mark_epoch(const struct mark *mark)
{
    return mark->content->epoch;
}

uint64_t mark_begun(const struct mark *mark)
{
    return mark->content->begun;
}

bool mark_is_removed(const struct mark *mark)
{
    struct stat st;

    return fstat(mark->fd, &st) == 0 && st.st_nlink == 0;
}

void mark_set_damaged(struct mark *mark)
{
    mark->content->state = MARK_DAMAGED;
}
