// SPDX-License-Identifier: ISC
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/across.h"
#include "config/across_keys.h"
#include "config/key_listing.h"
#include "config/port_check.h"
#include "config/run_as.h"
#include "events/recorder_setup.h"
#include "process/notify.h"
#include "protocol/judge.h"
#include "verimaild/tables.h"
#include "verimaild/verimaild.h"

/* `verimaild -t`: what a start would find, and what it would not. */

/* Warns of files that the supervisor reads: under systemd it is not root. */
static void preflight_warn_unreadable(
        const struct config *config, const char *config_path, struct problems *warnings)
{
    const struct config_service *service = config->service;
    const char *run_as = service->run_as.at;

    run_as_check_file(run_as, config_path, 0, warnings);
    for (size_t i = 0; i < service->keys.count; i++)
        run_as_check_keys(run_as, service->keys.at[i].at, KEY_SERVICE_SECRET,
                service->keys.at[i].line, warnings);
    for (size_t i = 0; i < config->hosts_count; i++) {
        const struct config_list *keys = &config->hosts[i].keys;
        for (size_t k = 0; k < keys->count; k++)
            if (keys->at[k].at[0] == '/')
                run_as_check_keys(
                        run_as, keys->at[k].at, KEY_HOST_PUBLIC, keys->at[k].line, warnings);
    }
    if (service->replay_password.at != NULL)
        run_as_check_file(
                run_as, service->replay_password.at, service->replay_password.line, warnings);
    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_text *key = &config->domains[i].classic_key;
        if (key->at != NULL)
            run_as_check_file(run_as, key->at, key->line, warnings);
    }
}

/* The store of counts is files in a folder: the store, its lock and its mark. */
static void preflight_warn_of_replay(
        const struct config_service *service, struct problems *warnings)
{
    static const char scheme[] = "lmdb:";
    const char *path = service->replay.at + sizeof scheme - 1;
    char above[PATH_MAX];

    if (strncmp(service->replay.at, scheme, sizeof scheme - 1) != 0)
        return;
    const char *slash = strrchr(path, '/');
    snprintf(above, sizeof above, "%.*s", slash != path ? (int)(slash - path) : 1, path);
    if (strcmp(above, service->state.at) != 0) /* that has its own warning */
        run_as_check_folder(service->run_as.at, above, service->replay.line, warnings);
}

static void preflight_warn_of_folders(
        const struct config_service *service, struct problems *warnings)
{
    const char *run_as = service->run_as.at;

    run_as_check_folder(run_as, service->state.at, service->state.line, warnings);
    preflight_warn_of_replay(service, warnings);
    if (service->metrics.at != NULL && notify_is_booted())
        run_as_check_socket(run_as, service->metrics.at, service->metrics.line, warnings);
}

static void preflight_warn(const struct config *config, const char *config_path,
        const struct service *service, struct problems *warnings)
{
    const struct config_service *section = config->service;

    keyuse_warn(service_keyring(service), section->state.at, service_keep(service) - JUDGE_FUTURE,
            unix_now(), warnings);
    across_warn_service(config, unix_now(), warnings);
    across_warn_local(config, warnings);
    across_warn_keys(config, warnings);
    preflight_warn_of_folders(section, warnings);
    for (size_t i = 0; i < section->listen.count; i++)
        port_check(&section->listen.at[i], section->listen.at[i].at, "verimaild", warnings);
    if (notify_is_booted())
        preflight_warn_unreadable(config, config_path, warnings);
}

static void preflight_print(
        const struct config *config, const char *config_path, const struct service *service)
{
    size_t users = 0;

    for (size_t i = 0; i < config->domains_count; i++)
        users += config->domains[i].users_count;
    printf("OK: domains %zu, users %zu, tables of users %zu, hosts %zu, pairs of keys %zu\n",
            config->domains_count, users, service_tables(service), config->hosts_count,
            keyring_count(service_keyring(service)));
    printf("read: %s\n", config_path);
    for (size_t i = 0; i < config->service->keys.count; i++)
        key_listing_print(stdout, config->service->keys.at[i].at, KEY_SERVICE_SECRET, SIZE_MAX);
    for (size_t i = 0; i < config->hosts_count; i++)
        for (size_t k = 0; k < config->hosts[i].keys.count; k++)
            key_listing_print(stdout, config->hosts[i].keys.at[k].at, KEY_HOST_PUBLIC, SIZE_MAX);
}

/* NULL when a start would fail. */
static struct service *preflight_make_service(
        const struct config *config, struct problems *problems)
{
    struct identity identity;
    struct service *service = service_init(config, problems);

    if (!run_as_find(&config->service->run_as, &identity, problems) ||
            !tables_check(config, &identity, problems))
        service_free(&service);
    return service;
}

static bool preflight_has_recorder(struct problems *problems)
{
    char path[RECORDER_PATH_MAX];
    const bool found = recorder_find(path);

    if (!found)
        problems_add(problems, 0, RECORDER_MISSING, path, RECORDER_EXPECTED);
    return found;
}

int verimaild_check(const char *path)
{
    struct problems *problems = problems_init(path);
    struct config *config = problems != NULL ? service_config_read(path, problems) : NULL;
    struct service *service = config != NULL ? preflight_make_service(config, problems) : NULL;
    const bool good = service != NULL && preflight_has_recorder(problems);

    if (good)
        preflight_warn(config, path, service, problems);
    fputs(problems != NULL ? problems_text(problems) : "out of memory\n", stderr);
    if (good)
        preflight_print(config, path, service);
    const int status =
            problems != NULL && !problems_are_passing(problems) ? EX_CONFIG : EXIT_FAILURE;
    service_free(&service);
    config_free(&config);
    problems_free(&problems);
    return good ? EXIT_SUCCESS : status;
}
