// SPDX-License-Identifier: ISC
#include "process/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Some machines forbid such files unless they can never be executed; older kernels do not know how
 * to say so. */
static int shared_memory_open(void)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    const int fd = memfd_create("verimail", flags | MFD_NOEXEC_SEAL);

    return fd >= 0 || errno != EINVAL ? fd : memfd_create("verimail", flags);
}

static bool shared_memory_map(int fd, size_t size, struct shared_memory *memory_r)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    *memory_r = (struct shared_memory){.at = at, .size = size, .fd = fd};
    return at != MAP_FAILED;
}

bool shared_memory_init(size_t size, struct shared_memory *memory_r)
{
    const int fd = shared_memory_open();

    if (fd < 0)
        return false;
    if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0 &&
            shared_memory_map(fd, size, memory_r))
        return true;
    const int error = errno;
    close(fd);
    errno = error;
    return false;
}

bool shared_memory_attach(int fd, size_t size, struct shared_memory *memory_r)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    if (seals < 0 || fstat(fd, &st) != 0)
        return false;
    if ((seals & SEALS) != SEALS || st.st_size != (off_t)size) {
        errno = EPROTO;
        return false;
    }
    return shared_memory_map(fd, size, memory_r);
}

void shared_memory_close_fd(struct shared_memory *memory)
{
    if (memory->fd >= 0)
        close(memory->fd);
    memory->fd = -1;
}

void shared_memory_free(struct shared_memory *memory)
{
    shared_memory_close_fd(memory);
    munmap(memory->at, memory->size);
}
