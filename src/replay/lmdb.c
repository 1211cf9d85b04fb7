// SPDX-License-Identifier: ISC
#include <lmdb.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "replay/kind.h"
#include "replay/mark.h"

#define SCHEME "lmdb:"
#define MAP_FIRST (64UL * 1024 * 1024) /* octets; doubled when it is full */
#define BATCH_MAX 1024                 /* items in one transaction */
#define PURGE_EVERY 100                /* milliseconds */
#define PURGE_MOST 4096                /* counts in one step */
#define TRIES_MAX 40                   /* of one batch: the map was doubled each time */
#define REOPEN_AFTER 60000             /* milliseconds, when it could not be opened */

/* Keys stand in the order of their time of issue: 4 octets of it, most significant first, the
 * nonce, the hash of the domain. What grows is the right edge of the tree, what goes is the left.
 */
#define KEY_OCTETS_HERE (4 + PAYLOAD_NONCE + REPLAY_DOMAIN)

struct lmdb {
    struct replay_setup setup;
    char *path;
    struct mark *mark;
    MDB_env *env; /* NULL: it cannot be used */
    MDB_dbi dbi;
    uint32_t epoch;
    uint64_t purged;
    uint64_t purge_at;  /* milliseconds */
    uint64_t reopen_at; /* milliseconds; 0: it is open */
    bool stale;
    uint64_t failures;
    char why[REPLAY_WHY_MAX];
    size_t count;
    struct replay_item *items[BATCH_MAX];
    enum replay_count results[BATCH_MAX]; /* believed once the transaction is done */
};

/* Where the purge mark lies: to the left of all keys, since nothing was issued in 1970. */
static const unsigned char mark_key[] = {0, 0, 0, 0, 'm'};

/* LMDB believes what is in the file: one that was damaged can lead it anywhere. What a signal finds
 * while we are in there is the file's fault, and the next process must not run into it again. */
static struct mark *volatile in_danger;

static void on_crash(int signum)
{
    (void)signum; /* the handler is gone: the same instruction now ends the process */
    if (in_danger != NULL)
        mark_set_damaged(in_danger);
}

static void on_assert(MDB_env *env, const char *message)
{
    (void)env;
    (void)message;
    if (in_danger != NULL)
        mark_set_damaged(in_danger);
    _exit(EXIT_FAILURE);
}

static void catch_crashes(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &action, NULL);
}

static void enter(struct lmdb *s)
{
    in_danger = s->mark;
}

static void leave(void)
{
    in_danger = NULL;
}

static void say_why(struct lmdb *s, const char *doing, int error)
{
    snprintf(s->why, sizeof s->why, "%s: %s: %s", s->path, doing, mdb_strerror(error));
}

static bool is_damage(int error)
{
    return error == MDB_CORRUPTED || error == MDB_PAGE_NOTFOUND || error == MDB_INVALID ||
           error == MDB_VERSION_MISMATCH || error == MDB_INCOMPATIBLE || error == MDB_BAD_DBI ||
           error == MDB_BAD_VALSIZE;
}

static uint64_t get_number(const MDB_val *value)
{
    uint64_t number = 0;

    if (value->mv_size == sizeof number)
        memcpy(&number, value->mv_data, sizeof number);
    return number;
}

/* The purge mark is in every transaction: another process may have moved it. */
static int read_purged(struct lmdb *s, MDB_txn *txn)
{
    unsigned char octets[sizeof mark_key];
    MDB_val key = {sizeof octets, octets};
    MDB_val value;

    memcpy(octets, mark_key, sizeof octets);
    const int error = mdb_get(txn, s->dbi, &key, &value);
    if (error == 0)
        s->purged = get_number(&value);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* Blocks for all of the map: a full disk is then an error here, and no signal later. */
static int reserve(struct lmdb *s, size_t size)
{
    int fd = -1;
    int error = mdb_env_get_fd(s->env, &fd);

    if (error == 0 && fallocate(fd, 0, 0, (off_t)size) != 0)
        error = errno;
    return error;
}

/* Whether the file has all the pages that it speaks of. */
static int check_size(struct lmdb *s)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    struct stat st;
    int fd = -1;

    mdb_env_info(s->env, &info);
    mdb_env_stat(s->env, &stat_of);
    if (mdb_env_get_fd(s->env, &fd) != 0 || fstat(fd, &st) != 0)
        return errno;
    return (uint64_t)st.st_size / stat_of.ms_psize > info.me_last_pgno ? 0 : MDB_CORRUPTED;
}

static int open_content(struct lmdb *s)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (error != 0)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, &s->dbi);
    if (error == 0)
        error = read_purged(s, txn);
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* Under the mark's lock. */
static int open_env(struct lmdb *s, bool is_new)
{
    const unsigned flags =
            MDB_NOSUBDIR | MDB_WRITEMAP | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT;
    MDB_envinfo info;
    struct stat st;
    int error = mdb_env_create(&s->env);

    if (error != 0)
        return error;
    mdb_env_set_assert(s->env, on_assert);
    /* A smaller map than that of others would cut the file under them; the file knows its own. */
    if (is_new)
        error = mdb_env_set_mapsize(s->env, MAP_FIRST);
    else if (stat(s->path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)MAP_FIRST)
        error = MDB_INVALID;
    if (error == 0)
        error = mdb_env_open(s->env, s->path, flags, 0600);
    if (error == 0)
        error = check_size(s);
    if (error == 0)
        error = mdb_env_info(s->env, &info);
    if (error == 0)
        error = reserve(s, info.me_mapsize);
    if (error == 0)
        error = open_content(s);
    if (error != 0) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return error;
}

static char *path_with(const struct lmdb *s, const char *suffix)
{
    char *path = NULL;

    return asprintf(&path, "%s%s", s->path, suffix) < 0 ? NULL : path;
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* What is there is kept for whoever wants to look at it; those who still count in it see that the
 * epoch is another. */
static int set_aside(struct lmdb *s, uint64_t today)
{
    char *lost = path_with(s, ".lost");
    char *lock = path_with(s, "-lock");
    int error = lost == NULL || lock == NULL ? ENOMEM : 0;

    if (error == 0 && exists(s->path) && rename(s->path, lost) != 0)
        error = errno;
    if (error == 0 && unlink(lock) != 0 && errno != ENOENT)
        error = errno;
    if (error == 0) {
        mark_begin_anew(s->mark, today);
        log_event(LOG_LEVEL_ERROR, "replay-store-lost", "because",
                "it was damaged, or of a boot that ended without its last counts: begun anew; "
                "payloads from before are not counted for an hour");
    }
    free(lost);
    free(lock);
    return error;
}

/* Under the mark's lock. */
static int open_or_begin(struct lmdb *s, uint64_t today)
{
    const bool is_first = mark_is_new(s->mark) && !exists(s->path);

    if (is_first) {
        mark_use(s->mark);
        return open_env(s, true);
    }
    if (!mark_is_new(s->mark) && mark_is_good(s->mark) && exists(s->path)) {
        const int error = open_env(s, false);
        if (error == 0)
            mark_use(s->mark);
        if (!is_damage(error))
            return error;
    }
    const int error = set_aside(s, today);
    return error != 0 ? error : open_env(s, true);
}

static void open_all(struct lmdb *s, uint64_t now, uint64_t today)
{
    char *mark_path = path_with(s, "-mark");
    int error = ENOMEM;

    if (mark_path != NULL) {
        s->mark = mark_open(mark_path);
        error = errno;
    }
    free(mark_path);
    if (s->mark != NULL) {
        catch_crashes();
        enter(s);
        error = open_or_begin(s, today);
        leave();
        s->epoch = mark_epoch(s->mark);
        mark_unlock(s->mark);
    }
    if (s->env == NULL) {
        say_why(s, "cannot be opened", error);
        s->reopen_at = now + REOPEN_AFTER;
    }
}

static void close_lmdb(void *store);

static void *open_lmdb(const struct replay_setup *setup, uint64_t now, uint64_t today)
{
    struct lmdb *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->setup = *setup;
    s->path = strdup(setup->address + sizeof SCHEME - 1);
    if (s->path == NULL) {
        close_lmdb(s);
        return NULL;
    }
    open_all(s, now, today);
    return s;
}

static bool is_usable(struct lmdb *s, uint64_t now)
{
    if (s->env == NULL) {
        s->stale = now >= s->reopen_at;
        return false;
    }
    if (!s->stale && (mark_is_damaged(s->mark) || mark_epoch(s->mark) != s->epoch)) {
        snprintf(s->why, sizeof s->why, "%s: is damaged, and is begun anew", s->path);
        s->stale = true;
    }
    return !s->stale;
}

static void make_key(const struct replay_item *item, const struct replay_entry *entry,
        unsigned char key_r[KEY_OCTETS_HERE])
{
    for (int i = 0; i < 4; i++)
        key_r[i] = (unsigned char)(item->issued >> (24 - 8 * i));
    memcpy(key_r + 4, item->nonce, PAYLOAD_NONCE);
    memcpy(key_r + 4 + PAYLOAD_NONCE, entry->domain, REPLAY_DOMAIN);
}

static int get_count(
        struct lmdb *s, MDB_txn *txn, unsigned char octets[KEY_OCTETS_HERE], uint32_t *count_r)
{
    MDB_val key = {KEY_OCTETS_HERE, octets};
    MDB_val value;
    const int error = mdb_get(txn, s->dbi, &key, &value);

    *count_r = 0;
    if (error == MDB_NOTFOUND)
        return 0;
    if (error == 0 && value.mv_size != sizeof *count_r)
        return MDB_CORRUPTED;
    if (error == 0)
        memcpy(count_r, value.mv_data, sizeof *count_r);
    return error;
}

static int raise_all(struct lmdb *s, MDB_txn *txn, const struct replay_item *item,
        const uint32_t counts[REPLAY_ENTRIES_MAX])
{
    unsigned char octets[KEY_OCTETS_HERE];
    int error = 0;

    for (size_t i = 0; error == 0 && i < item->entries_count; i++) {
        uint32_t count = counts[i] + 1;
        MDB_val key = {sizeof octets, octets};
        MDB_val value = {sizeof count, &count};
        make_key(item, &item->entries[i], octets);
        error = mdb_put(txn, s->dbi, &key, &value, 0);
    }
    return error;
}

/* All its counts, or none. */
static int count_item(
        struct lmdb *s, MDB_txn *txn, const struct replay_item *item, enum replay_count *result_r)
{
    unsigned char octets[KEY_OCTETS_HERE];
    uint32_t counts[REPLAY_ENTRIES_MAX];

    for (size_t i = 0; i < item->entries_count; i++) {
        make_key(item, &item->entries[i], octets);
        const int error = get_count(s, txn, octets, &counts[i]);
        if (error != 0)
            return error;
        if (counts[i] >= item->entries[i].allowance) {
            *result_r = REPLAY_OVER;
            return 0;
        }
    }
    *result_r = REPLAY_WITHIN;
    return raise_all(s, txn, item, counts);
}

/* What the store cannot know: it forgot the time, or was lost after it. */
static bool is_out_of_reach(const struct lmdb *s, const struct replay_item *item, uint64_t today)
{
    const uint64_t begun = mark_begun(s->mark);

    return item->issued < s->purged || item->issued > UINT32_MAX ||
           (item->issued < begun && today < begun + REPLAY_UNCOUNTED);
}

/* Deletes from the left what no domain takes any more, and moves the mark. */
static int purge(struct lmdb *s, MDB_txn *txn, uint64_t today, bool *changed_r)
{
    const uint64_t horizon = today > s->setup.keep ? today - s->setup.keep : 0;
    unsigned char octets[sizeof mark_key];
    MDB_cursor *cursor = NULL;
    MDB_val key;
    size_t deleted = 0;
    int error = mdb_cursor_open(txn, s->dbi, &cursor);

    if (error != 0)
        return error;
    while ((error = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT)) == 0 && deleted < PURGE_MOST) {
        const unsigned char *at = key.mv_data;
        if (key.mv_size == sizeof mark_key)
            continue;
        if (((uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3]) >=
                horizon)
            break;
        error = mdb_cursor_del(cursor, 0);
        if (error != 0)
            break;
        deleted++;
    }
    mdb_cursor_close(cursor);
    if (error == MDB_NOTFOUND)
        error = 0;
    if (error != 0 || deleted == 0)
        return error;
    *changed_r = true;
    memcpy(octets, mark_key, sizeof octets);
    uint64_t purged = horizon > s->purged ? horizon : s->purged;
    MDB_val value = {sizeof purged, &purged};
    key = (MDB_val){sizeof octets, octets};
    error = mdb_put(txn, s->dbi, &key, &value, 0);
    s->purged = purged;
    return error;
}

/* One transaction for all. Nothing is believed before it is committed. */
static int transact(struct lmdb *s, bool do_purge, uint64_t today)
{
    MDB_txn *txn = NULL;
    bool changed = false;
    int error = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (error != 0)
        return error;
    error = read_purged(s, txn);
    for (size_t i = 0; error == 0 && i < s->count; i++) {
        s->results[i] = REPLAY_FAILED;
        if (is_out_of_reach(s, s->items[i], today))
            continue;
        error = count_item(s, txn, s->items[i], &s->results[i]);
        changed = changed || s->results[i] == REPLAY_WITHIN;
    }
    if (error == 0 && do_purge)
        error = purge(s, txn, today, &changed);
    if (error == 0 && changed)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* Between transactions, and not while another process does the same: what each sets is the length
 * of the file. */
static int grow_and_transact(struct lmdb *s, bool do_purge, uint64_t today)
{
    MDB_envinfo info;

    if (!mark_lock(s->mark))
        return errno;
    mdb_env_info(s->env, &info);
    const size_t size = info.me_mapsize * 2;
    int error = reserve(s, size);
    if (error == 0)
        error = mdb_env_set_mapsize(s->env, size);
    if (error == 0)
        error = transact(s, do_purge, today); /* which tells the file of its size */
    mark_unlock(s->mark);
    return error;
}

static int adopt_size(struct lmdb *s)
{
    if (!mark_lock(s->mark))
        return errno;
    const int error = mdb_env_set_mapsize(s->env, 0);
    mark_unlock(s->mark);
    return error;
}

static int count_batch(struct lmdb *s, uint64_t now, uint64_t today)
{
    const bool do_purge = now >= s->purge_at;
    int error = transact(s, do_purge, today);

    if (do_purge)
        s->purge_at = now + PURGE_EVERY;
    for (int i = 0; i < TRIES_MAX && (error == MDB_MAP_FULL || error == MDB_MAP_RESIZED); i++) {
        if (error == MDB_MAP_FULL) {
            error = grow_and_transact(s, do_purge, today);
        } else {
            error = adopt_size(s);
            if (error == 0)
                error = transact(s, do_purge, today);
        }
    }
    return error;
}

static void hand_back(struct lmdb *s)
{
    const size_t count = s->count;

    s->count = 0;
    for (size_t i = 0; i < count; i++) {
        s->items[i]->result = s->results[i];
        s->setup.done(s->setup.context, s->items[i]);
    }
}

static void fail_all(struct lmdb *s)
{
    s->failures += s->count;
    for (size_t i = 0; i < s->count; i++)
        s->results[i] = REPLAY_FAILED;
}

static void commit(void *store, uint64_t now, uint64_t today)
{
    struct lmdb *s = store;

    if (!is_usable(s, now)) {
        fail_all(s);
    } else if (s->count > 0) {
        enter(s);
        const int error = count_batch(s, now, today);
        leave();
        if (error != 0) {
            fail_all(s);
            say_why(s, "cannot be written", error);
            s->stale = error == MDB_PANIC;
        } else {
            s->why[0] = '\0';
        }
        if (is_damage(error))
            mark_set_damaged(s->mark);
    }
    hand_back(s);
}

static void submit(void *store, struct replay_item *item, uint64_t now, uint64_t today)
{
    struct lmdb *s = store;

    if (s->count == BATCH_MAX)
        commit(s, now, today);
    s->items[s->count++] = item;
}

static void close_lmdb(void *store)
{
    struct lmdb *s = store;

    fail_all(s);
    hand_back(s);
    if (s->env != NULL)
        mdb_env_close(s->env);
    mark_close(&s->mark);
    free(s->path);
    free(s);
}

static uint64_t purged(const void *store)
{
    const struct lmdb *s = store;

    return s->purged;
}

static bool is_stale(const void *store)
{
    const struct lmdb *s = store;

    return s->stale;
}

static void health(const void *store, struct replay_health *health_r)
{
    const struct lmdb *s = store;
    MDB_envinfo info;
    MDB_stat stat_of;

    health_r->failures = s->failures;
    memcpy(health_r->why, s->why, sizeof health_r->why);
    if (s->env == NULL || s->stale || mdb_env_stat(s->env, &stat_of) != 0 ||
            mdb_env_info(s->env, &info) != 0)
        return;
    health_r->entries = stat_of.ms_entries;
    health_r->bytes = (info.me_last_pgno + 1) * stat_of.ms_psize;
}

static const char *const schemes[] = {SCHEME, NULL};

const struct replay_kind replay_lmdb = {
        .name = "lmdb",
        .schemes = schemes,
        .files = true,
        .open = open_lmdb,
        .close = close_lmdb,
        .submit = submit,
        .commit = commit,
        .purged = purged,
        .is_stale = is_stale,
        .health = health,
};
