// SPDX-License-Identifier: ISC
/* What daemons read and write, as their user finds it. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/keyfolder.h"
#include "process/child.h"
#include "setup/doctor.h"

#define TRY_TIMEOUT 10  /* seconds */
#define KEY_AGE_MAX 400 /* days: a year, and time to see to it */
#define DAY 86400
#define REMEDY_MAX 9000

/* The daemons' user; NULL after a finding. */
static const struct passwd *doctor_user(struct doctor *doctor, const char *name)
{
    const struct passwd *user = getpwnam(name);

    if (user == NULL)
        doctor_add(doctor, DOCTOR_ERROR, "systemd-sysusers verimail.conf", "there is no user %s",
                name);
    return user;
}

/* What is tried as another user. */
struct doctor_trial {
    const struct passwd *user;
    const char *path;
    int mode; /* of access(2) */
};

static int doctor_try(void *context, int report)
{
    const struct doctor_trial *trial = context;
    const bool is_user =
            geteuid() != 0 ||
            (initgroups(trial->user->pw_name, trial->user->pw_gid) == 0 &&
                    setgid(trial->user->pw_gid) == 0 && setuid(trial->user->pw_uid) == 0);
    const int error = is_user && access(trial->path, trial->mode) == 0 ? 0 : errno;

    return write(report, &error, sizeof error) == (ssize_t)sizeof error ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

/* 0, or the error that the user gets. */
static int doctor_access(const struct passwd *user, const char *path, int mode)
{
    struct doctor_trial trial = {user, path, mode};
    int error = EAGAIN;

    (void)child_run(doctor_try, &trial, TRY_TIMEOUT, &error, sizeof error);
    return error;
}

enum doctor_kind {
    DOCTOR_FOLDER,
    DOCTOR_PUBLIC,
    DOCTOR_CONFIG,
    DOCTOR_SECRET, /* nobody else may read it */
};

/* False after a finding. */
static bool doctor_check_file(
        struct doctor *doctor, const struct passwd *user, const char *path, enum doctor_kind kind)
{
    static const char *const modes[] = {"750", "644", "640", "640"};
    char remedy[REMEDY_MAX];
    struct stat st;

    if (stat(path, &st) != 0) {
        doctor_add(doctor, DOCTOR_ERROR, "verimail setup", "%s: %s", path, strerror(errno));
        return false;
    }
    snprintf(remedy, sizeof remedy, "chgrp %s %s && chmod %s %s", user->pw_name, path, modes[kind],
            path);
    const int error = doctor_access(user, path, kind == DOCTOR_FOLDER ? R_OK | X_OK : R_OK);
    if (error != 0)
        doctor_add(doctor, DOCTOR_ERROR, remedy, "%s: the user %s cannot read it: %s", path,
                user->pw_name, strerror(error));
    else if (kind == DOCTOR_SECRET && (st.st_mode & S_IROTH) != 0)
        doctor_add(doctor, DOCTOR_ERROR, remedy, "%s: everybody may read this secret key", path);
    else if ((st.st_mode & S_IWOTH) != 0)
        doctor_add(doctor, DOCTOR_ERROR, remedy, "%s: everybody may write it", path);
    else
        return true;
    return false;
}

static void doctor_check_keys(
        struct doctor *doctor, const struct passwd *user, const char *path, enum key_kind kind)
{
    struct keyfolder list;
    const char *error = NULL;
    char remedy[REMEDY_MAX];

    if (keyfolder_list(path, kind, &list, &error)) {
        const bool is_open =
                !list.is_folder || doctor_check_file(doctor, user, path, DOCTOR_FOLDER);
        for (size_t i = 0; is_open && i < list.count; i++)
            (void)doctor_check_file(doctor, user, list.paths[i],
                    key_kind_is_public(kind) ? DOCTOR_PUBLIC : DOCTOR_SECRET);
    } else {
        snprintf(remedy, sizeof remedy, "chgrp %s %s && chmod 750 %s", user->pw_name, path, path);
        doctor_add(doctor, DOCTOR_ERROR, list.count > 0 ? remedy : "verimail setup", "%s: %s", path,
                error);
    }
    keyfolder_free(&list);
}

void doctor_files(struct doctor *doctor)
{
    const struct config *config = doctor->config;
    const struct passwd *user;

    if (config->service_count > 0 &&
            (user = doctor_user(doctor, config->service->run_as.at)) != NULL) {
        (void)doctor_check_file(doctor, user, doctor->config_path, DOCTOR_CONFIG);
        for (size_t i = 0; i < config->service->keys.count; i++)
            doctor_check_keys(doctor, user, config->service->keys.at[i].at, KEY_SERVICE_SECRET);
        for (size_t i = 0; i < config->service->answer_keys.count; i++)
            doctor_check_keys(
                    doctor, user, config->service->answer_keys.at[i].at, KEY_ANSWER_SECRET);
        for (size_t i = 0; i < config->hosts_count; i++)
            for (size_t k = 0; k < config->hosts[i].keys.count; k++)
                if (config->hosts[i].keys.at[k].at[0] == '/')
                    doctor_check_keys(
                            doctor, user, config->hosts[i].keys.at[k].at, KEY_HOST_PUBLIC);
    }
    if (config->milter_count > 0 &&
            (user = doctor_user(doctor, config->milter->run_as.at)) != NULL) {
        if (config->service_count == 0)
            (void)doctor_check_file(doctor, user, doctor->config_path, DOCTOR_CONFIG);
        if (config->stamp_count > 0)
            doctor_check_keys(doctor, user, config->stamp->key.at, KEY_HOST_SECRET);
    }
    doctor_add_good(doctor, "the daemons' user can read the configuration and the keys");
}

static void doctor_check_state(struct doctor *doctor, const char *user_name, const char *path)
{
    const struct passwd *user = getpwnam(user_name);
    char remedy[REMEDY_MAX];

    if (user == NULL)
        return;
    const int error = doctor_access(user, path, R_OK | W_OK | X_OK);
    snprintf(remedy, sizeof remedy, "install -d -o %s -g %s -m 700 %s", user_name, user_name, path);
    if (error != 0)
        doctor_add(doctor, DOCTOR_ERROR, remedy, "%s: the user %s cannot write there: %s", path,
                user_name, strerror(error));
}

void doctor_state(struct doctor *doctor)
{
    const struct config *config = doctor->config;

    if (config->service_count > 0)
        doctor_check_state(doctor, config->service->run_as.at, config->service->state.at);
    if (config->milter_count > 0 &&
            (config->service_count == 0 ||
                    strcmp(config->service->state.at, config->milter->state.at) != 0))
        doctor_check_state(doctor, config->milter->run_as.at, config->milter->state.at);
    doctor_add_good(doctor, "the daemons can write to their state folders");
}

static void doctor_check_age(
        struct doctor *doctor, const char *path, enum key_kind kind, const char *remedy)
{
    struct keyfolder list;
    const char *error = NULL;
    struct stat st;

    if (keyfolder_list(path, kind, &list, &error) && stat(list.paths[0], &st) == 0) {
        const uint64_t now = unix_now();
        const uint64_t made = (uint64_t)st.st_mtime;
        const uint64_t days = now > made ? (now - made) / DAY : 0;
        if (days > KEY_AGE_MAX)
            doctor_add(doctor, DOCTOR_WARNING, remedy, "%s: this key is %llu days old",
                    list.paths[0], (unsigned long long)days);
    }
    keyfolder_free(&list);
}

void doctor_key_age(struct doctor *doctor)
{
    const struct config *config = doctor->config;

    if (config->service_count > 0 && config->service->keys.count > 0)
        doctor_check_age(doctor, config->service->keys.at[0].at, KEY_SERVICE_SECRET,
                "verimail rotate service");
    if (config->stamp_count > 0)
        doctor_check_age(doctor, config->stamp->key.at, KEY_HOST_SECRET, "verimail rotate host");
    doctor_add_good(doctor, "no key in use is older than %d days", KEY_AGE_MAX);
}

/* A configuration that was not changed for so long says so for so long. */
void doctor_testing(struct doctor *doctor)
{
    const struct config *config = doctor->config;
    struct stat st;
    uint64_t days = 0;

    if (stat(doctor->config_path, &st) == 0 && unix_now() > (uint64_t)st.st_mtime)
        days = (unix_now() - (uint64_t)st.st_mtime) / DAY;
    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].policy.testing && days > 30)
            doctor_add(doctor, DOCTOR_WARNING, "verimail enforce origin",
                    "%s has been under test for over 30 days: forgeries of it are not refused",
                    config->domains[i].name.at);
    if (config->verify_count > 0 && strcmp(config->verify->mode.at, "monitor") == 0 && days > 30)
        doctor_add(doctor, DOCTOR_WARNING, "verimail enforce receiver",
                "mode = monitor for over 30 days: forged mail is not refused");
    doctor_add_good(doctor, "nothing has been under test for over 30 days");
}
