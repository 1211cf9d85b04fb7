// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "child.h"
#include "fault.h"
#include "process/identity.h"
#include "unit.h"

#define SOMEBODY 65534 /* an id that is not root's */

/* True, and the test is skipped, when it takes root to try this. */
static bool needs_root(void)
{
    if (geteuid() != 0)
        print_message("# root is needed to become somebody else\n");
    return geteuid() != 0;
}

static bool give_up_root(void)
{
    return geteuid() != 0 ||
           (setgroups(0, NULL) == 0 && setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0);
}

TEST(users_are_found)
{
    struct identity identity;

    if (needs_root())
        skip();
    assert_true(identity_find("nobody", &identity));
    assert_true(identity.is_root);
    assert_int_not_equal(identity.uid, 0);
    assert_false(identity_find("root", &identity));
    assert_false(identity_find("verimail-nobody-has-this-name", &identity));
    assert_false(identity_find("", &identity));
}

/* Without root it does not matter who is asked for. */
static bool stays_who_it_is(void *context)
{
    struct identity identity;

    (void)context;
    return give_up_root() && identity_find("root", &identity) && !identity.is_root &&
           identity.uid == geteuid() && identity.gid == getegid() &&
           identity_find("verimail-nobody-has-this-name", &identity);
}

TEST(nobody_else_without_root)
{
    assert_int_equal(child_end(stays_who_it_is, NULL), 0);
}

TEST(folder_has_no_name)
{
    struct stat st;
    const int fd = identity_empty_folder();

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(mkdirat(fd, "x", 0700), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(openat(fd, "x", O_CREAT | O_WRONLY, 0600), -1);
    close(fd);
}

static bool cannot_fork(void)
{
    const pid_t child = fork();

    if (child == 0)
        _exit(0);
    return child < 0 && errno == EAGAIN;
}

/* What holds for everybody who became somebody. */
static bool is_shut_in(void)
{
    struct rlimit core;

    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0 &&
           identity_stay_alone() && cannot_fork();
}

static bool becomes_somebody(void *context)
{
    const struct identity *identity = context;
    const int folder = identity_empty_folder();
    uid_t uids[3];
    gid_t gids[3];

    if (!identity_become(identity, folder))
        return false;
    return getresuid(&uids[0], &uids[1], &uids[2]) == 0 && uids[0] == SOMEBODY &&
           uids[1] == SOMEBODY && uids[2] == SOMEBODY &&
           getresgid(&gids[0], &gids[1], &gids[2]) == 0 && gids[0] == SOMEBODY &&
           gids[1] == SOMEBODY && gids[2] == SOMEBODY && getgroups(0, NULL) == 0 &&
           setuid(0) != 0 && setgid(0) != 0 && is_shut_in();
}

static bool sees_no_files(void *context)
{
    const struct identity *identity = context;
    const int folder = identity_empty_folder();

    if (access("/etc/passwd", F_OK) != 0 || !identity_become(identity, folder))
        return false;
    return access("/etc/passwd", F_OK) != 0 && access("/../etc", F_OK) != 0 &&
           access("../../../../etc", F_OK) != 0 && mkdir("/x", 0700) != 0 && chroot("/") != 0;
}

/* In between it reads what anybody may, and has no way back. */
static bool becomes_somebody_in_steps(void *context)
{
    const struct identity *identity = context;
    const int folder = identity_empty_folder();

    if (!identity_yield(identity))
        return false;
    if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || chown("/etc/passwd", 0, 0) == 0 ||
            getgroups(0, NULL) != 0 || access("/etc/passwd", R_OK) != 0 ||
            open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0)
        return false;
    return identity_shut_in(identity, folder) && access("/etc/passwd", F_OK) != 0 &&
           chroot("/") != 0 && is_shut_in();
}

TEST(root_becomes_somebody)
{
    struct identity somebody = {.is_root = true, .uid = SOMEBODY, .gid = SOMEBODY};

    if (needs_root())
        skip();
    assert_int_equal(child_end(becomes_somebody_in_steps, &somebody), 0);
    assert_int_equal(child_end(becomes_somebody, &somebody), 0);
    assert_int_equal(child_end(sees_no_files, &somebody), 0);
}

static bool knows_that_it_is_not_back(void *context)
{
    const struct identity *identity = context;

    if (!identity_assume(identity))
        return false;
    fault_once("seteuid", 1);
    const bool is_back = identity_return(identity);
    return fault_end() == 1 && !is_back && geteuid() == SOMEBODY && identity_return(identity) &&
           geteuid() == 0 && getegid() == 0;
}

TEST(a_way_back_that_fails_is_noticed)
{
    struct identity somebody = {.is_root = true, .uid = SOMEBODY, .gid = SOMEBODY};

    if (needs_root())
        skip();
    assert_int_equal(child_end(knows_that_it_is_not_back, &somebody), 0);
}

static bool becomes(void *context)
{
    return identity_become(context, identity_empty_folder());
}

/* A mistake elsewhere must not end in a worker that is still root. */
TEST(root_does_not_stay_root)
{
    struct identity root = {.is_root = true};

    if (needs_root())
        skip();
    assert_int_not_equal(child_end(becomes, &root), 0);
}

static bool becomes_without_folder(void *context)
{
    return identity_become(context, -1);
}

TEST(root_needs_the_folder)
{
    struct identity somebody = {.is_root = true, .uid = SOMEBODY, .gid = SOMEBODY};

    if (needs_root())
        skip();
    assert_int_not_equal(child_end(becomes_without_folder, &somebody), 0);
}

static bool is_shut_in_all_the_same(void *context)
{
    struct identity identity;

    (void)context;
    return give_up_root() && identity_find("x", &identity) && identity_become(&identity, -1) &&
           geteuid() == identity.uid && is_shut_in();
}

TEST(without_root_it_is_shut_in_too)
{
    assert_int_equal(child_end(is_shut_in_all_the_same, NULL), 0);
}

/* As systemd's ~@privileged does. */
static bool forbid_capset(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    return filter != NULL &&
           seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(capset), 0) == 0 &&
           seccomp_load(filter) == 0;
}

static bool is_shut_in_without_capset(void *context)
{
    struct identity identity;

    (void)context;
    return give_up_root() && forbid_capset() && identity_find("x", &identity) &&
           identity_become(&identity, -1) && is_shut_in();
}

TEST(capabilities_are_given_up_only_where_there_are_some)
{
    assert_int_equal(child_end(is_shut_in_without_capset, NULL), 0);
}
