// SPDX-License-Identifier: ISC
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each kind, and the errno that its calls fail with. */
#define KINDS(KIND)                                                                                \
    KIND(accept4, EMFILE)                                                                          \
    KIND(bind, EADDRINUSE)                                                                         \
    KIND(chown, EPERM)                                                                             \
    KIND(chroot, EPERM)                                                                            \
    KIND(connect, ECONNREFUSED)                                                                    \
    KIND(dup, EMFILE)                                                                              \
    KIND(epoll_create1, EMFILE)                                                                    \
    KIND(epoll_ctl, ENOMEM)                                                                        \
    KIND(epoll_wait, EINTR)                                                                        \
    KIND(fallocate, ENOSPC)                                                                        \
    KIND(fchdir, EACCES)                                                                           \
    KIND(fcntl, EMFILE)                                                                            \
    KIND(fdatasync, EIO)                                                                           \
    KIND(flock, ENOLCK)                                                                            \
    KIND(fopen, EMFILE)                                                                            \
    KIND(fork, EAGAIN)                                                                             \
    KIND(fstat, EIO)                                                                               \
    KIND(fsync, EIO)                                                                               \
    KIND(ftruncate, ENOSPC)                                                                        \
    KIND(getsockopt, ENOBUFS)                                                                      \
    KIND(listen, EADDRINUSE)                                                                       \
    KIND(lseek, EIO)                                                                               \
    KIND(malloc, ENOMEM)                                                                           \
    KIND(mkdir, ENOSPC)                                                                            \
    KIND(mmap, ENOMEM)                                                                             \
    KIND(mprotect, ENOMEM)                                                                         \
    KIND(msync, EIO)                                                                               \
    KIND(open, EMFILE)                                                                             \
    KIND(pipe2, EMFILE)                                                                            \
    KIND(poll, EINTR)                                                                              \
    KIND(posix_fallocate, ENOSPC)                                                                  \
    KIND(prctl, EPERM)                                                                             \
    KIND(pread, EIO)                                                                               \
    KIND(pthread_create, EAGAIN)                                                                   \
    KIND(pwrite, ENOSPC)                                                                           \
    KIND(read, EIO)                                                                                \
    KIND(recv, ENOMEM)                                                                             \
    KIND(recvmsg, ENOMEM)                                                                          \
    KIND(rename, ENOSPC)                                                                           \
    KIND(send, ENOBUFS)                                                                            \
    KIND(sendmsg, ENOBUFS)                                                                         \
    KIND(setegid, EAGAIN)                                                                          \
    KIND(seteuid, EAGAIN)                                                                          \
    KIND(setgroups, ENOMEM)                                                                        \
    KIND(setresgid, EAGAIN)                                                                        \
    KIND(setresuid, EAGAIN)                                                                        \
    KIND(setrlimit, EPERM)                                                                         \
    KIND(setsockopt, ENOMEM)                                                                       \
    KIND(signalfd, EMFILE)                                                                         \
    KIND(socket, EMFILE)                                                                           \
    KIND(socketpair, EMFILE)                                                                       \
    KIND(stat, EACCES)                                                                             \
    KIND(timerfd_create, EMFILE)                                                                   \
    KIND(timerfd_settime, EINVAL)                                                                  \
    KIND(unlink, EACCES)                                                                           \
    KIND(waitpid, EINTR)                                                                           \
    KIND(write, ENOSPC)                                                                            \
    KIND(writev, ENOSPC)

#define KIND_NUMBER(kind, error) KIND_##kind,
#define KIND_NAME(kind, error) #kind,
#define KIND_ERROR(kind, error) [KIND_##kind] = (error),
enum { KINDS(KIND_NUMBER) KINDS_COUNT };
_Static_assert((int)KINDS_COUNT <= FAULT_KINDS_MAX, "there is no room for all kinds");
const char *const fault_kinds[] = {KINDS(KIND_NAME) NULL};
static const int errors[] = {KINDS(KIND_ERROR)};

static struct fault_state own = {.kind = FAULT_NONE};
static struct fault_state *state = &own;
static bool is_ending; /* this process; the state is that of all */

__attribute__((constructor)) static void fault_begin(void)
{
    const char *path = getenv("VERIMAIL_FAULT");

    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    /* Processes that are forked share it, too. */
    void *at = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE,
            path != NULL ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS, fd, 0);
    if (at == MAP_FAILED)
        abort();
    if (fd >= 0)
        close(fd);
    else
        ((struct fault_state *)at)->kind = FAULT_NONE;
    state = at;
}

static void fault_set(const char *kind, uint32_t left, uint32_t stays, const char *path)
{
    uint32_t number = 0;

    while (number < KINDS_COUNT && strcmp(fault_kinds[number], kind) != 0)
        number++;
    if (number == KINDS_COUNT)
        abort();
    state->kind = FAULT_NONE;
    snprintf(state->path, sizeof state->path, "%s", path);
    state->left = left;
    state->stays = stays;
    state->met = 0;
    state->seen = 0;
    state->kind = number;
}

void fault_once(const char *kind, uint32_t n)
{
    fault_set(kind, n, 0, "");
}

void fault_always(const char *kind, const char *path)
{
    fault_set(kind, 1, 1, path);
}

uint32_t fault_end(void)
{
    state->kind = FAULT_NONE;
    return state->met;
}

static bool fault_is_about(const char *path)
{
    const size_t len = strlen(state->path);
    const size_t path_len = path != NULL ? strlen(path) : 0;

    return path_len >= len && (len == 0 || memcmp(path + path_len - len, state->path, len) == 0);
}

/* Whether this call is to fail. `errno` is then what it fails with. */
static bool fault_is_met(uint32_t kind, const char *path)
{
    state->calls[kind]++;
    if (is_ending || state->kind != kind || !fault_is_about(path))
        return false;
    state->seen++;
    uint32_t left = state->left;
    while (left > 0 && !atomic_compare_exchange_weak(&state->left, &left, left - 1))
        ;
    if (left != 1 && !(left == 0 && state->stays != 0))
        return false;
    state->met++;
    errno = errors[kind];
    return true;
}

/* `about`: the path that the call names, or NULL. */
#define CALL(type, kind, name, about, failed, parameters, arguments)                               \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
                                                                                                   \
        if (fault_is_met(KIND_##kind, about))                                                      \
            return failed;                                                                         \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        return real arguments;                                                                     \
    }

/* The mode is there when a file may be made. */
#define CALL_OPEN(name)                                                                            \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        static int (*real)(const char *, int, ...);                                                \
        va_list rest;                                                                              \
                                                                                                   \
        if (fault_is_met(KIND_open, path))                                                         \
            return -1;                                                                             \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        va_start(rest, flags);                                                                     \
        const int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0;             \
        va_end(rest);                                                                              \
        return real(path, flags, mode);                                                            \
    }

CALL_OPEN(open)
CALL_OPEN(open64)

/* A sanitizer looks through /proc, and traces the process, to find its leaks. So with one a
 * daemon's process is in no sandbox. NULL without such a sanitizer. */
typedef int find_leaks(void);
static find_leaks *fault_sanitizer(void)
{
    find_leaks *at = NULL;

#ifdef FAULT_ALLOCATIONS
    *(void **)&at = dlsym(RTLD_DEFAULT, "__lsan_do_recoverable_leak_check");
#endif
    return at;
}

int chroot(const char *path)
{
    static int (*real)(const char *);

    if (fault_is_met(KIND_chroot, path))
        return -1;
    if (fault_sanitizer() != NULL)
        return 0;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "chroot");
    return real(path);
}

int fcntl64(int fd, int command, ...)
{
    static int (*real)(int, int, ...);
    va_list rest;

    if (fault_is_met(KIND_fcntl, NULL))
        return -1;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fcntl64");
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return real(fd, command, argument);
}

int prctl(int option, ...)
{
    static int (*real)(int, ...);
    unsigned long arguments[4];
    va_list rest;

    if (fault_is_met(KIND_prctl, NULL))
        return -1;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "prctl");
    va_start(rest, option);
    for (int i = 0; i < 4; i++)
        arguments[i] = va_arg(rest, unsigned long);
    va_end(rest);
    return real(option, arguments[0], arguments[1], arguments[2], arguments[3]);
}

CALL(int, accept4, accept4, NULL, -1,
        (int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags),
        (fd, address, size, flags))
CALL(int, bind, bind, NULL, -1, (int fd, const struct sockaddr *address, socklen_t size),
        (fd, address, size))
CALL(int, chown, chown, path, -1, (const char *path, uid_t uid, gid_t gid), (path, uid, gid))
CALL(int, connect, connect, NULL, -1, (int fd, const struct sockaddr *address, socklen_t size),
        (fd, address, size))
CALL(int, dup, dup, NULL, -1, (int fd), (fd))
CALL(int, epoll_create1, epoll_create1, NULL, -1, (int flags), (flags))
CALL(int, epoll_ctl, epoll_ctl, NULL, -1, (int epoll, int what, int fd, struct epoll_event *event),
        (epoll, what, fd, event))
CALL(int, epoll_wait, epoll_wait, NULL, -1,
        (int epoll, struct epoll_event *events, int most, int timeout),
        (epoll, events, most, timeout))
CALL(int, fallocate, fallocate, NULL, -1, (int fd, int mode, off_t at, off_t len),
        (fd, mode, at, len))
CALL(int, fallocate, fallocate64, NULL, -1, (int fd, int mode, off64_t at, off64_t len),
        (fd, mode, at, len))
CALL(int, fchdir, fchdir, NULL, -1, (int fd), (fd))
CALL(int, fdatasync, fdatasync, NULL, -1, (int fd), (fd))
CALL(int, flock, flock, NULL, -1, (int fd, int operation), (fd, operation))
CALL(FILE *, fopen, fopen, path, NULL, (const char *restrict path, const char *restrict mode),
        (path, mode))
CALL(FILE *, fopen, fopen64, path, NULL, (const char *restrict path, const char *restrict mode),
        (path, mode))
CALL(pid_t, fork, fork, NULL, -1, (void), ())
CALL(int, fstat, fstat, NULL, -1, (int fd, struct stat *about), (fd, about))
CALL(int, fstat, fstat64, NULL, -1, (int fd, struct stat64 *about), (fd, about))
CALL(int, fsync, fsync, NULL, -1, (int fd), (fd))
CALL(int, ftruncate, ftruncate, NULL, -1, (int fd, off_t len), (fd, len))
CALL(int, ftruncate, ftruncate64, NULL, -1, (int fd, off64_t len), (fd, len))
CALL(int, getsockopt, getsockopt, NULL, -1,
        (int fd, int level, int name, void *restrict value, socklen_t *restrict size),
        (fd, level, name, value, size))
CALL(int, listen, listen, NULL, -1, (int fd, int queue), (fd, queue))
CALL(off_t, lseek, lseek, NULL, -1, (int fd, off_t at, int from), (fd, at, from))
CALL(off64_t, lseek, lseek64, NULL, -1, (int fd, off64_t at, int from), (fd, at, from))
CALL(int, mkdir, mkdir, path, -1, (const char *path, mode_t mode), (path, mode))
CALL(void *, mmap, mmap, NULL, MAP_FAILED,
        (void *at, size_t len, int protection, int flags, int fd, off_t from),
        (at, len, protection, flags, fd, from))
CALL(void *, mmap, mmap64, NULL, MAP_FAILED,
        (void *at, size_t len, int protection, int flags, int fd, off64_t from),
        (at, len, protection, flags, fd, from))
CALL(int, mprotect, mprotect, NULL, -1, (void *at, size_t len, int protection),
        (at, len, protection))
CALL(int, msync, msync, NULL, -1, (void *at, size_t len, int flags), (at, len, flags))
CALL(int, pipe2, pipe2, NULL, -1, (int ends[2], int flags), (ends, flags))
CALL(int, poll, poll, NULL, -1, (struct pollfd * fds, nfds_t count, int timeout),
        (fds, count, timeout))
CALL(int, posix_fallocate, posix_fallocate, NULL, errno, (int fd, off_t at, off_t len),
        (fd, at, len))
CALL(int, posix_fallocate, posix_fallocate64, NULL, errno, (int fd, off64_t at, off64_t len),
        (fd, at, len))
CALL(ssize_t, pread, pread, NULL, -1, (int fd, void *buffer, size_t size, off_t at),
        (fd, buffer, size, at))
CALL(ssize_t, pread, pread64, NULL, -1, (int fd, void *buffer, size_t size, off64_t at),
        (fd, buffer, size, at))
CALL(int, pthread_create, pthread_create, NULL, errno,
        (pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                void *(*start)(void *), void *restrict argument),
        (thread, attributes, start, argument))
CALL(ssize_t, pwrite, pwrite, NULL, -1, (int fd, const void *buffer, size_t size, off_t at),
        (fd, buffer, size, at))
CALL(ssize_t, pwrite, pwrite64, NULL, -1, (int fd, const void *buffer, size_t size, off64_t at),
        (fd, buffer, size, at))
CALL(ssize_t, read, read, NULL, -1, (int fd, void *buffer, size_t size), (fd, buffer, size))
CALL(ssize_t, recv, recv, NULL, -1, (int fd, void *buffer, size_t size, int flags),
        (fd, buffer, size, flags))
CALL(ssize_t, recvmsg, recvmsg, NULL, -1, (int fd, struct msghdr *message, int flags),
        (fd, message, flags))
CALL(int, rename, rename, to, -1, (const char *from, const char *to), (from, to))
CALL(ssize_t, send, send, NULL, -1, (int fd, const void *buffer, size_t size, int flags),
        (fd, buffer, size, flags))
CALL(ssize_t, sendmsg, sendmsg, NULL, -1, (int fd, const struct msghdr *message, int flags),
        (fd, message, flags))
CALL(int, setegid, setegid, NULL, -1, (gid_t gid), (gid))
CALL(int, seteuid, seteuid, NULL, -1, (uid_t uid), (uid))
CALL(int, setgroups, setgroups, NULL, -1, (size_t count, const gid_t *groups), (count, groups))
CALL(int, setresgid, setresgid, NULL, -1, (gid_t real_gid, gid_t effective, gid_t saved),
        (real_gid, effective, saved))
CALL(int, setresuid, setresuid, NULL, -1, (uid_t real_uid, uid_t effective, uid_t saved),
        (real_uid, effective, saved))
/* A limit of no processes is part of the sandbox. */
#define CALL_SETRLIMIT(name, limit_type)                                                           \
    int name(__rlimit_resource_t resource, const struct limit_type *limit)                         \
    {                                                                                              \
        static int (*real)(__rlimit_resource_t, const struct limit_type *);                        \
                                                                                                   \
        if (fault_is_met(KIND_setrlimit, NULL))                                                    \
            return -1;                                                                             \
        if (resource == RLIMIT_NPROC && fault_sanitizer() != NULL)                                 \
            return 0;                                                                              \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        return real(resource, limit);                                                              \
    }

CALL_SETRLIMIT(setrlimit, rlimit)
CALL_SETRLIMIT(setrlimit64, rlimit64)
CALL(int, setsockopt, setsockopt, NULL, -1,
        (int fd, int level, int name, const void *value, socklen_t size),
        (fd, level, name, value, size))
CALL(int, signalfd, signalfd, NULL, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(int, socket, socket, NULL, -1, (int family, int type, int protocol), (family, type, protocol))
CALL(int, socketpair, socketpair, NULL, -1, (int family, int type, int protocol, int pair[2]),
        (family, type, protocol, pair))
CALL(int, stat, stat, path, -1, (const char *restrict path, struct stat *restrict about),
        (path, about))
CALL(int, stat, stat64, path, -1, (const char *restrict path, struct stat64 *restrict about),
        (path, about))
CALL(int, stat, lstat, path, -1, (const char *restrict path, struct stat *restrict about),
        (path, about))
CALL(int, stat, lstat64, path, -1, (const char *restrict path, struct stat64 *restrict about),
        (path, about))
CALL(int, timerfd_create, timerfd_create, NULL, -1, (clockid_t clock, int flags), (clock, flags))
CALL(int, timerfd_settime, timerfd_settime, NULL, -1,
        (int fd, int flags, const struct itimerspec *when, struct itimerspec *before_r),
        (fd, flags, when, before_r))
CALL(int, unlink, unlink, path, -1, (const char *path), (path))
CALL(pid_t, waitpid, waitpid, NULL, -1, (pid_t pid, int *status_r, int options),
        (pid, status_r, options))
CALL(ssize_t, write, write, NULL, -1, (int fd, const void *buffer, size_t size), (fd, buffer, size))
CALL(ssize_t, writev, writev, NULL, -1, (int fd, const struct iovec *parts, int count),
        (fd, parts, count))

#ifdef FAULT_ALLOCATIONS

/* Of libseccomp. */
int seccomp_load(void *filter);
int seccomp_load(void *filter)
{
    static int (*real)(void *);

    if (fault_sanitizer() != NULL)
        return 0;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "seccomp_load");
    return real(filter);
}

/* The end of a process that a daemon forked. */
void _exit(int status)
{
    find_leaks *const leaks = fault_sanitizer();

    is_ending = true;
    if (leaks != NULL && syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && leaks() != 0)
        status = FAULT_REPORT;
    syscall(SYS_exit_group, status);
    __builtin_unreachable();
}

/* The allocator behind this one: libc's, or that of a sanitizer. dlsym() allocates only to report
 * an error. */
#define ALLOCATOR(name, parameters, arguments)                                                     \
    void *name parameters                                                                          \
    {                                                                                              \
        static void *(*real)parameters;                                                            \
                                                                                                   \
        if (fault_is_met(KIND_malloc, NULL))                                                       \
            return NULL;                                                                           \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        return real arguments;                                                                     \
    }

ALLOCATOR(malloc, (size_t size), (size))
ALLOCATOR(calloc, (size_t count, size_t size), (count, size))
ALLOCATOR(realloc, (void *at, size_t size), (at, size))
ALLOCATOR(aligned_alloc, (size_t alignment, size_t size), (alignment, size))

void *reallocarray(void *at, size_t count, size_t size)
{
    size_t octets = 0;

    if (__builtin_mul_overflow(count, size, &octets)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(at, octets);
}

int posix_memalign(void **at_r, size_t alignment, size_t size)
{
    static int (*real)(void **, size_t, size_t);

    if (fault_is_met(KIND_malloc, NULL))
        return ENOMEM;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "posix_memalign");
    return real(at_r, alignment, size);
}

#endif
