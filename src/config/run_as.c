// SPDX-License-Identifier: ISC
#include "config/run_as.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/unusable.h"
#include "process/child.h"

#define TRIAL_TIMEOUT 10     /* seconds */
#define RUN_AS_ERROR_MAX 128 /* octets with the NUL */
#define MAKE_IT                                                                                    \
    "a user of this machine: useradd --system --user-group --home-dir /nonexistent --shell "       \
    "/usr/sbin/nologin "

static void run_as_add_unknown(const struct config_text *run_as, struct problems *problems)
{
    char expected[512];

    if (getpwnam(run_as->at) != NULL)
        snprintf(expected, sizeof expected, "a user of this machine, not root");
    else
        snprintf(expected, sizeof expected, MAKE_IT "%s", run_as->at);
    problems_add(problems, run_as->line, "run_as", run_as->at, expected);
}

bool run_as_find(
        const struct config_text *run_as, struct identity *identity_r, struct problems *problems)
{
    errno = 0;
    const bool found = identity_find(run_as->at, identity_r);
    const int error = errno;
    if (!found && error == ENOMEM)
        problems_add_memory(problems);
    else if (!found)
        run_as_add_unknown(run_as, problems);
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
    const struct passwd *user; /* NULL: this process is not root, and tries it as itself */
    const char *path;
    enum unusable_access access;
};

/* What the child found. */
struct run_as_report {
    int error; /* 0: the user may */
    char remedy[UNUSABLE_REMEDY_MAX];
};

static int run_as_access(void *context, int report)
{
    const struct run_as_trial *trial = context;
    struct run_as_report found = {0};

    if ((trial->user != NULL && !run_as_become(trial->user)) ||
            !unusable_try(trial->path, trial->access, found.remedy))
        found.error = errno;
    return write(report, &found, sizeof found) == (ssize_t)sizeof found ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

/* Warns of what the trial finds. `which`: "read this file". */
static void run_as_check(const char *run_as, struct run_as_trial *trial, unsigned line,
        const char *which, struct problems *warnings)
{
    struct run_as_report found;
    char error[RUN_AS_ERROR_MAX];
    char what[256];
    struct writer w = writer_of(error, sizeof error - 1);
    const struct child_outcome outcome =
            child_run(run_as_access, trial, TRIAL_TIMEOUT, &found, sizeof found);
    const bool is_known = outcome.reported == sizeof found;

    if (is_known && found.error == 0)
        return;
    if (is_known) {
        writer_string(&w, strerror(found.error));
    } else {
        writer_string(&w, "the process that tried it ");
        child_outcome_write(&outcome, &w);
    }
    error[writer_text(&w).len] = '\0';
    snprintf(what, sizeof what, "warning: the user %s cannot %s (%s)", run_as, which, error);
    problems_add(warnings, line, what, trial->path, is_known ? found.remedy : NULL);
}

void run_as_check_file(
        const char *run_as, const char *path, unsigned line, struct problems *warnings)
{
    struct run_as_trial trial = {.user = geteuid() == 0 ? getpwnam(run_as) : NULL, .path = path};

    if (trial.user != NULL)
        run_as_check(run_as, &trial, line, "read this file", warnings);
}

void run_as_check_folder(
        const char *run_as, const char *path, unsigned line, struct problems *warnings)
{
    const struct passwd *user = getpwnam(run_as);
    struct run_as_trial trial = {
            .user = geteuid() == 0 ? user : NULL, .path = path, .access = UNUSABLE_MAKE_FILES};

    /* Another user than the daemon's cannot tell. */
    if (user != NULL && (geteuid() == 0 || geteuid() == user->pw_uid))
        run_as_check(run_as, &trial, line, "make files in this folder", warnings);
}

void run_as_check_socket(
        const char *run_as, const char *socket, unsigned line, struct problems *warnings)
{
    static const char scheme[] = "unix:";
    char folder[PATH_MAX];
    const char *path = socket + sizeof scheme - 1;

    if (strncmp(socket, scheme, sizeof scheme - 1) != 0)
        return;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s",
            slash != NULL && slash != path ? (int)(slash - path) : 1, path);
    run_as_check_folder(run_as, folder, line, warnings);
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
