// SPDX-License-Identifier: ISC
#include "config/run_as.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/child.h"

#define TRIAL_TIMEOUT 10     /* seconds */
#define RUN_AS_ERROR_MAX 128 /* octets with the NUL */

bool run_as_find(
        const struct config_text *run_as, struct identity *identity_r, struct problems *problems)
{
    errno = 0;
    const bool found = identity_find(run_as->at, identity_r);
    const int error = errno;
    if (!found && error == ENOMEM)
        problems_add_memory(problems);
    else if (!found)
        problems_add(
                problems, run_as->line, "run_as", run_as->at, "a user of this machine, not root");
    if (!found)
        problems_note_errno(problems, error);
    return found;
}

/* With all groups of the user, as systemd starts it. */
static bool run_as_become(const struct passwd *user)
{
    return initgroups(user->pw_name, user->pw_gid) == 0 &&
           setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

struct run_as_trial {
    const struct passwd *user;
    const char *path;
};

/* In the child. Its report: 0, or the error that the user gets. */
static int run_as_open(void *context, int report)
{
    const struct run_as_trial *trial = context;
    const bool opened =
            run_as_become(trial->user) && open(trial->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) >= 0;
    const int error = opened ? 0 : errno;

    return write(report, &error, sizeof error) == (ssize_t)sizeof error ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

/* Whether the user can read the file. `error_r`, a sentence's end, says why not. */
static bool run_as_try(const struct passwd *user, const char *path, char error_r[RUN_AS_ERROR_MAX])
{
    struct run_as_trial trial = {.user = user, .path = path};
    struct writer w = writer_of(error_r, RUN_AS_ERROR_MAX - 1);
    int error = 0;
    const struct child_outcome outcome =
            child_run(run_as_open, &trial, TRIAL_TIMEOUT, &error, sizeof error);

    if (outcome.reported == sizeof error && error == 0)
        return true;
    if (outcome.reported == sizeof error) {
        writer_string(&w, strerror(error));
    } else {
        writer_string(&w, "the process that tried it ");
        child_outcome_write(&outcome, &w);
    }
    error_r[writer_text(&w).len] = '\0';
    return false;
}

void run_as_check_file(
        const char *run_as, const char *path, unsigned line, struct problems *warnings)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam(run_as) : NULL;
    char error[RUN_AS_ERROR_MAX];
    char what[256];
    char expected[512];

    if (user == NULL || run_as_try(user, path, error))
        return;
    const struct group *group = getgrgid(user->pw_gid);
    snprintf(what, sizeof what, "the user %s cannot read this file (%s)", run_as, error);
    snprintf(expected, sizeof expected,
            "a file for the group of that user, or systemd cannot start the daemon: "
            "chgrp %s FILE && chmod 640 FILE",
            group != NULL ? group->gr_name : run_as);
    problems_add(warnings, line, what, path, expected);
}

void run_as_check_keys(const char *run_as, const char *path, enum key_kind kind, unsigned line,
        struct problems *warnings)
{
    struct keyfolder list;
    const char *error;
    const bool listed = keyfolder_list(path, kind, &list, &error);

    if (!listed || list.is_folder)
        run_as_check_file(run_as, path, line, warnings);
    for (size_t i = 0; listed && i < list.count; i++)
        run_as_check_file(run_as, list.paths[i], line, warnings);
    keyfolder_free(&list);
}
