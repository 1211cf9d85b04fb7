// SPDX-License-Identifier: ISC
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/keyfile.h"
#include "command/config_change.h"
#include "command/daemon.h"
#include "command/proof.h"
#include "command/rotate.h"
#include "command/verify_setup.h"

#define NEW ".new" /* behind the name of a key that is not used yet */

/* A host's key is made, known to the service beside the old ones, and only then used. */
struct job {
    const struct rotation *rotation;
    struct rotate_keys keys; /* the host's secret ones */
    struct rotate_mark mark;
    char pending[4096];                /* the new key's file, with NEW behind its name */
    struct rotate_keys next;           /* the new key */
    const struct config_host *section; /* of this host, where its service is here; else NULL */
};

static enum status rotate_host_read(struct job *job)
{
    struct config_list option = {.at = &job->rotation->config->stamp->key, .count = 1};

    rotate_keys_free(&job->keys);
    return rotate_keys_read(job->rotation, &option, KEY_HOST_SECRET, &job->keys);
}

/* Whether the service that the host stamps for is the one of this configuration. */
static enum status rotate_host_find_service(struct job *job)
{
    const struct config *config = job->rotation->config;
    struct rotate_keys keys = {0};
    enum status status = STATUS_OK;

    if (config->service_count > 0)
        status = rotate_keys_read(job->rotation, &config->service->keys, KEY_SERVICE_SECRET, &keys);
    if (rotate_keys_find(&keys, config->stamp->service_key.at) != NULL)
        job->section = rotate_host_section(config, config->stamp->host.at);
    rotate_keys_free(&keys);
    return status;
}

/* The key that an earlier run has made. False: there is none. */
static bool rotate_host_find_pending(struct job *job)
{
    const char *wanted = ".key" NEW;
    DIR *folder = opendir(job->keys.folder);
    char newest[NAME_MAX + 1] = "";

    if (folder == NULL)
        return false;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const size_t len = strlen(entry->d_name);
        if (len > strlen(wanted) && strcmp(entry->d_name + len - strlen(wanted), wanted) == 0 &&
                entry->d_name[0] != '.' && strcmp(entry->d_name, newest) > 0)
            snprintf(newest, sizeof newest, "%s", entry->d_name);
    }
    closedir(folder);
    return newest[0] != '\0' && snprintf(job->pending, sizeof job->pending, "%s/%s",
                                        job->keys.folder, newest) < (int)sizeof job->pending;
}

/* Makes the new key, unless it was made before an interruption. */
static enum status rotate_host_make(struct job *job)
{
    struct config_text text = {.at = job->pending};
    struct config_list option = {.at = &text, .count = 1};
    enum status status = STATUS_OK;

    if (!rotate_host_find_pending(job)) {
        status = rotate_make(job->rotation, &job->keys, KEY_HOST_SECRET, ".key" NEW);
        if (status == STATUS_OK && !rotate_host_find_pending(job))
            status = STATUS_FAILURE;
    }
    return status == STATUS_OK
                   ? rotate_keys_read(job->rotation, &option, KEY_HOST_SECRET, &job->next)
                   : status;
}

/* Adds a public key to the option `keys` of a section `host`, in front. */
static enum status rotate_host_add_to_file(
        const struct rotation *r, const struct config_host *section, const char *text)
{
    const struct edit_step path[] = {{"host", section->name.at}, {NULL, NULL}};
    struct edit *edit = edit_load(r->invocation->config_path);
    struct edit_place place;
    char new[KEY_TEXT_MAX + 8];
    enum status status = STATUS_FAILURE;

    if (edit != NULL && edit_find_option(edit, path, "keys", &place)) {
        const bool is_list = edit_text(edit).at[place.value] == '{';
        snprintf(new, sizeof new, "%s\"%s\", ", is_list ? "" : "{", text);
        const size_t at = place.value + (is_list ? 1 : 0);
        if ((is_list || edit_replace(edit, place.end, place.end, text_of("}"))) &&
                edit_replace(edit, at, at, text_of(new)))
            status = config_change_apply(r->invocation, edit, true);
    } else {
        command_complain(r->invocation, "%s: the keys of host %s cannot be found",
                r->invocation->config_path, section->name.at);
    }
    edit_free(&edit);
    return status;
}

/* Puts a host's public key where the service of this machine reads it. `name`: of its file. */
static enum status rotate_host_publish(const struct rotation *r, const struct config_host *section,
        const char *text, const char *name)
{
    struct rotate_keys keys = {0};
    char path[4096];
    enum status status = rotate_keys_read(r, &section->keys, KEY_HOST_PUBLIC, &keys);

    if (status == STATUS_OK && rotate_keys_find(&keys, text) == NULL) {
        if (keys.folder != NULL) {
            snprintf(path, sizeof path, "%s/%s%s", keys.folder, name,
                    keyfolder_suffix(KEY_HOST_PUBLIC));
            status = rotate_write_public(r, path, text, keys.folder);
            if (status == STATUS_OK)
                rotate_say(r, "its public half is %s", path);
        } else {
            status = rotate_host_add_to_file(r, section, text);
        }
    }
    rotate_keys_free(&keys);
    return status == STATUS_OK ? rotate_reload(r, DAEMON_SERVICE) : status;
}

/* What the service elsewhere says to a stamp by the new key. */
static enum status rotate_host_ask(
        const struct job *job, const unsigned char *secret, struct client_outcome *outcome_r)
{
    const struct rotation *r = job->rotation;
    const struct config_stamp *stamp = r->config->stamp;
    struct keyring *ring = keyring_init(1);
    unsigned char service[KEY_OCTETS];
    struct address user;
    struct verify_setup setup;

    const bool good =
            ring != NULL &&
            key_parse(text_of(stamp->service_key.at), KEY_SERVICE_PUBLIC, service) == KEY_OK &&
            keyring_add_sender(ring, stamp->host.at, secret, service) == KEY_OK &&
            address_parse(text_of(r->user != NULL ? r->user : "postmaster"),
                    text_of(stamp->domains.at[0].at), &user);
    enum status status = good ? verify_setup_init(r->invocation, &setup) : STATUS_DATA;
    if (!good)
        command_complain(r->invocation, "--user %s: expected a user, as in alice@example.org",
                r->user != NULL ? r->user : "");
    if (status == STATUS_OK)
        proof_ask_through(&setup, keyring_at(ring, 0), &user, r->unix_now, outcome_r);
    if (good)
        verify_setup_clear(&setup);
    if (ring != NULL)
        (void)keyring_free(&ring); /* if it fails, the process's end frees it */
    return status;
}

static void rotate_host_tell(const struct job *job, const char *because)
{
    char command[KEY_TEXT_MAX + DOMAIN_MAX + 64];

    snprintf(command, sizeof command, "verimail rotate accept %s %s",
            job->rotation->config->stamp->host.at, job->next.at[0].text);
    rotate_tell(job->rotation, "the service", because, command);
}

/* Whether the service elsewhere has the new key already. */
static enum status rotate_host_is_known(const struct job *job)
{
    const struct rotation *r = job->rotation;
    unsigned char *secret = sodium_malloc(KEY_OCTETS);
    const char *error = "out of memory";
    struct client_outcome outcome;
    char said[PROOF_TEXT_MAX];
    enum status status = STATUS_FAILURE;

    if (secret == NULL || !keyfile_read(job->pending, KEY_HOST_SECRET, secret, &error))
        command_complain(r->invocation, "%s: %s", job->pending, error);
    else
        status = rotate_host_ask(job, secret, &outcome);
    sodium_free(secret);
    if (status != STATUS_OK)
        return status;
    proof_text(&outcome, said);
    if (outcome.verdict == VERDICT_NO && outcome.reason == REASON_FORGED) {
        rotate_host_tell(job, "this host's new key must be known there first; then run this again");
        return STATUS_FAILURE;
    }
    const bool is_sure = outcome.verdict == VERDICT_YES ||
                         (outcome.verdict != VERDICT_NONE && outcome.verdict != VERDICT_TEMPERROR &&
                                 outcome.reason != REASON_TESTING);
    if (is_sure || r->yes) {
        rotate_say(r, "the service says %s to a stamp by the new key", said);
        return STATUS_OK;
    }
    rotate_say(r,
            "the service says %s: whether it has the new key is not known. Run this again "
            "with --user USER, or with --yes if it has it",
            said);
    rotate_host_tell(job, "this host's new key must be known there first");
    return STATUS_FAILURE;
}

/* The name of the new key without folder and suffix. */
static void rotate_host_name(const struct job *job, char name_r[NAME_MAX + 1])
{
    const char *base = strrchr(job->pending, '/') + 1;

    snprintf(name_r, NAME_MAX + 1, "%.*s", (int)(strlen(base) - strlen(".key" NEW)), base);
}

/* Gives the new key its name: from the next reload on the host uses it. */
static enum status rotate_host_use(const struct job *job)
{
    char path[4096];

    snprintf(path, sizeof path, "%.*s", (int)(strlen(job->pending) - strlen(NEW)), job->pending);
    if (rename(job->pending, path) == 0 && disk_sync_folder(path)) {
        rotate_say(job->rotation, "it is %s now", path);
        return STATUS_OK;
    }
    command_complain(job->rotation->invocation, "%s: %s", job->pending, strerror(errno));
    return STATUS_CREATE;
}

/* Up to the moment from which on the host has the new key. */
static enum status rotate_host_prepare(struct job *job)
{
    char name[NAME_MAX + 1];
    enum status status = rotate_host_make(job);

    if (status != STATUS_OK)
        return status;
    rotate_host_name(job, name);
    status = job->section != NULL
                     ? rotate_host_publish(job->rotation, job->section, job->next.at[0].text, name)
                     : rotate_host_is_known(job);
    if (status != STATUS_OK || !job->rotation->prepares)
        return status == STATUS_OK ? rotate_host_use(job) : status;
    rotate_host_tell(job, "the other services should know the key, too; then run this again "
                          "without --prepare");
    return STATUS_OK;
}

static enum status rotate_host_go(struct job *job)
{
    const struct rotation *r = job->rotation;
    enum status status = STATUS_OK;

    if (r->unattended && job->section == NULL) {
        rotate_tell(r, r->config->stamp->host.at,
                "the service of this host is on another machine: its key waits for you",
                "verimail rotate host");
        return STATUS_OK;
    }
    if (job->mark.before[0] == '\0')
        status = rotate_mark_set(r, &job->mark, job->keys.at[0].text);
    if (status == STATUS_OK && strcmp(job->keys.at[0].text, job->mark.before) == 0)
        status = rotate_host_prepare(job);
    if (status != STATUS_OK || r->prepares)
        return status;
    status = rotate_reload(r, DAEMON_MILTER);
    return status == STATUS_OK ? rotate_mark_remove(r, &job->mark) : status;
}

enum status rotate_host(const struct rotation *rotation)
{
    const struct config *config = rotation->config;
    struct job job = {.rotation = rotation};
    enum status status = rotate_host_read(&job);

    if (status == STATUS_OK && job.keys.folder == NULL) {
        rotate_complain_no_folder(rotation, false,
                config->milter_count > 0 ? config->milter->run_as.at : "verimail",
                &config->stamp->key);
        status = STATUS_CONFIG;
    }
    if (status == STATUS_OK)
        status = rotate_host_find_service(&job);
    if (status == STATUS_OK)
        status = rotate_mark_open(rotation, job.keys.folder, &job.mark);
    if (status == STATUS_OK) {
        status = rotate_host_go(&job);
        rotate_mark_close(&job.mark);
    }
    rotate_keys_free(&job.next);
    rotate_keys_free(&job.keys);
    return status;
}

/* On a sending host: the service's new key, unless the service says that it has no such key. */
static enum status rotate_accept_service(const struct rotation *r, const char *key)
{
    static const struct edit_step stamp[] = {{"stamp", NULL}, {NULL, NULL}};
    char value[KEY_TEXT_MAX + 3];
    enum status status = STATUS_OK;

    if (r->config->stamp_count == 0) {
        command_complain(r->invocation, "%s: no stamp section: run this on a sending host",
                r->invocation->config_path);
        return STATUS_CONFIG;
    }
    if (strcmp(r->config->stamp->service_key.at, key) != 0) {
        struct edit *edit = edit_load(r->invocation->config_path);
        snprintf(value, sizeof value, "\"%s\"", key);
        status = edit != NULL && edit_set(edit, stamp, "service_key", value)
                         ? config_change_apply(r->invocation, edit, true)
                         : STATUS_FAILURE;
        edit_free(&edit);
    }
    return status == STATUS_OK ? rotate_reload(r, DAEMON_MILTER) : status;
}

/* Where the service runs: a host's new key. */
static enum status rotate_accept_host(const struct rotation *r, const char *host, const char *key)
{
    const struct config_host *section = rotate_host_section(r->config, host);
    char name[KEYFOLDER_NAME_MAX];

    if (r->config->service_count == 0 || section == NULL) {
        command_complain(r->invocation,
                "%s: no section host of that name in %s: run this where the service runs, or add "
                "host \"%s\" { keys = {\"%s\"} }",
                host, r->invocation->config_path, host, key);
        return STATUS_CONFIG;
    }
    keyfolder_name(r->unix_now, name);
    return rotate_host_publish(r, section, key, name);
}

enum status rotate_accept(const struct rotation *rotation, const char *host, const char *key)
{
    const enum key_kind kind = host != NULL ? KEY_HOST_PUBLIC : KEY_SERVICE_PUBLIC;
    unsigned char public[KEY_OCTETS];
    const enum key_result result = key_parse(text_of(key), kind, public);

    if (result != KEY_OK) {
        command_complain(rotation->invocation, "%s: %s: expected the text %s:...", key,
                key_result_text(result), key_kind_name(kind));
        return STATUS_DATA;
    }
    return host != NULL ? rotate_accept_host(rotation, host, key)
                        : rotate_accept_service(rotation, key);
}
