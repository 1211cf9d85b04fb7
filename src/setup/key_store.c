// SPDX-License-Identifier: ISC
#include "setup/key_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/keyfile.h"
#include "base/keyfolder.h"

#define SECRET_MODE 0640
#define PUBLIC_MODE 0644

static bool key_store_fail(
        const char *path, const char *what, int error, char error_r[KEY_STORE_ERROR_MAX])
{
    snprintf(error_r, KEY_STORE_ERROR_MAX, "%s: %s%s%s", path, what, error != 0 ? ": " : "",
            error != 0 ? strerror(error) : "");
    return false;
}

/* A folder that is made is for all to pass through. */
static bool key_store_make_above(const char *path)
{
    char above[PATH_MAX];
    struct stat st;

    snprintf(above, sizeof above, "%s", path);
    for (char *slash = strchr(above + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (stat(above, &st) != 0 && (mkdir(above, 0755) != 0 || chmod(above, 0755) != 0))
            return false;
        *slash = '/';
    }
    return true;
}

bool key_store_folder(
        const char *path, mode_t mode, uid_t uid, gid_t gid, char error_r[KEY_STORE_ERROR_MAX])
{
    struct stat st;

    if (!key_store_make_above(path) || (mkdir(path, 0700) != 0 && errno != EEXIST))
        return key_store_fail(path, "the folder cannot be made", errno, error_r);
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return key_store_fail(path, "is no folder", 0, error_r);
    if ((st.st_uid != uid || st.st_gid != gid) && chown(path, uid, gid) != 0)
        return key_store_fail(path, "cannot have another owner", errno, error_r);
    if ((st.st_mode & 07777) != mode && chmod(path, mode) != 0)
        return key_store_fail(path, "cannot have another mode", errno, error_r);
    return true;
}

/* The newest key of the folder, or the file. Empty and no error: there is none. */
static bool key_store_find(struct key_store *store, char error_r[KEY_STORE_ERROR_MAX])
{
    struct keyfolder list;
    const char *error = NULL;
    struct stat st;
    bool ok = true;

    if (stat(store->path, &st) != 0)
        return errno == ENOENT || key_store_fail(store->path, "a key", errno, error_r);
    if (keyfolder_list(store->path, store->secret, &list, &error)) {
        store->file = strdup(list.paths[0]);
        ok = store->file != NULL || key_store_fail(store->path, "a key", ENOMEM, error_r);
    } else {
        ok = list.count == 0 && list.is_folder;
        if (!ok)
            (void)key_store_fail(store->path, error, 0, error_r);
    }
    keyfolder_free(&list);
    return ok;
}

static bool key_store_read(struct key_store *store, char error_r[KEY_STORE_ERROR_MAX])
{
    unsigned char public[KEY_OCTETS];
    const char *error;
    const bool ok = keyfile_read_public(store->file, store->secret, public, &error);

    if (ok)
        key_format(key_kind_public(store->secret), public, store->pair.public);
    else
        (void)key_store_fail(store->file, error, 0, error_r);
    return ok;
}

bool key_store_open(const char *path, enum key_kind secret, struct key_store *store_r,
        char error_r[KEY_STORE_ERROR_MAX])
{
    *store_r = (struct key_store){.path = path, .secret = secret};
    if (!key_store_find(store_r, error_r))
        return false;
    if (store_r->file != NULL)
        return key_store_read(store_r, error_r);
    return keypair_make(secret, unix_now(), &store_r->pair) ||
           key_store_fail(path, "a key cannot be made", ENOMEM, error_r);
}

void key_store_free(struct key_store *store)
{
    keypair_free(&store->pair);
    free(store->file);
    *store = (struct key_store){0};
}

static bool key_store_create(struct key_store *store, gid_t gid, char error_r[KEY_STORE_ERROR_MAX])
{
    char name[KEYFOLDER_NAME_MAX];
    char *file = NULL;

    keyfolder_name(unix_now(), name);
    if (asprintf(&file, "%s/%s%s", store->path, name, keyfolder_suffix(store->secret)) < 0)
        return key_store_fail(store->path, "a key cannot be made", ENOMEM, error_r);
    if (!keyfile_create_for(file, store->pair.content, store->pair.len, SECRET_MODE, gid)) {
        (void)key_store_fail(file, "cannot be made", errno, error_r);
        free(file);
        return false;
    }
    store->file = file;
    return true;
}

/* PATH.pub beside PATH.key. */
static bool key_store_write_public(const struct key_store *store, char error_r[KEY_STORE_ERROR_MAX])
{
    const size_t len = strlen(store->file);
    const char *suffix = keyfolder_suffix(store->secret);
    char path[PATH_MAX];
    char content[KEY_TEXT_MAX + 2];

    if (len < strlen(suffix) || strcmp(store->file + len - strlen(suffix), suffix) != 0)
        return true;
    snprintf(path, sizeof path, "%.*s.pub", (int)(len - strlen(suffix)), store->file);
    snprintf(content, sizeof content, "%s\n", store->pair.public);
    return keyfile_create_for(path, content, strlen(content), PUBLIC_MODE, (gid_t)-1) ||
           errno == EEXIST || key_store_fail(path, "cannot be made", errno, error_r);
}

bool key_store_write(struct key_store *store, gid_t gid, char error_r[KEY_STORE_ERROR_MAX])
{
    struct stat st;

    if (store->file == NULL)
        return key_store_create(store, gid, error_r) && key_store_write_public(store, error_r);
    if (stat(store->file, &st) != 0)
        return key_store_fail(store->file, "cannot be read", errno, error_r);
    if (st.st_gid != gid && chown(store->file, (uid_t)-1, gid) != 0)
        return key_store_fail(store->file, "cannot have another group", errno, error_r);
    if ((st.st_mode & 07777) != SECRET_MODE && chmod(store->file, SECRET_MODE) != 0)
        return key_store_fail(store->file, "cannot have another mode", errno, error_r);
    return key_store_write_public(store, error_r);
}
