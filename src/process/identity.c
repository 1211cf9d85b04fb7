// SPDX-License-Identifier: ISC
#include "process/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool identity_find(const char *user, struct identity *identity_r)
{
    *identity_r = (struct identity){.is_root = geteuid() == 0, .uid = geteuid(), .gid = getegid()};
    if (!identity_r->is_root)
        return true;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL || entry->pw_uid == 0)
        return false;
    identity_r->uid = entry->pw_uid;
    identity_r->gid = entry->pw_gid;
    return true;
}

int identity_empty_folder(void)
{
    char path[] = "/tmp/verimail-empty-XXXXXX";

    if (mkdtemp(path) == NULL)
        return -1;
    /* The process that goes there is not root any more. */
    const int fd = chmod(path, 0711) == 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    const int error = errno;
    rmdir(path);
    errno = error;
    return fd;
}

static bool identity_leave_root_folder(int empty_folder)
{
    return fchdir(empty_folder) == 0 && chroot(".") == 0;
}

/* The kernel forgets at a change of user that a process is killed when its parent dies. */
static bool identity_drop_root(const struct identity *identity)
{
    const pid_t parent = getppid();
    int death = 0;

    if (prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
            setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
            setresuid(identity->uid, identity->uid, identity->uid) != 0 || setuid(0) == 0 ||
            prctl(PR_SET_PDEATHSIG, death, 0, 0, 0) != 0)
        return false;
    if (death != 0 && getppid() != parent)
        (void)raise(death); /* the parent died meanwhile */
    return true;
}

/* True also when that cannot be found out. */
static bool identity_has_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
    bool has = syscall(SYS_capget, &header, sets) != 0;

    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        has = has || (sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0;
    return has;
}

/* `kept`: bits of those below 32. Without any capability there is no system call: filters that
 * forbid capset(2), as systemd's ~@privileged does, kill for it. */
static bool identity_keep_capabilities(uint32_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
            {.effective = kept, .permitted = kept}};

    return !identity_has_capabilities() || syscall(SYS_capset, &header, sets) == 0;
}

/* A user may have been given a capability, for ports below 1024: they are open by now. */
static bool identity_harden(void)
{
    const struct rlimit none = {0, 0};

    return identity_keep_capabilities(0) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}

bool identity_drop(const struct identity *identity)
{
    return (!identity->is_root || identity_drop_root(identity)) && identity_harden();
}

bool identity_yield(const struct identity *identity)
{
    return !identity->is_root ||
           (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && identity_drop_root(identity) &&
                   identity_keep_capabilities(1U << CAP_SYS_CHROOT));
}

bool identity_shut_in(const struct identity *identity, int empty_folder)
{
    return (!identity->is_root || identity_leave_root_folder(empty_folder)) && identity_harden();
}

bool identity_become(const struct identity *identity, int empty_folder)
{
    return identity_yield(identity) && identity_shut_in(identity, empty_folder);
}

/* Supplementary groups are not changed: a folder that only they open is not for services. */
bool identity_assume(const struct identity *identity)
{
    if (!identity->is_root)
        return true;
    if (setegid(identity->gid) == 0 && seteuid(identity->uid) == 0)
        return true;
    const int error = errno;
    (void)!seteuid(0);
    (void)!setegid(0);
    errno = error;
    return false;
}

bool identity_return(const struct identity *identity)
{
    return !identity->is_root || (seteuid(0) == 0 && setegid(0) == 0);
}

bool identity_stay_alone(void)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_NPROC, &none) == 0;
}
