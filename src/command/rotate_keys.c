// SPDX-License-Identifier: ISC
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/keyfile.h"
#include "base/keypair.h"
#include "command/rotate.h"

#define MARK ".rotating"

static enum status rotate_fail(const struct rotation *rotation, const char *path, const char *error)
{
    command_complain(rotation->invocation, "%s: %s", path, error);
    return STATUS_CREATE;
}

static enum status rotate_keys_memory(const struct rotation *rotation)
{
    command_complain(rotation->invocation, "out of memory");
    return STATUS_FAILURE;
}

/* Takes the path over. */
static bool rotate_keys_add(struct rotate_keys *keys, enum key_kind public_kind, char *path,
        const unsigned char public[KEY_OCTETS])
{
    struct rotate_key *larger = reallocarray(keys->at, keys->count + 1, sizeof *larger);
    struct stat st;

    if (larger == NULL) {
        free(path);
        return false;
    }
    keys->at = larger;
    struct rotate_key *key = &keys->at[keys->count++];
    *key = (struct rotate_key){.path = path};
    memcpy(key->public, public, KEY_OCTETS);
    key_format(public_kind, public, key->text);
    if (path != NULL && stat(path, &st) == 0)
        key->since = (uint64_t)st.st_mtime;
    return true;
}

static enum status rotate_keys_read_file(const struct rotation *rotation, const char *path,
        enum key_kind kind, struct rotate_keys *keys)
{
    const bool is_secret = !key_kind_is_public(kind);
    const enum key_kind public_kind = key_kind_public(kind);
    unsigned char *key = sodium_malloc(KEY_OCTETS);
    unsigned char public[KEY_OCTETS];
    const char *error = "out of memory";

    if (key == NULL || !keyfile_read(path, kind, key, &error)) {
        sodium_free(key);
        command_complain(rotation->invocation, "%s: %s", path, error);
        return STATUS_CONFIG;
    }
    if (is_secret)
        key_public(key, public);
    else
        memcpy(public, key, KEY_OCTETS);
    sodium_free(key);
    char *copy = strdup(path);
    if (copy == NULL || !rotate_keys_add(keys, public_kind, copy, public))
        return rotate_keys_memory(rotation);
    return STATUS_OK;
}

/* One value of the option: a key, a file or a folder. */
static enum status rotate_keys_read_value(const struct rotation *rotation, const char *value,
        enum key_kind kind, struct rotate_keys *keys)
{
    unsigned char public[KEY_OCTETS];
    struct keyfolder list = {0};
    const char *error = NULL;
    enum status status = STATUS_OK;

    if (value[0] != '/') {
        if (key_parse(text_of(value), kind, public) == KEY_OK &&
                !rotate_keys_add(keys, kind, NULL, public))
            return rotate_keys_memory(rotation);
        return STATUS_OK;
    }
    if (!keyfolder_list(value, kind, &list, &error)) {
        command_complain(rotation->invocation, "%s: %s", value, error);
        status = STATUS_CONFIG;
    } else if (list.is_folder && keys->folder == NULL) {
        keys->folder = strdup(value);
    }
    for (size_t i = 0; status == STATUS_OK && i < list.count; i++)
        status = rotate_keys_read_file(rotation, list.paths[i], kind, keys);
    keyfolder_free(&list);
    return status;
}

enum status rotate_keys_read(const struct rotation *rotation, const struct config_list *option,
        enum key_kind kind, struct rotate_keys *keys)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < option->count; i++)
        status = rotate_keys_read_value(rotation, option->at[i].at, kind, keys);
    return status;
}

void rotate_keys_free(struct rotate_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->at[i].path);
    free(keys->at);
    free(keys->folder);
    *keys = (struct rotate_keys){.count = 0};
}

const struct rotate_key *rotate_keys_find(const struct rotate_keys *keys, const char *text)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->at[i].text, text) == 0)
            return &keys->at[i];
    return NULL;
}

const struct config_host *rotate_host_section(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->hosts_count; i++)
        if (strcasecmp(config->hosts[i].name.at, name) == 0)
            return &config->hosts[i];
    return NULL;
}

/* Whether a process that died has left it: the name of one of our files, and what mkostemp() adds.
 */
static bool rotate_is_left(const char *name)
{
    static const char *const ends[] = {MARK, ".key", ".pub", ".new"};
    const size_t added = strlen(".XXXXXX");
    const size_t len = strlen(name);

    if (len <= added || name[len - added] != '.')
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t end = strlen(ends[i]);
        if (len >= added + end && memcmp(name + len - added - end, ends[i], end) == 0)
            return true;
    }
    return false;
}

/* With the lock on the folder nobody writes there. */
static void rotate_remove_left(int folder)
{
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

    if (names == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
        if (rotate_is_left(entry->d_name))
            (void)unlinkat(folder, entry->d_name, 0);
    closedir(names);
}

enum status rotate_mark_open(
        const struct rotation *rotation, const char *folder, struct rotate_mark *mark_r)
{
    FILE *file;

    *mark_r = (struct rotate_mark){.lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (mark_r->lock < 0)
        return rotate_fail(rotation, folder, strerror(errno));
    if (flock(mark_r->lock, LOCK_EX | LOCK_NB) != 0) {
        rotate_mark_close(mark_r);
        command_complain(rotation->invocation, "%s: another rotation is under way", folder);
        return STATUS_FAILURE;
    }
    rotate_remove_left(mark_r->lock);
    snprintf(mark_r->path, sizeof mark_r->path, "%s/" MARK, folder);
    file = fopen(mark_r->path, "re");
    if (file != NULL) {
        if (fgets(mark_r->before, sizeof mark_r->before, file) == NULL)
            mark_r->before[0] = '\0';
        fclose(file);
    }
    return STATUS_OK;
}

enum status rotate_mark_set(
        const struct rotation *rotation, struct rotate_mark *mark, const char *before)
{
    snprintf(mark->before, sizeof mark->before, "%s", before);
    if (keyfile_create(mark->path, before, strlen(before)))
        return STATUS_OK;
    return rotate_fail(rotation, mark->path, strerror(errno));
}

enum status rotate_mark_remove(const struct rotation *rotation, struct rotate_mark *mark)
{
    mark->before[0] = '\0';
    if (unlink(mark->path) == 0 && disk_sync_folder(mark->path))
        return STATUS_OK;
    return rotate_fail(rotation, mark->path, strerror(errno));
}

void rotate_mark_close(struct rotate_mark *mark)
{
    if (mark->lock >= 0)
        close(mark->lock);
    mark->lock = -1;
}

static gid_t rotate_group_of(const char *folder)
{
    struct stat st;

    return stat(folder, &st) == 0 ? st.st_gid : (gid_t)-1;
}

enum status rotate_write_public(
        const struct rotation *rotation, const char *path, const char *text, const char *folder)
{
    char content[KEYPAIR_PUBLIC_FILE_MAX];

    keypair_public_file(text, content);
    if (keyfile_create_for(path, content, strlen(content), 0644, rotate_group_of(folder)) ||
            errno == EEXIST)
        return STATUS_OK;
    return rotate_fail(rotation, path, strerror(errno));
}

enum status rotate_make(const struct rotation *rotation, const struct rotate_keys *keys,
        enum key_kind kind, const char *suffix)
{
    const char *newest =
            keys->count > 0 && keys->at[0].path != NULL ? strrchr(keys->at[0].path, '/') + 1 : "";
    char name[KEYFOLDER_NAME_MAX];
    char path[4096];
    struct keypair pair;
    enum status status = STATUS_OK;

    keyfolder_name(rotation->unix_now, name);
    if (strcmp(name, newest) <= 0) {
        command_complain(rotation->invocation,
                "%s/%s: its name sorts behind %s, that of a key of now: is the clock right?",
                keys->folder, newest, name);
        return STATUS_CREATE;
    }
    snprintf(path, sizeof path, "%s/%s%s", keys->folder, name, suffix);
    if (!keypair_make(kind, rotation->unix_now, &pair))
        status = rotate_keys_memory(rotation);
    else if (!keyfile_create_for(path, pair.content, pair.len, 0640, rotate_group_of(keys->folder)))
        status = rotate_fail(rotation, path, strerror(errno));
    keypair_free(&pair);
    if (status == STATUS_OK)
        rotate_say(rotation, "made %s", path);
    return status;
}
