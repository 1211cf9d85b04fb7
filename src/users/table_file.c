// SPDX-License-Identifier: ISC
#include "users/table_file.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "process/identity.h"
#include "users/guard.h"

/* The map size: address space, not disk, for a hundred million rows. All processes use the same
 * size, so that no map is shorter than the file, and none must grow. */
#define MAP_OCTETS (sizeof(size_t) > 4 ? (size_t)64 << 10 << 10 << 10 : (size_t)1 << 30)
#define READERS_MAX 1000 /* processes; the lock file has an entry for each */

/* No user begins with a NUL, so no row has this key. */
static const char mark_key[] = "\0users";
static const char mark_value[] = "1";

bool table_file_is_mark(const MDB_val *key)
{
    return key->mv_size > 0 && *(const char *)key->mv_data == '\0';
}

int table_file_put_mark(MDB_txn *txn, MDB_dbi dbi)
{
    char key_octets[sizeof mark_key];
    char value_octets[sizeof mark_value];
    MDB_val key = {sizeof key_octets, key_octets};
    MDB_val value = {sizeof value_octets, value_octets};

    memcpy(key_octets, mark_key, sizeof key_octets);
    memcpy(value_octets, mark_value, sizeof value_octets);
    return mdb_put(txn, dbi, &key, &value, 0);
}

const char *table_file_reason(int error)
{
    switch (error) {
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return "it is no table of users";
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_BAD_TXN:
    case MDB_CURSOR_FULL:
        return "it is damaged";
    case MDB_MAP_FULL:
        return "it is full";
    case MDB_MAP_RESIZED:
        return "it is larger than it can be";
    case MDB_READERS_FULL:
        return "too many processes read it";
    case EIDRM:
        return "it was removed while it was in use";
    default:
        return mdb_strerror(error);
    }
}

int table_file_find_cause(const char *path, int error)
{
    return (error == EIO || error == MDB_CORRUPTED) && disk_is_full(path) ? ENOSPC : error;
}

static void table_file_on_assert(MDB_env *env, const char *message)
{
    (void)env;
    (void)message;
    guard_give_up();
}

/* An empty database was just created, and is accepted. */
static int check_mark(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat about;
    char octets[sizeof mark_key];
    MDB_val key = {sizeof octets, octets};
    MDB_val value;
    int error = mdb_stat(txn, dbi, &about);

    if (error != 0 || about.ms_entries == 0)
        return error;
    memcpy(octets, mark_key, sizeof octets);
    error = mdb_get(txn, dbi, &key, &value);
    if (error != 0)
        return error == MDB_NOTFOUND ? MDB_INVALID : error;
    return value.mv_size == sizeof mark_value &&
                           memcmp(value.mv_data, mark_value, sizeof mark_value) == 0
                   ? 0
                   : MDB_VERSION_MISMATCH;
}

static int table_file_open_database(MDB_env *env, bool write, MDB_dbi *dbi_r)
{
    MDB_txn *txn = NULL;
    MDB_stat about;
    int error = mdb_txn_begin(env, NULL, write ? 0 : MDB_RDONLY, &txn);

    if (error != 0)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, dbi_r);
    if (error == 0)
        error = check_mark(txn, *dbi_r);
    if (error == 0 && write)
        error = mdb_stat(txn, *dbi_r, &about);
    if (error == 0 && write && about.ms_entries == 0)
        error = table_file_put_mark(txn, *dbi_r);
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

struct opening {
    const char *path;
    bool write;
    bool probe; /* whether it is a table is found out without its lock file */
    MDB_env *env;
    MDB_dbi dbi;
    int error;
};

static void table_file_open_env(struct opening *o, unsigned flags)
{
    o->error = mdb_env_create(&o->env);
    if (o->error == 0)
        o->error = mdb_env_set_mapsize(o->env, MAP_OCTETS);
    if (o->error == 0)
        o->error = mdb_env_set_maxreaders(o->env, READERS_MAX);
    if (o->error == 0)
        o->error = mdb_env_set_assert(o->env, table_file_on_assert);
    if (o->error == 0)
        o->error = mdb_env_open(o->env, o->path, flags | MDB_NOSUBDIR | MDB_NOTLS, 0600);
}

/* LMDB makes a lock file beside whatever it opens. Where none is, nobody else has the file open,
 * and without one it is found out whether it is a table at all. */
static void table_file_probe(struct opening *o)
{
    table_file_open_env(o, MDB_RDONLY | MDB_NOLOCK);
    if (o->error == 0)
        o->error = table_file_open_database(o->env, false, &o->dbi);
    if (o->env != NULL)
        mdb_env_close(o->env);
    o->env = NULL;
}

static void table_file_open_guarded(void *context)
{
    struct opening *o = context;

    if (o->probe)
        table_file_probe(o);
    if (o->error == 0)
        table_file_open_env(o, o->write ? 0 : MDB_RDONLY);
    if (o->error == 0)
        o->error = mdb_reader_check(o->env, NULL);
    if (o->error == 0)
        o->error = table_file_open_database(o->env, o->write, &o->dbi);
}

/* False also when that cannot be known. */
static bool table_file_lacks_lock(const char *path)
{
    char *lock = NULL;

    if (asprintf(&lock, "%s-lock", path) < 0)
        return false;
    const bool lacks = access(lock, F_OK) != 0 && errno == ENOENT;
    free(lock);
    return lacks;
}

/* A file that root makes belongs to the owner of its folder. It is made with that user's rights: a
 * link in the folder then leads root to no place that the user cannot reach. */
static bool find_owner(const char *path, struct identity *owner_r)
{
    char *copy = strdup(path);
    struct stat folder;

    *owner_r = (struct identity){.is_root = geteuid() == 0};
    if (copy == NULL)
        return false;
    const bool found = stat(dirname(copy), &folder) == 0;
    const int error = errno;
    free(copy);
    if (found) {
        owner_r->uid = folder.st_uid;
        owner_r->gid = folder.st_gid;
    }
    errno = error;
    return found;
}

static void open_as_owner(struct opening *o)
{
    struct stat about = {0};

    if (stat(o->path, &about) != 0)
        o->error = o->write && errno == ENOENT ? 0 : errno;
    else if (!S_ISREG(about.st_mode) || (!o->write && about.st_size == 0))
        o->error = MDB_INVALID;
    const bool is_new = o->write && about.st_size == 0;
    o->probe = o->error == 0 && about.st_size > 0 && table_file_lacks_lock(o->path);
    if (o->error == 0 && !guard_run(table_file_open_guarded, o))
        o->error = MDB_CORRUPTED;
    if (o->error != 0 && is_new)
        o->error = table_file_find_cause(o->path, o->error);
    else if (o->error == 0 && is_new && !disk_sync_folder(o->path))
        o->error = errno;
}

static bool table_file_fail(
        const struct opening *o, const struct identity *owner, char error_r[TABLE_ERROR_MAX])
{
    if (o->error == EACCES && owner->is_root && owner->uid != 0)
        snprintf(error_r, TABLE_ERROR_MAX, "the owner of its folder, user %u, may not %s it",
                (unsigned)owner->uid, o->write ? "write" : "read");
    else
        snprintf(error_r, TABLE_ERROR_MAX, "%s", table_file_reason(o->error));
    if (o->env != NULL)
        mdb_env_close(o->env);
    return false;
}

bool table_file_open(const char *path, bool write, MDB_env **env_r, MDB_dbi *dbi_r,
        char error_r[TABLE_ERROR_MAX])
{
    struct opening o = {.path = path, .write = write};
    struct identity owner;

    guard_install();
    if (!find_owner(path, &owner) || !identity_assume(&owner)) {
        o.error = errno;
        return table_file_fail(&o, &owner, error_r);
    }
    open_as_owner(&o);
    if (!identity_return(&owner)) {
        snprintf(error_r, TABLE_ERROR_MAX, "root's rights cannot be taken back: %s",
                strerror(errno));
        if (o.env != NULL)
            mdb_env_close(o.env);
        return false;
    }
    if (o.error != 0)
        return table_file_fail(&o, &owner, error_r);
    *env_r = o.env;
    *dbi_r = o.dbi;
    return true;
}

int table_file_check(MDB_env *env)
{
    struct stat about = {0};
    int fd = -1;

    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &about) != 0)
        return errno;
    return about.st_nlink > 0 ? 0 : EIDRM;
}
