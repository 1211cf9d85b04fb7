// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "child.h"
#include "process/sandbox.h"
#include "unit.h"

/* System calls are made directly, with arguments that make them fail or do nothing: what is asked
 * is whether they come back. */
struct call {
    long number;
    long arguments[6];
};

static const struct sandbox_worker answering = {.files = false, .network = false};

static bool make_call(void *context)
{
    const struct call *call = context;
    const long *a = call->arguments;

    if (!sandbox_enter_worker(&answering))
        return false;
    (void)!syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    /* AddressSanitizer has things to do before it returns or calls _exit(). */
    (void)!syscall(SYS_exit_group, 0);
    return false;
}

/* Whether there is such a call on this kind of machine: libseccomp has made up numbers for others.
 */
static bool find(const char *name, struct call *call_r)
{
    *call_r = (struct call){.number = seccomp_syscall_resolve_name(name)};
    return call_r->number >= 0;
}

static void check(const char *name, struct call *call, bool allowed)
{
    const int status = child_end(make_call, call);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;

    if (killed == allowed || (allowed && status != 0)) {
        print_error("%s: got status 0x%x, want it %s\n", name, (unsigned)status,
                allowed ? "allowed" : "to end in SIGSYS");
        fail();
    }
}

TEST(what_a_worker_does_is_allowed)
{
    /* -1 as the first argument: no descriptor, no address, no clock */
    static const char *const names[] = {"accept4", "recvfrom", "sendto", "shutdown", "close",
            "epoll_ctl", "epoll_wait", "epoll_pwait", "dup", "write", "read", "munmap", "mremap",
            "madvise", "mlock", "munlock", "timerfd_settime", "clock_gettime", "getrandom",
            "getpid", "rt_sigprocmask", "futex"};
    static const char *const nothings[] = {"poll", "brk", "gettimeofday", "time"};
    struct call call;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!find(names[i], &call))
            continue;
        call.arguments[0] = -1;
        check(names[i], &call, true);
    }
    for (size_t i = 0; i < sizeof nothings / sizeof *nothings; i++)
        if (find(nothings[i], &call))
            check(nothings[i], &call, true);
    assert_true(find("ppoll", &call));
    call.arguments[1] = -1; /* so many descriptors: it does not wait */
    check("ppoll", &call, true);
}

TEST(all_else_ends_the_process)
{
    static const char *const names[] = {/* files */
            "open", "openat", "openat2", "creat", "stat", "lstat", "fstat", "newfstatat", "statx",
            "access", "readlink", "getdents64", "unlink", "unlinkat", "rename", "mkdir", "link",
            "symlink", "chmod", "chown", "mount", "chroot", "pivot_root", "fchdir", "getcwd",
            "ftruncate", "fsync", "lseek", "pread64", "pwrite64", "readv", "writev", "sendfile",
            "splice", "memfd_create", "inotify_init1", "fanotify_init", "name_to_handle_at",
            /* sockets and descriptors of its own */
            "socket", "socketpair", "connect", "bind", "listen", "accept", "sendmsg", "recvmsg",
            "sendmmsg", "recvmmsg", "getsockname", "getpeername", "setsockopt", "getsockopt",
            "pipe", "pipe2", "dup2", "dup3", "fcntl", "ioctl", "eventfd2", "epoll_create1",
            "timerfd_create", "signalfd4", "pidfd_getfd", "io_uring_setup", "io_uring_enter",
            /* processes */
            "fork", "vfork", "clone", "clone3", "execve", "execveat", "kill", "tkill", "tgkill",
            "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_send_signal",
            "wait4", "waitid", "rt_sigaction", "rt_sigqueueinfo", "nanosleep", "getppid",
            /* who it is and what it may */
            "prctl", "arch_prctl", "seccomp", "setuid", "setgid", "setresuid", "setresgid",
            "setgroups", "capset", "setrlimit", "prlimit64", "unshare", "setns", "personality",
            "keyctl", "add_key", "bpf", "perf_event_open", "userfaultfd", "shmat", "shmget",
            "mlockall", "pkey_mprotect", "uname", "sysinfo", "clock_settime", "sched_setaffinity"};
    struct call call;
    unsigned checked = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!find(names[i], &call))
            continue;
        check(names[i], &call, false);
        checked++;
    }
    assert_true(checked > 70);
}

TEST(memory_holds_no_code)
{
    static const struct {
        const char *name;
        long protection;
        bool allowed;
    } table[] = {
            {"mmap", PROT_READ | PROT_WRITE, true},
            {"mmap", PROT_NONE, true},
            {"mmap", PROT_READ | PROT_EXEC, false},
            {"mmap", PROT_EXEC, false},
            {"mprotect", PROT_READ | PROT_WRITE, true},
            {"mprotect", PROT_NONE, true},
            {"mprotect", PROT_READ | PROT_EXEC, false},
            {"mprotect", PROT_READ | PROT_WRITE | PROT_EXEC, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct call call;
        assert_true(find(table[i].name, &call));
        call.arguments[2] = table[i].protection;
        call.arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS; /* of no octets: it fails */
        check(table[i].name, &call, table[i].allowed);
    }
}

static bool make_call_with_network(void *context)
{
    static const struct sandbox_worker counting = {.files = false, .network = true};
    const struct call *call = context;
    const long *a = call->arguments;

    if (!sandbox_enter_worker(&counting))
        return false;
    (void)!syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    (void)!syscall(SYS_exit_group, 0);
    return false;
}

/* A worker whose counts are in the network may connect to it, and to nothing on the machine. */
TEST(network_is_what_counts_need)
{
    static const struct {
        const char *name;
        long first;
        bool allowed;
    } table[] = {
            {"socket", AF_INET, true},
            {"socket", AF_INET6, true},
            {"socket", AF_UNIX, false},
            {"socket", AF_NETLINK, false},
            {"socket", AF_PACKET, false},
            {"connect", -1, true},
            {"getsockopt", -1, true},
            {"setsockopt", -1, true},
            {"bind", -1, false},
            {"listen", -1, false},
            {"sendmsg", -1, false},
            {"recvmsg", -1, false},
            {"getpeername", -1, false},
            {"fcntl", -1, false},
            {"openat", -1, false},
            {"pread64", -1, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct call call;
        assert_true(find(table[i].name, &call));
        call.arguments[0] = table[i].first;
        call.arguments[1] = SOCK_STREAM;
        const int status = child_end(make_call_with_network, &call);
        const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        if (killed == table[i].allowed || (table[i].allowed && status != 0))
            fail_msg("%s(%ld): got status 0x%x", table[i].name, table[i].first, (unsigned)status);
    }
}

/* The same call by the door of another kind of program. */
TEST(other_doors_are_shut)
{
    struct call call = {.number = SYS_getpid | 0x40000000}; /* x32 */

    check("getpid of x32", &call, false);
    call.number = 100000;
    check("a number that is no call's", &call, false);
}

static bool enter_twice(void *context)
{
    (void)context;
    return sandbox_enter_worker(&answering) && !sandbox_enter_worker(&answering);
}

TEST(there_is_no_second_filter)
{
    const int status = child_end(enter_twice, NULL);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* The milter process: what it may not do fails, and it lives. */

struct attempt {
    const char *name;
    long arguments[6];
    int error; /* 0: the filter lets it through, whatever the kernel says then */
};

static bool attempt(void *context)
{
    const struct attempt *tried = context;
    const long *a = tried->arguments;
    const int number = seccomp_syscall_resolve_name(tried->name);

    if (!sandbox_enter_milter())
        return false;
    const long got = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    const bool good = tried->error != 0 ? got == -1 && errno == tried->error
                                        : got != -1 || (errno != EPERM && errno != ENOSYS);
    (void)!syscall(SYS_exit_group, good ? 0 : 1);
    return false;
}

static void check_attempt(const struct attempt *tried)
{
    struct attempt copy = *tried;

    if (seccomp_syscall_resolve_name(tried->name) < 0)
        return; /* another kind of machine */
    const int status = child_end(attempt, &copy);
    if (status != 0) {
        print_error("%s(%ld, %ld): got status 0x%x, want errno %d\n", tried->name,
                tried->arguments[0], tried->arguments[1], (unsigned)status, tried->error);
        fail();
    }
}

TEST(what_the_milter_may_not_do_fails)
{
    static const char *const names[] = {"open", "openat", "openat2", "creat", "stat", "newfstatat",
            "statx", "access", "readlink", "getdents64", "unlink", "unlinkat", "rename", "mkdir",
            "chmod", "chown", "mount", "chroot", "fchdir", "memfd_create", "sendfile", "listen",
            "socketpair", "dup2", "pidfd_getfd", "io_uring_setup", "fork", "vfork", "execve",
            "execveat", "kill", "tkill", "ptrace", "process_vm_readv", "process_vm_writev",
            "pidfd_open", "pidfd_send_signal", "rt_sigqueueinfo", "prctl", "seccomp", "setuid",
            "setgid", "setresuid", "setgroups", "capset", "prlimit64", "unshare", "setns",
            "personality", "keyctl", "bpf", "perf_event_open", "userfaultfd", "shmget", "shmat",
            "pkey_mprotect", "clock_settime"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_attempt(&(struct attempt){names[i], {-1, -1}, EPERM});
}

TEST(what_the_milter_may_do_depends)
{
    const long parent = getpid(); /* of the child that tries */
    const struct attempt table[] = {
            {"socket", {AF_INET, SOCK_STREAM}, 0},
            {"socket", {AF_INET6, SOCK_DGRAM}, 0},
            {"socket", {AF_UNIX, SOCK_STREAM}, EPERM},
            {"socketpair", {AF_UNIX, SOCK_STREAM}, 0},
            {"socketpair", {AF_INET, SOCK_STREAM}, EPERM},
            {"socket", {AF_NETLINK, SOCK_DGRAM}, EPERM},
            {"socket", {AF_PACKET, SOCK_DGRAM}, EPERM},
            {"socket", {AF_VSOCK, SOCK_STREAM}, EPERM},
            {"connect", {-1}, 0},
            {"sendmmsg", {-1}, 0},
            {"recvmsg", {-1}, 0},
            {"ioctl", {-1, FIONBIO}, 0},
            {"ioctl", {-1, FIONREAD}, 0},
            {"ioctl", {-1, TIOCSTI}, EPERM},
            {"ioctl", {-1, TIOCLINUX}, EPERM},
            {"tgkill", {parent, parent, 0}, EPERM},
            {"clone", {CLONE_VM | SIGCHLD}, EPERM},
            {"clone", {SIGCHLD}, EPERM},
            {"clone", {CLONE_THREAD}, 0}, /* without memory in common: invalid */
            {"clone3", {0}, ENOSYS},
            {"mmap", {0, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS}, 0},
            {"mmap", {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}, EPERM},
            {"mprotect", {0, 4096, PROT_EXEC}, EPERM},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_attempt(&table[i]);
}

static void *open_a_file(void *context)
{
    pthread_barrier_t *barrier = context;

    (void)pthread_barrier_wait(barrier);
    errno = 0;
    return open("/", O_RDONLY) == -1 && errno == EPERM ? barrier : NULL;
}

/* Threads from before are shut in as well, and there may be new ones. */
static bool has_threads(void *context)
{
    pthread_barrier_t barrier;
    pthread_t before;
    pthread_t after;
    void *results[2];

    (void)context;
    if (pthread_barrier_init(&barrier, NULL, 2) != 0 ||
            pthread_create(&before, NULL, open_a_file, &barrier) != 0 || !sandbox_enter_milter())
        return false;
    (void)pthread_barrier_wait(&barrier);
    pthread_join(before, &results[0]);
    if (pthread_create(&after, NULL, open_a_file, &barrier) != 0)
        return false;
    (void)pthread_barrier_wait(&barrier);
    pthread_join(after, &results[1]);
    const bool good = results[0] != NULL && results[1] != NULL && fork() == -1;
    (void)!syscall(SYS_exit_group, good ? 0 : 1);
    return false;
}

TEST(all_threads_are_shut_in)
{
    assert_int_equal(child_end(has_threads, NULL), 0);
}

static bool gives_up(void *context)
{
    (void)context;
    if (sandbox_enter_milter())
        (void)!syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGABRT);
    return true;
}

TEST(it_may_abort)
{
    const int status = child_end(gives_up, NULL);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

TEST(death_by_a_filter_is_explained)
{
    static const struct {
        int status;
        bool explained;
    } table[] = {
            {SIGSYS, true}, {SIGSYS | 0x80, true}, /* with a core dump */
            {SIGKILL, false}, {SIGSEGV, false}, {0, false},
            {SIGSYS << 8, false}, /* an exit with that status */
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(sandbox_death(table[i].status) != NULL, table[i].explained);
    assert_non_null(strstr(sandbox_death(SIGSYS), "SystemCallFilter="));
}
