// SPDX-License-Identifier: ISC
#include "config/run_as.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool run_as_find(
        const struct config_text *run_as, struct identity *identity_r, struct problems *problems)
{
    const bool found = identity_find(run_as->at, identity_r);

    if (!found)
        problems_add(
                problems, run_as->line, "run_as", run_as->at, "a user of this machine, not root");
    return found;
}

/* With all groups of the user, as systemd starts it. */
static bool run_as_become(const struct passwd *user)
{
    return initgroups(user->pw_name, user->pw_gid) == 0 &&
           setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

/* 0, or the error that the user would get. */
static int run_as_try(const struct passwd *user, const char *path)
{
    int status = 0;
    const pid_t child = fork();

    if (child < 0)
        return errno;
    if (child == 0)
        _exit(run_as_become(user) && open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) >= 0 ? 0
                                                                                        : errno);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

void run_as_check_file(
        const char *run_as, const char *path, unsigned line, struct problems *warnings)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam(run_as) : NULL;
    const int error = user != NULL ? run_as_try(user, path) : 0;
    char what[256];
    char expected[512];

    if (error == 0)
        return;
    const struct group *group = getgrgid(user->pw_gid);
    snprintf(what, sizeof what, "the user %s cannot read this file (%s)", run_as, strerror(error));
    snprintf(expected, sizeof expected,
            "a file for the group of that user, or systemd cannot start the daemon: "
            "chgrp %s FILE && chmod 640 FILE",
            group != NULL ? group->gr_name : run_as);
    problems_add(warnings, line, what, path, expected);
}
