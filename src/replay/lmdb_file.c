// SPDX-License-Identifier: ISC
#include "replay/lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "process/child.h"

#define TRIAL_TIMEOUT 10 /* seconds; a damaged file can make LMDB loop forever */
#define TRIAL_ASSERT 101 /* exit status that nothing else has: LMDB found what cannot be */
#define TRIAL_MUTE 2     /* exit status: the result could not be reported */

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
    _exit(TRIAL_ASSERT);
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
    switch (error) {
    case MDB_KEYEXIST: /* where LMDB was not asked whether it does */
    case MDB_NOTFOUND:
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_CURSOR_FULL: /* the tree is deeper than any can be */
    case MDB_PAGE_FULL:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_VALSIZE:
        return true;
    default:
        return false;
    }
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

/* Whether there is address space for a file of this length. */
static bool lmdb_file_fits(const char *path, size_t length)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = fd >= 0 ? mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (fd >= 0)
        close(fd);
    if (at != MAP_FAILED)
        munmap(at, length);
    return at != MAP_FAILED;
}

static int lmdb_file_open_to_read(struct lmdb_file *file)
{
    int error = mdb_env_create(&file->env);

    if (error == 0)
        error = mdb_env_open(file->env, file->path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600);
    if (error != 0)
        close_env(file);
    return error;
}

/* Whether the file is as long as its content says. Opening it for writing would extend it to that
 * length and hide the damage. */
static int lmdb_file_try_length(struct lmdb_file *file)
{
    MDB_envinfo info;
    MDB_stat about;
    struct stat st;

    if (stat(file->path, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)LMDB_FILE_FIRST)
        return MDB_INVALID;
    const uint64_t length = (uint64_t)st.st_size;
    int error = lmdb_file_open_to_read(file);
    if (error == ENOMEM) /* of the machine, or the stated length is more than any machine has */
        error = lmdb_file_open_to_read(file);
    if (error == EINVAL || (error == ENOMEM && lmdb_file_fits(file->path, length)))
        return MDB_CORRUPTED;
    if (error != 0)
        return error;
    (void)mdb_env_info(file->env, &info);
    (void)mdb_env_stat(file->env, &about);
    close_env(file);
    return info.me_mapsize <= length && info.me_last_pgno < length / about.ms_psize ? 0
                                                                                    : MDB_CORRUPTED;
}

/* In the child. */
static int lmdb_file_try(void *context, int report)
{
    struct lmdb_file *file = context;
    int error = lmdb_file_try_length(file);

    if (error == 0)
        error = lmdb_file_open_env(file, false);
    if (error == 0)
        error = touch(file, false);
    return write(report, &error, sizeof error) == (ssize_t)sizeof error ? EXIT_SUCCESS : TRIAL_MUTE;
}

static bool lmdb_file_crashed(const struct child_outcome *outcome)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    bool crashed = outcome->how == CHILD_EXITED && outcome->code == TRIAL_ASSERT;

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        crashed = crashed || (outcome->how == CHILD_SIGNALLED && outcome->code == faults[i]);
    return crashed;
}

/* Tries the file in a child process, which may crash. A damaged file therefore cannot prevent the
 * service from starting. A child that ends otherwise says nothing about the file: it may have been
 * killed for want of memory, or wait for a slow disk. */
static int lmdb_file_try_in_a_child(struct lmdb_file *file)
{
    struct writer w = writer_of(file->error, sizeof file->error - 1);
    int error = 0;
    const struct child_outcome outcome =
            child_run(lmdb_file_try, file, TRIAL_TIMEOUT, &error, sizeof error);

    if (outcome.reported == sizeof error) {
        if (error == MDB_MAP_FULL)
            error = 0;
        return error;
    }
    if (lmdb_file_crashed(&outcome))
        return MDB_CORRUPTED;
    writer_string(&w, "the process that tries it ");
    child_outcome_write(&outcome, &w);
    file->error[writer_text(&w).len] = '\0';
    return EAGAIN;
}

static char *path_with(const struct lmdb_file *file, const char *suffix)
{
    char *path = NULL;

    return asprintf(&path, "%s%s", file->path, suffix) < 0 ? NULL : path;
}

/* Whether a file has this name. False with errno: that cannot be known now. */
static bool lmdb_file_exists(const char *path, bool *exists_r)
{
    struct stat st;

    *exists_r = lstat(path, &st) == 0;
    return *exists_r || errno == ENOENT;
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
    bool is_there = false;
    int error = lost == NULL ? ENOMEM : 0;

    if (error == 0 && !lmdb_file_exists(file->path, &is_there))
        error = errno;
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

static int lmdb_file_unlink(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
}

/* Marks the file that was opened as in use. */
static int lmdb_file_use(struct lmdb_file *file)
{
    if (clean_flag_use(file->flag))
        return 0;
    const int error = errno;
    close_env(file);
    return error;
}

/* Starts a new, empty file. What of it cannot be finished is removed. */
static int lmdb_file_begin(struct lmdb_file *file)
{
    char *lock = path_with(file, "-lock");
    int error = lock == NULL ? ENOMEM : lmdb_file_unlink(file->path);

    if (error == 0)
        error = lmdb_file_unlink(lock); /* open copies live on */
    if (error == 0)
        error = lmdb_file_open_env(file, true);
    if (error == 0)
        error = lmdb_file_use(file);
    if (error != 0 && lock != NULL) {
        (void)unlink(file->path);
        (void)unlink(lock);
    }
    free(lock);
    return error;
}

/* Call it under the flag's lock. */
static int lmdb_file_open_or_begin(struct lmdb_file *file, uint64_t unix_now)
{
    bool is_there = false;
    int error = MDB_INVALID;

    if (!lmdb_file_exists(file->path, &is_there))
        return errno;
    if (clean_flag_state(file->flag) == CLEAN_FLAG_EMPTY && !is_there)
        clean_flag_begin(file->flag);
    if (clean_flag_state(file->flag) == CLEAN_FLAG_BEGINNING)
        return lmdb_file_begin(file);
    if (clean_flag_is_good(file->flag) && is_there) {
        error = lmdb_file_try_in_a_child(file);
        if (error == 0)
            error = lmdb_file_open_env(file, false);
        if (error == 0)
            error = lmdb_file_use(file);
    }
    if (lmdb_file_is_damage(error)) {
        error = lmdb_file_set_aside(file, unix_now);
        if (error == 0)
            error = lmdb_file_begin(file);
    }
    return error;
}

/* The flag, with its lock. */
static bool lmdb_file_open_flag(struct lmdb_file *file)
{
    char *path = file->path != NULL ? path_with(file, "-mark") : NULL;

    if (path != NULL)
        file->flag = clean_flag_open(path, file->error);
    else
        snprintf(file->error, sizeof file->error, "out of memory");
    free(path);
    return file->flag != NULL;
}

bool lmdb_file_open(const char *path, uint64_t unix_now, struct lmdb_file *file_r)
{
    *file_r = (struct lmdb_file){.path = strdup(path)};
    if (!lmdb_file_open_flag(file_r))
        return false;
    catch_crashes();
    lmdb_file_enter(file_r);
    const int error = lmdb_file_open_or_begin(file_r, unix_now);
    lmdb_file_leave();
    if (error != 0 && file_r->error[0] == '\0')
        snprintf(file_r->error, sizeof file_r->error, "%s", mdb_strerror(error));
    file_r->epoch = clean_flag_epoch(file_r->flag);
    clean_flag_unlock(file_r->flag);
    return error == 0;
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
