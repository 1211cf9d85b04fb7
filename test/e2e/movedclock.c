// SPDX-License-Identifier: ISC
// A wall clock that a test moves while a program runs (LD_PRELOAD). The environment's
// VERIMAIL_CLOCK names a file of eight octets, the seconds to add. It is mapped before anything
// else is done, so that processes in an empty root folder see it too. The monotonic clock stays.
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *offset;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void movedclock_begin(void)
{
    const char *path = getenv("VERIMAIL_CLOCK");
    const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (at == MAP_FAILED)
        err(EXIT_FAILURE, "VERIMAIL_CLOCK: %s", path != NULL ? path : "not set");
    close(fd);
    offset = at;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    if (real == NULL)
        errx(EXIT_FAILURE, "%s", dlerror());
}

int clock_gettime(clockid_t which, struct timespec *at_r)
{
    if (real == NULL)
        movedclock_begin();
    const int status = real(which, at_r);
    if (status == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        at_r->tv_sec += *offset;
    return status;
}

int gettimeofday(struct timeval *restrict at_r, void *restrict zone_r)
{
    struct timespec now;

    (void)zone_r;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    *at_r = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at_r)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return (time_t)-1;
    if (at_r != NULL)
        *at_r = now.tv_sec;
    return now.tv_sec;
}
