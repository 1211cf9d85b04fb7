// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/disk.h"
#include "command/daemon.h"
#include "command/rotate.h"
#include "verimaild/keyuse.h"

/* Old keys, and when each pair of them was used last. */
struct job {
    const struct rotation *rotation;
    struct rotate_keys service;
    struct rotate_keys *hosts; /* of each section `host` */
    bool is_changed;           /* keys that the service reads were removed */
};

/* When pairs of some keys of a host and some of the service were used last. */
struct last {
    uint64_t used;  /* 0: never */
    uint64_t since; /* when the first of them appeared: the service has noted their use since then;
                       0: it has not */
};

/* A part of a list of keys, newest first. */
struct range {
    size_t from;
    size_t to;
};

static struct last rotate_old_last(const struct job *job, const struct rotate_keys *host,
        struct range of_host, struct range of_service)
{
    const char *state = job->rotation->config->service->state.at;
    struct last last = {0};
    unsigned char id[KEY_ID_OCTETS];
    uint64_t used;
    uint64_t since;

    for (size_t h = of_host.from; h < of_host.to; h++) {
        for (size_t s = of_service.from; s < of_service.to; s++) {
            key_id(host->at[h].public, job->service.at[s].public, id);
            if (!keyuse_find(state, id, &used, &since))
                continue;
            if (used > last.used)
                last.used = used;
            if (since > 0 && (last.since == 0 || since < last.since))
                last.since = since;
        }
    }
    return last;
}

/* Whether stamps by the old keys are past, and the host has a newer one: it has used that since, or
 * it is this machine (`has_newer`). A host that was silent may still have the old one. */
static bool rotate_old_is_past(
        const struct job *job, struct last old, uint64_t newer_used, bool has_newer)
{
    const struct rotation *r = job->rotation;

    return old.since > 0 && old.since + r->keep < r->unix_now && old.used + r->keep < r->unix_now &&
           (has_newer || (newer_used > 0 && newer_used >= old.used));
}

static bool rotate_old_is_superseded(const struct job *job, const struct rotate_key *newer)
{
    const struct rotation *r = job->rotation;

    return newer->since > 0 && newer->since + r->keep < r->unix_now;
}

/* Removes one half, and the other one beside it. */
static enum status rotate_old_remove(struct job *job, const char *path)
{
    static const char *const suffixes[] = {".key", ".pub"};
    const struct rotation *r = job->rotation;
    const size_t len = strlen(path) - strlen(suffixes[0]);
    char half[4096];

    for (size_t i = 0; i < 2; i++) {
        snprintf(half, sizeof half, "%.*s%s", (int)len, path, suffixes[i]);
        if (unlink(half) == 0)
            rotate_say(r, "removed %s: its stamps are past", half);
        else if (errno != ENOENT) {
            command_complain(r->invocation, "%s: %s", half, strerror(errno));
            return STATUS_CREATE;
        }
    }
    job->is_changed = true;
    return disk_sync_folder(path) ? STATUS_OK : STATUS_CREATE;
}

static bool rotate_old_is_in_folder(const struct rotate_keys *keys, const struct rotate_key *key)
{
    const size_t len = keys->folder != NULL ? strlen(keys->folder) : 0;

    return len > 0 && key->path != NULL && strncmp(key->path, keys->folder, len) == 0;
}

/* Whether this machine is that host, and uses one of the first `count` keys for it. */
static bool rotate_old_has_newer(const struct job *job, const char *host,
        const struct rotate_keys *keys, size_t count, const char *own)
{
    const struct config *config = job->rotation->config;
    const struct rotate_key *key = own != NULL ? rotate_keys_find(keys, own) : NULL;

    return config->stamp_count > 0 && strcasecmp(config->stamp->host.at, host) == 0 &&
           key != NULL && (size_t)(key - keys->at) < count;
}

/* Each service key but the newest, once no host has used it for long enough. */
static enum status rotate_old_service(struct job *job)
{
    const struct config *config = job->rotation->config;
    enum status status = STATUS_OK;

    for (size_t s = 1; status == STATUS_OK && s < job->service.count; s++) {
        const struct rotate_key *key = &job->service.at[s];
        bool is_past =
                rotate_old_is_in_folder(&job->service, key) &&
                rotate_old_is_superseded(job, &job->service.at[s - 1]) &&
                (config->stamp_count == 0 || strcmp(config->stamp->service_key.at, key->text) != 0);
        for (size_t i = 0; is_past && i < config->hosts_count; i++) {
            const struct range all = {0, job->hosts[i].count};
            is_past = rotate_old_is_past(job,
                    rotate_old_last(job, &job->hosts[i], all, (struct range){s, s + 1}),
                    rotate_old_last(job, &job->hosts[i], all, (struct range){0, s}).used,
                    rotate_old_has_newer(job, config->hosts[i].name.at, &job->service, s,
                            config->stamp_count > 0 ? config->stamp->service_key.at : NULL));
        }
        if (is_past)
            status = rotate_old_remove(job, key->path);
    }
    return status;
}

/* The same of each host's keys. The newest, and the one that this host uses, stay. */
static enum status rotate_old_hosts(struct job *job, const struct rotate_keys *own)
{
    const struct config *config = job->rotation->config;
    const struct range all = {0, job->service.count};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < config->hosts_count; i++) {
        const struct rotate_keys *host = &job->hosts[i];
        for (size_t h = 1; status == STATUS_OK && h < host->count; h++) {
            const struct rotate_key *key = &host->at[h];
            const bool is_in_use = own->count > 0 && strcmp(own->at[0].text, key->text) == 0;
            if (!is_in_use && rotate_old_is_in_folder(host, key) &&
                    rotate_old_is_superseded(job, &host->at[h - 1]) &&
                    rotate_old_is_past(job,
                            rotate_old_last(job, host, (struct range){h, h + 1}, all),
                            rotate_old_last(job, host, (struct range){0, h}, all).used,
                            rotate_old_has_newer(job, config->hosts[i].name.at, host, h,
                                    own->count > 0 ? own->at[0].text : NULL)))
                status = rotate_old_remove(job, key->path);
        }
    }
    return status;
}

/* Secret keys that the host no longer uses, where no service of this machine has their other half.
 */
static enum status rotate_old_secrets(struct job *job, const struct rotate_keys *own)
{
    enum status status = STATUS_OK;

    for (size_t k = 1; status == STATUS_OK && k < own->count; k++) {
        bool is_known = false;
        for (size_t i = 0; i < job->rotation->config->hosts_count; i++)
            is_known = is_known || rotate_keys_find(&job->hosts[i], own->at[k].text) != NULL;
        if (!is_known && rotate_old_is_in_folder(own, &own->at[k]) &&
                rotate_old_is_superseded(job, &own->at[k - 1]))
            status = rotate_old_remove(job, own->at[k].path);
    }
    return status;
}

static enum status rotate_old_read(struct job *job, struct rotate_keys *own)
{
    const struct config *config = job->rotation->config;
    struct config_list key = {.count = 1};
    enum status status = STATUS_OK;

    if (config->stamp_count > 0) {
        key.at = &config->stamp->key;
        status = rotate_keys_read(job->rotation, &key, KEY_HOST_SECRET, own);
    }
    if (status == STATUS_OK && config->service_count > 0)
        status = rotate_keys_read(
                job->rotation, &config->service->keys, KEY_SERVICE_SECRET, &job->service);
    for (size_t i = 0; status == STATUS_OK && i < config->hosts_count; i++)
        status = rotate_keys_read(
                job->rotation, &config->hosts[i].keys, KEY_HOST_PUBLIC, &job->hosts[i]);
    return status;
}

enum status rotate_remove_old(const struct rotation *rotation)
{
    const struct config *config = rotation->config;
    struct job job = {
            .rotation = rotation, .hosts = calloc(config->hosts_count + 1, sizeof *job.hosts)};
    struct rotate_keys own = {0};
    enum status status = STATUS_FAILURE;

    if (job.hosts != NULL)
        status = rotate_old_read(&job, &own);
    if (status == STATUS_OK && config->service_count > 0)
        status = rotate_old_service(&job);
    if (status == STATUS_OK && config->service_count > 0)
        status = rotate_old_hosts(&job, &own);
    if (status == STATUS_OK)
        status = rotate_old_secrets(&job, &own);
    if (job.is_changed && config->service_count > 0 && status == STATUS_OK)
        status = rotate_reload(rotation, DAEMON_SERVICE);
    for (size_t i = 0; job.hosts != NULL && i < config->hosts_count; i++)
        rotate_keys_free(&job.hosts[i]);
    free(job.hosts);
    rotate_keys_free(&job.service);
    rotate_keys_free(&own);
    return status;
}
