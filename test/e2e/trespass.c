// SPDX-License-Identifier: ISC
/* A verimaild whose judge can be told, by the user that it is asked about, to do what a worker
 * never does: the sandbox must end it before the answer. Linked with --wrap=judge_begin, never
 * installed. Should a call be let through, it does no harm, and the question is answered as usual.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/judge.h"

/* What the linker makes of the calls to judge_begin(), and of judge_begin() itself. */
enum judge_state __wrap_judge_begin(const struct judge *judge, struct judgement *judgement_r);
enum judge_state __real_judge_begin(const struct judge *judge, struct judgement *judgement_r);

static const struct trespass {
    const char *user; /* the local part that asks for it */
    long number;
    long args[3];
} calls[] = {
        {"open", SYS_openat, {AT_FDCWD, (long)"/etc/passwd", O_RDONLY}},
        {"create", SYS_openat, {AT_FDCWD, (long)"/trespass", O_CREAT | O_WRONLY}},
        {"pread", SYS_pread64, {0, 0, 0}},
        {"stat", SYS_newfstatat, {AT_FDCWD, (long)"/", 0}},
        {"readlink", SYS_readlinkat, {AT_FDCWD, (long)"/proc/self/exe", 0}},
        {"unlink", SYS_unlinkat, {AT_FDCWD, (long)"/trespass", 0}},
        {"rename", SYS_renameat2, {AT_FDCWD, (long)"/trespass", AT_FDCWD}},
        {"mkdir", SYS_mkdirat, {AT_FDCWD, (long)"/trespass", 0700}},
        {"link", SYS_symlinkat, {(long)"/", AT_FDCWD, (long)"/trespass"}},
        {"getdents", SYS_getdents64, {0, 0, 0}},
        {"chroot", SYS_chroot, {(long)"/", 0, 0}},
        {"fchdir", SYS_fchdir, {0, 0, 0}},
        {"mount", SYS_mount, {0, 0, 0}},
        {"fcntl", SYS_fcntl, {2, F_GETFL, 0}},
        {"ioctl", SYS_ioctl, {2, 0, 0}},
        {"memfd", SYS_memfd_create, {(long)"trespass", 0, 0}},
        {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
        {"unix-socket", SYS_socket, {AF_UNIX, SOCK_DGRAM, 0}},
        {"netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
        {"connect", SYS_connect, {2, 0, 0}},
        {"bind", SYS_bind, {2, 0, 0}},
        {"listen", SYS_listen, {2, 0, 0}},
        {"sendmsg", SYS_sendmsg, {2, 0, 0}},
        {"recvmsg", SYS_recvmsg, {2, 0, 0}},
        {"setsockopt", SYS_setsockopt, {2, 0, 0}},
        {"execve", SYS_execve, {(long)"/trespass", 0, 0}},
        {"execveat", SYS_execveat, {AT_FDCWD, (long)"/trespass", 0}},
        {"clone3", SYS_clone3, {0, 0, 0}},
        {"unshare", SYS_unshare, {0, 0, 0}},
        {"setns", SYS_setns, {2, 0, 0}},
        {"kill", SYS_kill, {1, 0, 0}},
        {"tgkill", SYS_tgkill, {1, 1, 0}},
        {"ptrace", SYS_ptrace, {0, 0, 0}},
        {"process-vm-readv", SYS_process_vm_readv, {1, 0, 0}},
        {"pidfd-open", SYS_pidfd_open, {1, 0, 0}},
        {"setuid", SYS_setuid, {0, 0, 0}},
        {"capset", SYS_capset, {0, 0, 0}},
        {"prctl", SYS_prctl, {0, 0, 0}},
        {"seccomp", SYS_seccomp, {0, 0, 0}},
        {"setrlimit", SYS_prlimit64, {0, 0, 0}},
        {"sigaction", SYS_rt_sigaction, {SIGUSR1, 0, 0}},
        {"keyctl", SYS_keyctl, {0, 0, 0}},
        {"bpf", SYS_bpf, {0, 0, 0}},
        {"io-uring", SYS_io_uring_setup, {0, 0, 0}},
        {"userfaultfd", SYS_userfaultfd, {0, 0, 0}},
        {"perf", SYS_perf_event_open, {0, 0, 0}},
        {"shmget", SYS_shmget, {0, 0, 0}},
        {"settimeofday", SYS_settimeofday, {0, 0, 0}},
        {"no-such-call", 100000, {0, 0, 0}},
};

/* Whether fork() made something; the child does nothing. */
static void fork_once(void)
{
    if (fork() == 0)
        _exit(0);
}

static void map_code(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page != MAP_FAILED)
        (void)mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void other_abi(void)
{
#if defined(__x86_64__)
    long result = 20; /* getpid() of the 32-bit kernel interface */
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
#endif
}

static void x32_abi(void)
{
#if defined(__x86_64__)
    (void)syscall(0x40000000 | SYS_getpid);
#endif
}

static const struct {
    const char *user;
    void (*act)(void);
} acts[] = {
        {"fork", fork_once},
        {"map-code", map_code},
        {"make-code", make_code},
        {"other-abi", other_abi},
        {"x32-abi", x32_abi},
        {"abort", abort},
};

enum judge_state __wrap_judge_begin(const struct judge *judge, struct judgement *judgement_r)
{
    const struct text user = address_local(&judge->question->user);

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (text_equal(user, text_of(calls[i].user)))
            (void)syscall(
                    calls[i].number, calls[i].args[0], calls[i].args[1], calls[i].args[2], 0, 0, 0);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (text_equal(user, text_of(acts[i].user)))
            acts[i].act();
    return __real_judge_begin(judge, judgement_r);
}
