// SPDX-License-Identifier: ISC
#include "process/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
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
    /* Whoever is to be shut in there must be able to go there, and is not root any more. */
    const int fd = chmod(path, 0711) == 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    const int error = errno;
    rmdir(path);
    errno = error;
    return fd;
}

static bool leave_root_folder(int empty_folder)
{
    return fchdir(empty_folder) == 0 && chroot(".") == 0;
}

static bool drop_root(const struct identity *identity)
{
    return setgroups(0, NULL) == 0 && setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
           setresuid(identity->uid, identity->uid, identity->uid) == 0 && setuid(0) != 0;
}

/* `kept`: bits of those below 32. */
static bool keep_capabilities(uint32_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct those[_LINUX_CAPABILITY_U32S_3] = {
            {.effective = kept, .permitted = kept}};

    return syscall(SYS_capset, &header, those) == 0;
}

/* Nobody who is not root has a capability, unless it was given to him: to open a port below 1024,
 * say, which the parent has done. */
static bool drop_the_rest(void)
{
    const struct rlimit none = {0, 0};

    return keep_capabilities(0) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}

bool identity_drop(const struct identity *identity)
{
    return (!identity->is_root || drop_root(identity)) && drop_the_rest();
}

bool identity_yield(const struct identity *identity)
{
    return !identity->is_root || (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && drop_root(identity) &&
                                         keep_capabilities(1U << CAP_SYS_CHROOT));
}

bool identity_shut_in(const struct identity *identity, int empty_folder)
{
    return (!identity->is_root || leave_root_folder(empty_folder)) && drop_the_rest();
}

bool identity_become(const struct identity *identity, int empty_folder)
{
    return identity_yield(identity) && identity_shut_in(identity, empty_folder);
}

/* The groups stay root's: what lies in its groups' folders alone is not for services. */
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
