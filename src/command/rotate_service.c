// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/config_change.h"
#include "command/daemon.h"
#include "command/rotate.h"
#include "verimaild/keyuse.h"

/* A service's key is made, loaded by the service beside the old ones, and only then taken by the
 * hosts. */
struct job {
    const struct rotation *rotation;
    struct rotate_keys keys; /* of the service */
    struct rotate_mark mark;
    bool is_host; /* this machine stamps for this service */
};

static enum status rotate_service_read(struct job *job)
{
    rotate_keys_free(&job->keys);
    return rotate_keys_read(
            job->rotation, &job->rotation->config->service->keys, KEY_SERVICE_SECRET, &job->keys);
}

/* Whether any host has ever used the newest key. */
static bool rotate_service_is_used(const struct job *job)
{
    const struct config *config = job->rotation->config;
    struct rotate_keys hosts = {0};
    unsigned char id[KEY_ID_OCTETS];
    uint64_t used = 0;
    uint64_t since;

    for (size_t i = 0; used == 0 && i < config->hosts_count; i++) {
        rotate_keys_free(&hosts);
        if (rotate_keys_read(job->rotation, &config->hosts[i].keys, KEY_HOST_PUBLIC, &hosts) !=
                STATUS_OK)
            continue;
        for (size_t k = 0; used == 0 && k < hosts.count; k++) {
            key_id(hosts.at[k].public, job->keys.at[0].public, id);
            if (!keyuse_find(config->service->state.at, id, &used, &since))
                used = 0;
        }
    }
    rotate_keys_free(&hosts);
    return used > 0;
}

/* Whether the newest key still has to be taken by the hosts, so that no other one is made. */
static bool rotate_service_is_waiting(const struct job *job)
{
    const struct rotation *r = job->rotation;

    return job->mark.before[0] == '\0' && !job->is_host && job->keys.count > 1 &&
           job->keys.at[0].since + r->keep > r->unix_now && !rotate_service_is_used(job);
}

/* The key of this moment, unless an interrupted rotation has made it. */
static enum status rotate_service_make(struct job *job)
{
    enum status status = STATUS_OK;

    if (job->mark.before[0] == '\0')
        status = rotate_mark_set(job->rotation, &job->mark, job->keys.at[0].text);
    if (status == STATUS_OK && strcmp(job->keys.at[0].text, job->mark.before) == 0)
        status = rotate_make(job->rotation, &job->keys, KEY_SERVICE_SECRET,
                keyfolder_suffix(KEY_SERVICE_SECRET));
    return status == STATUS_OK ? rotate_service_read(job) : status;
}

/* The public half, beside its secret one. */
static enum status rotate_service_write_public(const struct job *job)
{
    const struct rotate_key *key = &job->keys.at[0];
    const size_t len = strlen(key->path) - strlen(keyfolder_suffix(KEY_SERVICE_SECRET));
    char path[4096];

    snprintf(
            path, sizeof path, "%.*s%s", (int)len, key->path, keyfolder_suffix(KEY_SERVICE_PUBLIC));
    return rotate_write_public(job->rotation, path, key->text, job->keys.folder);
}

/* On this machine: the option `service_key`, then the milter. */
static enum status rotate_service_take(const struct job *job)
{
    static const struct edit_step stamp[] = {{"stamp", NULL}, {NULL, NULL}};
    const struct rotation *r = job->rotation;
    char value[KEY_TEXT_MAX + 3];
    struct edit *edit = NULL;
    enum status status = STATUS_OK;

    if (strcmp(r->config->stamp->service_key.at, job->keys.at[0].text) != 0) {
        snprintf(value, sizeof value, "\"%s\"", job->keys.at[0].text);
        edit = edit_load(r->invocation->config_path);
        status = edit != NULL && edit_set(edit, stamp, "service_key", value)
                         ? config_change_apply(r->invocation, edit, true)
                         : STATUS_FAILURE;
    }
    edit_free(&edit);
    return status == STATUS_OK ? rotate_reload(r, DAEMON_MILTER) : status;
}

/* On other machines. */
static void rotate_service_tell(const struct job *job)
{
    const struct config *config = job->rotation->config;
    char command[KEY_TEXT_MAX + 64];

    snprintf(command, sizeof command, "verimail rotate accept %s", job->keys.at[0].text);
    for (size_t i = 0; i < config->hosts_count; i++) {
        const char *name = config->hosts[i].name.at;
        if (job->is_host && strcasecmp(name, config->stamp->host.at) == 0)
            continue;
        rotate_tell(job->rotation, name, "this host should take the service's new key", command);
    }
}

static bool rotate_service_has_others(const struct job *job)
{
    return job->rotation->config->hosts_count > (job->is_host ? 1 : 0);
}

static enum status rotate_service_go(struct job *job)
{
    const struct rotation *r = job->rotation;

    if (r->unattended && job->mark.before[0] == '\0' && rotate_service_has_others(job)) {
        rotate_tell(r, "service", "other machines stamp for this service: its key waits for you",
                "verimail rotate service");
        return STATUS_OK;
    }
    if (rotate_service_is_waiting(job)) {
        rotate_say(r, "no host uses the newest key yet: no other one is made");
        rotate_service_tell(job);
        return STATUS_OK;
    }
    enum status status = rotate_service_make(job);
    if (status == STATUS_OK)
        status = rotate_service_write_public(job);
    if (status == STATUS_OK)
        status = rotate_reload(r, DAEMON_SERVICE);
    if (status == STATUS_OK && r->prepares) {
        rotate_say(r,
                "copy %s to the other services, reload them, and run this again without "
                "--prepare",
                job->keys.at[0].path);
        return STATUS_OK;
    }
    if (status == STATUS_OK && job->is_host)
        status = rotate_service_take(job);
    if (status == STATUS_OK)
        rotate_service_tell(job);
    if (status == STATUS_OK)
        status = rotate_mark_remove(r, &job->mark);
    return status;
}

enum status rotate_service(const struct rotation *rotation)
{
    const struct config *config = rotation->config;
    struct job job = {.rotation = rotation};
    enum status status = rotate_service_read(&job);

    if (status == STATUS_OK && job.keys.folder == NULL) {
        rotate_complain_no_folder(
                rotation, true, config->service->run_as.at, &config->service->keys.at[0]);
        status = STATUS_CONFIG;
    }
    if (status == STATUS_OK)
        status = rotate_mark_open(rotation, job.keys.folder, &job.mark);
    if (status == STATUS_OK) {
        job.is_host = config->stamp_count > 0 &&
                      rotate_keys_find(&job.keys, config->stamp->service_key.at) != NULL;
        status = rotate_service_go(&job);
        rotate_mark_close(&job.mark);
    }
    rotate_keys_free(&job.keys);
    return status;
}
