// SPDX-License-Identifier: ISC
#include "process/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const int allowed_to_worker[] = {
        /* connections */
        SCMP_SYS(accept4),
        SCMP_SYS(recvfrom),
        SCMP_SYS(sendto),
        SCMP_SYS(shutdown),
        SCMP_SYS(close),
        SCMP_SYS(epoll_ctl),
        SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_pwait),
        SCMP_SYS(dup),
        /* the log, and the message to the supervisor that it is ready */
        SCMP_SYS(write),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        /* memory: libsodium's guarded pages, OpenSSL's big numbers */
        SCMP_SYS(brk),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(mlock),
        SCMP_SYS(munlock),
        SCMP_SYS(futex),
        /* time, and random numbers for RSA blinding */
        SCMP_SYS(timerfd_settime),
        SCMP_SYS(read), /* of the timer */
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),
        /* the end */
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
};

/* LMDB: the replay counts and the users' table. */
static const int allowed_to_worker_files[] = {
        SCMP_SYS(pread64),
        SCMP_SYS(pwrite64),
        SCMP_SYS(pwritev),
        SCMP_SYS(writev),
        SCMP_SYS(lseek),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat), /* what the C library makes of fstat(): the folder is empty */
        SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate),
        SCMP_SYS(fcntl),
        SCMP_SYS(msync),
        SCMP_SYS(flock),
};

/* Redis. */
static const int allowed_to_worker_network[] = {
        SCMP_SYS(connect),
        SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt),
};

/* Files, and what SQLite, libpq and a resolver need. */
static const int allowed_to_recorder[] = {
        SCMP_SYS(recvmsg),
        SCMP_SYS(open),
        SCMP_SYS(openat),
        SCMP_SYS(stat),
        SCMP_SYS(lstat),
        SCMP_SYS(statx),
        SCMP_SYS(access),
        SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2),
        SCMP_SYS(readlink),
        SCMP_SYS(readlinkat),
        SCMP_SYS(getcwd),
        SCMP_SYS(getdents64),
        SCMP_SYS(unlink),
        SCMP_SYS(unlinkat),
        SCMP_SYS(rename),
        SCMP_SYS(renameat),
        SCMP_SYS(renameat2),
        SCMP_SYS(mkdir),
        SCMP_SYS(fchmod),
        SCMP_SYS(fchown),
        SCMP_SYS(fsync),
        SCMP_SYS(fdatasync),
        SCMP_SYS(sync_file_range),
        SCMP_SYS(fstatfs),
        SCMP_SYS(statfs),
        SCMP_SYS(utimensat),
        SCMP_SYS(fadvise64),
        SCMP_SYS(umask),
        SCMP_SYS(uname),
        SCMP_SYS(sysinfo),
        SCMP_SYS(getrusage),
        SCMP_SYS(getrlimit),
        SCMP_SYS(prlimit64),
        SCMP_SYS(listen),
        SCMP_SYS(socketpair),
        SCMP_SYS(pipe),
        SCMP_SYS(getppid),
        SCMP_SYS(alarm),
};

/* libmilter, libunbound, and questions to services. */
static const int allowed_to_milter[] = {
        SCMP_SYS(accept),
        SCMP_SYS(bind),
        SCMP_SYS(connect),
        SCMP_SYS(getsockname),
        SCMP_SYS(getpeername),
        SCMP_SYS(getsockopt),
        SCMP_SYS(setsockopt),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(sendmmsg),
        SCMP_SYS(writev),
        SCMP_SYS(readv),
        SCMP_SYS(select),
        SCMP_SYS(pselect6),
        SCMP_SYS(fcntl),
        SCMP_SYS(epoll_create),
        SCMP_SYS(epoll_create1),
        SCMP_SYS(eventfd2),
        SCMP_SYS(pipe2),
        /* threads */
        SCMP_SYS(set_robust_list),
        SCMP_SYS(set_tid_address),
        SCMP_SYS(rseq),
        SCMP_SYS(gettid),
        SCMP_SYS(sched_yield),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(nanosleep),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigtimedwait),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(getuid),
        SCMP_SYS(geteuid),
        SCMP_SYS(getgid),
        SCMP_SYS(getegid),
};

static int sandbox_allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < count; i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return error;
}

static int sandbox_allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp argument)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &argument);
}

#define ALLOW_ALL(filter, calls) sandbox_allow((filter), (calls), sizeof(calls) / sizeof *(calls))

/* What every process needs. */
static int sandbox_allow_basics(scmp_filter_ctx filter)
{
    int error = ALLOW_ALL(filter, allowed_to_worker);

    /* Memory, but none that is executable. */
    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (error == 0)
        error = sandbox_allow_if(
                filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return error;
}

/* Threads, but no processes. The flags of clone3() are behind a pointer, where a filter cannot see
 * them; without it the C library uses clone(). */
static int sandbox_allow_threads(scmp_filter_ctx filter)
{
    int error = sandbox_allow_if(
            filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

    if (error == 0)
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* For abort(). Only to threads of this process: the supervisor may run as the same user. */
    if (error == 0)
        error = sandbox_allow_if(
                filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (error == 0)
        error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    return error;
}

static int sandbox_allow_internet(scmp_filter_ctx filter)
{
    int error = sandbox_allow_if(filter, SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_INET));

    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_INET6));
    return error;
}

/* The internet, but no unix sockets of this machine. ioctl() cannot put input into a terminal. */
static int sandbox_allow_network(scmp_filter_ctx filter)
{
    int error = ALLOW_ALL(filter, allowed_to_milter);

    if (error == 0)
        error = sandbox_allow_internet(filter);
    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, FIONBIO));
    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, FIONREAD));
    return error;
}

/* Frees the filter. */
static bool sandbox_load(scmp_filter_ctx filter, int error)
{
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    errno = -error;
    return error == 0;
}

/* No unix sockets of this machine: a store behind one was connected to before. */
static int sandbox_allow_worker_network(scmp_filter_ctx filter)
{
    int error = ALLOW_ALL(filter, allowed_to_worker_network);

    if (error == 0)
        error = sandbox_allow_internet(filter);
    return error;
}

const char *sandbox_death(int status)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        return NULL;
    return "a filter for system calls killed it: its own, or SystemCallFilter= of the systemd "
           "unit; the kernel's log has the number of the call "
           "(journalctl -k: type=1326 ... syscall=N)";
}

bool sandbox_enter_worker(const struct sandbox_worker *may)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int error = filter != NULL ? sandbox_allow_basics(filter) : -ENOMEM;

    if (error == 0 && may->files)
        error = ALLOW_ALL(filter, allowed_to_worker_files);
    if (error == 0 && may->network)
        error = sandbox_allow_worker_network(filter);
    return sandbox_load(filter, error);
}

bool sandbox_enter_recorder(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter != NULL ? sandbox_allow_basics(filter) : -ENOMEM;

    if (error == 0)
        error = sandbox_allow_network(filter);
    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(socket), SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK));
    if (error == 0)
        error = ALLOW_ALL(filter, allowed_to_worker_files);
    if (error == 0)
        error = ALLOW_ALL(filter, allowed_to_recorder);
    if (error == 0)
        error = sandbox_allow_threads(filter);
    return sandbox_load(filter, error);
}

bool sandbox_enter_milter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter != NULL ? sandbox_allow_basics(filter) : -ENOMEM;

    if (error == 0)
        error = sandbox_allow_network(filter);
    if (error == 0)
        error = sandbox_allow_threads(filter);
    /* For another context of libunbound; it leads to nobody else. */
    if (error == 0)
        error = sandbox_allow_if(filter, SCMP_SYS(socketpair), SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
    return sandbox_load(filter, error);
}
