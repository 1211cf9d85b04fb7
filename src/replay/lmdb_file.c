// SPDX-License-Identifier: ISC
#include "replay/lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define TRIAL_MAX 10 /* seconds; a damaged file can make LMDB loop forever */

#define FLAGS (MDB_NOSUBDIR | MDB_WRITEMAP | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT)

static const unsigned char purged_key[] = {0, 0, 0, 0, 'm'};

/* A crash inside LMDB is blamed on this file. */
static struct clean_flag *volatile in_danger;

static void on_crash(int signum, siginfo_t *info, void *context)
{
    (void)signum; /* SA_RESETHAND: the repeated instruction ends the process */
    (void)context;
    if (info->si_code > 0 && in_danger != NULL) /* a real fault, not sent */
        clean_flag_set_damaged(in_danger);
}

static void lmdb_file_on_assert(MDB_env *env, const char *message)
{
    (void)env;
    (void)message;
    if (in_danger != NULL)
        clean_flag_set_damaged(in_danger);
    _exit(EXIT_FAILURE);
}

static void catch_crashes(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE};
    const struct sigaction action = {
            .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};

    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &action, NULL);
}

void lmdb_file_enter(const struct lmdb_file *file)
{
    in_danger = file->flag;
}

void lmdb_file_leave(void)
{
    in_danger = NULL;
}

bool lmdb_file_is_damage(int error)
{
    if (error == MDB_MAP_FULL || error == MDB_MAP_RESIZED)
        return false;
    return error >= MDB_KEYEXIST && error <= MDB_LAST_ERRCODE;
}

bool lmdb_file_is_purged_key(const MDB_val *key)
{
    return key->mv_size == sizeof purged_key &&
           memcmp(key->mv_data, purged_key, sizeof purged_key) == 0;
}

int lmdb_file_get_purged(const struct lmdb_file *file, MDB_txn *txn, uint64_t *purged_r)
{
    unsigned char octets[sizeof purged_key];
    MDB_val key = {sizeof octets, octets};
    MDB_val value;

    memcpy(octets, purged_key, sizeof octets);
    *purged_r = 0;
    const int error = mdb_get(txn, file->dbi, &key, &value);
    if (error != 0)
        return error == MDB_NOTFOUND ? 0 : error;
    if (value.mv_size != sizeof *purged_r)
        return MDB_CORRUPTED;
    memcpy(purged_r, value.mv_data, sizeof *purged_r);
    return 0;
}

int lmdb_file_put_purged(const struct lmdb_file *file, MDB_txn *txn, uint64_t purged)
{
    unsigned char octets[sizeof purged_key];
    MDB_val key = {sizeof octets, octets};
    MDB_val value = {sizeof purged, &purged};

    memcpy(octets, purged_key, sizeof octets);
    return mdb_put(txn, file->dbi, &key, &value, 0);
}

/* Rewrites the purge mark unchanged: LMDB stores a new map size only with a write. */
static int touch(const struct lmdb_file *file, bool commit)
{
    MDB_txn *txn = NULL;
    uint64_t purged = 0;
    int error = mdb_txn_begin(file->env, NULL, 0, &txn);

    if (error != 0)
        return error;
    error = lmdb_file_get_purged(file, txn, &purged);
    if (error == 0)
        error = lmdb_file_put_purged(file, txn, purged);
    if (error == 0 && commit)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* Allocates blocks for the whole map, so that a full disk is an error here and not a signal later.
 * Does nothing where the file system cannot allocate. */
static int reserve(const struct lmdb_file *file, size_t size)
{
    int fd = -1;
    int error = mdb_env_get_fd(file->env, &fd);

    if (error == 0 && fallocate(fd, 0, 0, (off_t)size) != 0)
        error = errno;
    return error == EOPNOTSUPP ? 0 : error;
}

static int lmdb_file_open_database(struct lmdb_file *file)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(file->env, NULL, 0, &txn);

    if (error != 0)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, &file->dbi);
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

static void close_env(struct lmdb_file *file)
{
    if (file->env != NULL)
        mdb_env_close(file->env);
    file->env = NULL;
}

/* Call it under the flag's lock. The map size is set only for a new file: a smaller map than the
 * other processes have would truncate the file under them. */
static int lmdb_file_open_env(struct lmdb_file *file, bool is_new)
{
    MDB_envinfo info;
    int error = mdb_env_create(&file->env);

    if (error == 0)
        error = mdb_env_set_assert(file->env, lmdb_file_on_assert);
    if (error == 0 && is_new)
        error = mdb_env_set_mapsize(file->env, LMDB_FILE_FIRST);
    if (error == 0)
        error = mdb_env_open(file->env, file->path, FLAGS, 0600);
    if (error == 0)
        error = mdb_env_info(file->env, &info);
    if (error == 0)
        error = reserve(file, info.me_mapsize);
    if (error == 0)
        error = lmdb_file_open_database(file);
    if (error != 0)
        close_env(file);
    return error;
}

/* Whether the file is as long as its content says. Opening it for writing would extend it to that
 * length and hide the damage. */
static int try_length(struct lmdb_file *file)
{
    MDB_envinfo info;
    MDB_stat about;
    struct stat st;
    int error = mdb_env_create(&file->env);

    if (stat(file->path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)LMDB_FILE_FIRST)
        return MDB_INVALID;
    if (error == 0)
        error = mdb_env_open(file->env, file->path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600);
    if (error == ENOMEM || error == EINVAL) /* no address space for a map of the stated length */
        return MDB_CORRUPTED;
    if (error != 0)
        return error;
    (void)mdb_env_info(file->env, &info);
    (void)mdb_env_stat(file->env, &about);
    const uint64_t length = (uint64_t)st.st_size;
    close_env(file);
    return info.me_mapsize <= length && info.me_last_pgno < length / about.ms_psize ? 0
                                                                                    : MDB_CORRUPTED;
}

static int try_all(struct lmdb_file *file)
{
    int error = try_length(file);

    if (error == 0)
        error = lmdb_file_open_env(file, false);
    if (error == 0)
        error = touch(file, false);
    return error == MDB_MAP_FULL ? 0 : error;
}

/* Tries the file in a child process, which may crash. A damaged file therefore cannot prevent the
 * service from starting. */
static int try_in_a_child(struct lmdb_file *file)
{
    static const struct rlimit no_core;
    int status = 0;
    const pid_t child = fork();

    if (child < 0)
        return errno;
    if (child == 0) {
        static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGALRM};
        for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
            (void)signal(deadly[i], SIG_DFL);
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)alarm(TRIAL_MAX);
        _exit(lmdb_file_is_damage(try_all(file)) ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    while (waitpid(child, &status, 0) != child)
        if (errno != EINTR)
            return errno;
    return status == 0 ? 0 : MDB_CORRUPTED; /* the caller's own opening reports any other error */
}

static char *path_with(const struct lmdb_file *file, const char *suffix)
{
    char *path = NULL;

    return asprintf(&path, "%s%s", file->path, suffix) < 0 ? NULL : path;
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void log_loss(const char *path, const char *kept_as)
{
    struct log_line line;

    log_begin(&line, LOG_LEVEL_ERROR, "replay-store-lost");
    log_string(&line, "path", path);
    log_string(&line, "kept_as", kept_as);
    log_string(&line, "because",
            "it was damaged or removed, or the machine stopped before all counts were on the disk");
    log_end(&line);
}

/* Renames the file, so that it can be examined. Processes that still count in it see that the epoch
 * has changed. */
static int lmdb_file_set_aside(struct lmdb_file *file, uint64_t unix_now)
{
    char *lost = path_with(file, ".lost");
    const bool is_there = exists(file->path);
    int error = lost == NULL ? ENOMEM : 0;

    if (error == 0 && is_there && rename(file->path, lost) != 0)
        error = errno;
    if (error == 0) {
        clean_flag_recreate(file->flag, unix_now);
        file->lost = true;
        log_loss(file->path, is_there ? lost : "");
    }
    free(lost);
    return error;
}

/* Starts a new, empty file. */
static int lmdb_file_begin(struct lmdb_file *file)
{
    char *lock = path_with(file, "-lock");
    int error = lock == NULL ? ENOMEM : 0;

    if (error == 0 && unlink(file->path) != 0 && errno != ENOENT)
        error = errno;
    if (error == 0 && unlink(lock) != 0 && errno != ENOENT) /* open copies live on */
        error = errno;
    if (error == 0)
        error = lmdb_file_open_env(file, true);
    if (error != 0 && lock != NULL) {
        (void)unlink(file->path);
        (void)unlink(lock);
    }
    free(lock);
    return error;
}

/* Call it under the flag's lock. */
static int open_or_begin(struct lmdb_file *file, uint64_t unix_now)
{
    const struct clean_flag *flag = file->flag;
    int error = MDB_INVALID;

    if (clean_flag_is_good(flag) && exists(file->path)) {
        error = try_in_a_child(file);
        if (error == 0)
            error = lmdb_file_open_env(file, false);
    } else if (clean_flag_state(flag) == CLEAN_FLAG_EMPTY &&
               (clean_flag_begun(flag) != 0 || !exists(file->path))) {
        error = lmdb_file_begin(file);
    }
    if (lmdb_file_is_damage(error)) {
        error = lmdb_file_set_aside(file, unix_now);
        if (error == 0)
            error = lmdb_file_begin(file);
    }
    if (error == 0 && !clean_flag_use(file->flag)) {
        error = errno;
        close_env(file);
    }
    return error;
}

int lmdb_file_open(const char *path, uint64_t unix_now, struct lmdb_file *file_r)
{
    int error = ENOMEM;

    *file_r = (struct lmdb_file){.path = strdup(path)};
    char *flag_path = file_r->path != NULL ? path_with(file_r, "-mark") : NULL;
    if (flag_path != NULL) {
        file_r->flag = clean_flag_open(flag_path);
        error = errno;
    }
    free(flag_path);
    if (file_r->flag == NULL)
        return error;
    catch_crashes();
    lmdb_file_enter(file_r);
    error = open_or_begin(file_r, unix_now);
    lmdb_file_leave();
    file_r->epoch = clean_flag_epoch(file_r->flag);
    clean_flag_unlock(file_r->flag);
    return error;
}

void lmdb_file_close(struct lmdb_file *file)
{
    close_env(file);
    clean_flag_close(&file->flag);
    free(file->path);
    file->path = NULL;
}

bool lmdb_file_is_current(const struct lmdb_file *file)
{
    return clean_flag_state(file->flag) == CLEAN_FLAG_IN_USE &&
           clean_flag_epoch(file->flag) == file->epoch;
}

bool lmdb_file_is_there(const struct lmdb_file *file)
{
    struct stat st;
    int fd = -1;

    return mdb_env_get_fd(file->env, &fd) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0 &&
           !clean_flag_is_removed(file->flag);
}

/* Takes the flag's lock, because each process sets the file's length. The new size is written to
 * the file. Otherwise the next process to open the file would truncate it to its old length. */
int lmdb_file_enlarge(struct lmdb_file *file, int full, bool *broken_r)
{
    MDB_envinfo info;
    struct stat st;
    int fd = -1;

    if (!clean_flag_lock(file->flag))
        return errno;
    int error = mdb_env_info(file->env, &info);
    if (error == 0)
        error = mdb_env_get_fd(file->env, &fd);
    if (error == 0 && fstat(fd, &st) != 0)
        error = errno;
    const bool others_did = error == 0 && (uint64_t)st.st_size > info.me_mapsize;
    const size_t size = others_did ? (size_t)st.st_size : info.me_mapsize * 2;
    if (error == 0 && !others_did && full == MDB_MAP_RESIZED)
        error = MDB_CORRUPTED;
    if (error == 0)
        error = reserve(file, size);
    if (error == 0) {
        error = mdb_env_set_mapsize(file->env, size);
        if (error == 0)
            error = touch(file, true);
        *broken_r = error != 0;
    }
    clean_flag_unlock(file->flag);
    return error;
}

int lmdb_file_size(const struct lmdb_file *file, uint64_t *entries_r, uint64_t *bytes_r)
{
    MDB_envinfo info;
    MDB_stat about;
    int error = mdb_env_stat(file->env, &about);

    if (error == 0)
        error = mdb_env_info(file->env, &info);
    if (error != 0)
        return error;
    *entries_r = about.ms_entries;
    *bytes_r = (info.me_last_pgno + 1) * about.ms_psize;
    return 0;
}
