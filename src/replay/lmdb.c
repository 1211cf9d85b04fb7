// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "protocol/judge.h"
#include "replay/backend.h"
#include "replay/lmdb_file.h"

#define SCHEME "lmdb:"
#define BATCH_MAX 1024  /* requests in one transaction */
#define PURGE_EVERY 100 /* milliseconds between two purges, and between two checks of the file */
#define PURGE_MOST 4096 /* counts deleted in one step */
#define ENLARGE_MAX 16  /* enlargements for one batch; each doubles the file */
#define CHANGED "is damaged, or was recreated"
#define REOPEN_AFTER 1000 /* milliseconds until a failed opening is tried again */

/* Keys are sorted by time of issue: 4 octets of it, most significant first, then the nonce, then
 * the hash of the domain. New keys are added at the right edge of the tree, and old ones deleted at
 * the left. */
#define COUNT_KEY (4 + PAYLOAD_NONCE + REPLAY_DOMAIN)

struct lmdb {
    struct replay_setup setup;
    struct lmdb_file file;
    uint64_t purged;
    uint64_t purge_at;  /* monotonic milliseconds */
    uint64_t reopen_at; /* monotonic milliseconds; used only while the store is not open */
    bool stale;
    uint64_t failures;
    char error[REPLAY_ERROR_MAX];
    char failure[REPLAY_ERROR_MAX]; /* `error` as of the latest failure */
    size_t count;
    struct count_request *requests[BATCH_MAX];
    enum replay_count results[BATCH_MAX]; /* valid after the transaction is committed */
};

static const char *lmdb_path_of(const struct lmdb *s)
{
    return s->setup.address + sizeof SCHEME - 1;
}

static void lmdb_set_error(struct lmdb *s, const char *error)
{
    snprintf(s->error, sizeof s->error, "%s: %s", lmdb_path_of(s), error);
}

static void say_error(struct lmdb *s, const char *doing, int error)
{
    snprintf(s->error, sizeof s->error, "%s: %s: %s", lmdb_path_of(s), doing, mdb_strerror(error));
}

static void say_recreated(struct lmdb *s)
{
    lmdb_set_error(s, "was recreated: payloads issued before that are not counted for an hour");
}

static int read_purged(struct lmdb *s)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(s->file.env, NULL, 0, &txn);

    if (error != 0)
        return error;
    error = lmdb_file_get_purged(&s->file, txn, &s->purged);
    mdb_txn_abort(txn);
    return error;
}

/* Whether the clock is behind a time at which something was counted. What was deleted or lost until
 * then would be counted from zero. */
static bool lmdb_is_behind(struct lmdb *s, uint64_t unix_now)
{
    const uint64_t seen = clean_flag_latest(s->file.flag);
    const uint64_t latest = seen > s->purged ? seen : s->purged;
    char date[DATE_TEXT_MAX];

    if (latest <= unix_now + JUDGE_FUTURE)
        return false;
    date_format(latest, date);
    snprintf(s->error, sizeof s->error,
            "%s: the clock is behind %s, when something was counted: nothing is counted until "
            "then; "
            "if that time was wrong, remove %.80s-mark",
            lmdb_path_of(s), date, lmdb_path_of(s));
    return true;
}

static bool lmdb_open_file(struct lmdb *s, uint64_t unix_now)
{
    if (!lmdb_file_open(lmdb_path_of(s), unix_now, &s->file))
        return false;
    lmdb_file_enter(&s->file);
    const int error = read_purged(s);
    lmdb_file_leave();
    if (lmdb_file_is_damage(error))
        clean_flag_set_damaged(s->file.flag);
    if (error != 0)
        snprintf(s->file.error, sizeof s->file.error, "%s", mdb_strerror(error));
    return error == 0;
}

static void *open_lmdb(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now)
{
    struct lmdb *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->setup = *setup;
    if (!lmdb_open_file(s, unix_now)) {
        snprintf(s->error, sizeof s->error, "%s: cannot be opened: %s", lmdb_path_of(s),
                s->file.error);
        lmdb_file_close(&s->file);
        s->reopen_at = mono_ms + REOPEN_AFTER;
    } else if (!lmdb_is_behind(s, unix_now) && s->file.lost) {
        say_recreated(s);
    }
    return s;
}

/* Why the store must be reopened; NULL when it need not be. */
static const char *find_change(struct lmdb *s, uint64_t mono_ms)
{
    if (!lmdb_file_is_current(&s->file))
        return CHANGED;
    if (mono_ms >= s->purge_at && !lmdb_file_is_there(&s->file))
        return "was removed while it was in use";
    return NULL;
}

static bool lmdb_is_usable(struct lmdb *s, uint64_t mono_ms)
{
    if (s->file.env == NULL)
        s->stale = mono_ms >= s->reopen_at;
    if (s->file.env == NULL || s->stale)
        return false;
    const char *error = find_change(s, mono_ms);
    if (error != NULL) {
        lmdb_set_error(s, error);
        s->stale = true;
    }
    return !s->stale;
}

static void lmdb_make_key(const struct count_request *request, const struct replay_entry *entry,
        unsigned char key_r[COUNT_KEY])
{
    for (int i = 0; i < 4; i++)
        key_r[i] = (unsigned char)(request->issued >> (24 - 8 * i));
    memcpy(key_r + 4, request->nonce, PAYLOAD_NONCE);
    memcpy(key_r + 4 + PAYLOAD_NONCE, entry->domain, REPLAY_DOMAIN);
}

static int get_count(
        struct lmdb *s, MDB_txn *txn, unsigned char octets[COUNT_KEY], uint32_t *count_r)
{
    MDB_val key = {COUNT_KEY, octets};
    MDB_val value;
    const int error = mdb_get(txn, s->file.dbi, &key, &value);

    *count_r = 0;
    if (error == MDB_NOTFOUND)
        return 0;
    if (error == 0 && value.mv_size != sizeof *count_r)
        return MDB_CORRUPTED;
    if (error == 0)
        memcpy(count_r, value.mv_data, sizeof *count_r);
    return error;
}

static int raise_all(struct lmdb *s, MDB_txn *txn, const struct count_request *request,
        const uint32_t counts[REPLAY_ENTRIES_MAX])
{
    unsigned char octets[COUNT_KEY];
    int error = 0;

    for (size_t i = 0; error == 0 && i < request->entries_count; i++) {
        uint32_t count = counts[i] + 1;
        MDB_val key = {sizeof octets, octets};
        MDB_val value = {sizeof count, &count};
        lmdb_make_key(request, &request->entries[i], octets);
        error = mdb_put(txn, s->file.dbi, &key, &value, 0);
    }
    return error;
}

/* The fast path. Most payloads are counted for the first time, and for one domain, so one walk down
 * the tree is enough. MDB_KEYEXIST: not such a case, and nothing was changed. */
static int count_first(struct lmdb *s, MDB_txn *txn, const struct count_request *request)
{
    unsigned char octets[COUNT_KEY];
    uint32_t count = 1;
    MDB_val key = {sizeof octets, octets};
    MDB_val value = {sizeof count, &count};

    if (request->entries_count != 1 || request->entries[0].allowance == 0)
        return MDB_KEYEXIST;
    lmdb_make_key(request, &request->entries[0], octets);
    return mdb_put(txn, s->file.dbi, &key, &value, MDB_NOOVERWRITE);
}

/* Raises all counts of a request, or none. */
static int lmdb_count_request(struct lmdb *s, MDB_txn *txn, const struct count_request *request,
        enum replay_count *result_r)
{
    unsigned char octets[COUNT_KEY];
    uint32_t counts[REPLAY_ENTRIES_MAX];
    const int first = count_first(s, txn, request);

    *result_r = REPLAY_WITHIN;
    if (first != MDB_KEYEXIST)
        return first;
    for (size_t i = 0; i < request->entries_count; i++) {
        lmdb_make_key(request, &request->entries[i], octets);
        const int error = get_count(s, txn, octets, &counts[i]);
        if (error != 0)
            return error;
        if (counts[i] >= request->entries[i].allowance) {
            *result_r = REPLAY_OVER;
            return 0;
        }
    }
    return raise_all(s, txn, request, counts);
}

/* Whether the store cannot know the payload's count: counts of that time were purged, or lost when
 * the store was recreated. */
static bool is_out_of_reach(
        const struct lmdb *s, const struct count_request *request, uint64_t unix_now)
{
    const uint64_t begun = clean_flag_begun(s->file.flag);

    return request->issued < s->purged || request->issued > UINT32_MAX ||
           (request->issued <= begun && unix_now < begun + REPLAY_UNCOUNTED);
}

static uint64_t issued_of(const MDB_val *key)
{
    const unsigned char *at = key->mv_data;

    return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
}

/* Deletes the oldest counts, whose payloads have expired for every domain. */
static int delete_before(struct lmdb *s, MDB_txn *txn, uint64_t horizon, size_t *deleted_r)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    int error = mdb_cursor_open(txn, s->file.dbi, &cursor);

    *deleted_r = 0;
    if (error != 0)
        return error;
    while (*deleted_r < PURGE_MOST && (error = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT)) == 0) {
        if (lmdb_file_is_purged_key(&key))
            continue;
        if (key.mv_size != COUNT_KEY)
            error = MDB_CORRUPTED;
        else if (issued_of(&key) >= horizon)
            break;
        else
            error = mdb_cursor_del(cursor, 0);
        if (error != 0)
            break;
        ++*deleted_r;
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* Deletes old counts and moves the purge mark in the same transaction. */
static int lmdb_purge(struct lmdb *s, MDB_txn *txn, uint64_t unix_now, bool *changed_r)
{
    const uint64_t horizon = unix_now > s->setup.keep ? unix_now - s->setup.keep : 0;
    size_t deleted = 0;
    int error = delete_before(s, txn, horizon, &deleted);

    if (error != 0 || deleted == 0)
        return error;
    *changed_r = true;
    if (horizon > s->purged)
        s->purged = horizon;
    return lmdb_file_put_purged(&s->file, txn, s->purged);
}

static int count_all(struct lmdb *s, MDB_txn *txn, uint64_t unix_now, bool *changed_r)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < s->count; i++) {
        s->results[i] = REPLAY_FAILED;
        if (is_out_of_reach(s, s->requests[i], unix_now))
            continue;
        error = lmdb_count_request(s, txn, s->requests[i], &s->results[i]);
        *changed_r = *changed_r || s->results[i] == REPLAY_WITHIN;
    }
    return error;
}

/* Counts the batch in one transaction. Results are valid only after the commit. Rereads the purge
 * mark, because another process may have moved it. */
static int lmdb_transact(struct lmdb *s, bool do_purge, uint64_t unix_now)
{
    MDB_txn *txn = NULL;
    bool changed = false;
    int error = mdb_txn_begin(s->file.env, NULL, 0, &txn);

    if (error != 0)
        return error;
    error = lmdb_file_get_purged(&s->file, txn, &s->purged);
    if (error == 0)
        error = count_all(s, txn, unix_now, &changed);
    if (error == 0 && do_purge)
        error = lmdb_purge(s, txn, unix_now, &changed);
    if (error == 0 && changed)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

static int count_batch(struct lmdb *s, uint64_t mono_ms, uint64_t unix_now)
{
    const bool do_purge = mono_ms >= s->purge_at;
    bool broken = false;
    int error = lmdb_transact(s, do_purge, unix_now);

    if (do_purge)
        s->purge_at = mono_ms + PURGE_EVERY;
    for (int i = 0; i < ENLARGE_MAX && (error == MDB_MAP_FULL || error == MDB_MAP_RESIZED); i++) {
        error = lmdb_file_enlarge(&s->file, error, &broken);
        if (error == 0)
            error = lmdb_transact(s, do_purge, unix_now);
    }
    s->stale = broken || error == MDB_PANIC;
    return error;
}

static void fail_all(struct lmdb *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->results[i] = REPLAY_FAILED;
}

static bool has_failures(const struct lmdb *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->results[i] == REPLAY_FAILED)
            return true;
    return false;
}

static void hand_back(struct lmdb *s)
{
    const size_t count = s->count;

    if (has_failures(s))
        memcpy(s->failure, s->error, sizeof s->failure);
    s->count = 0;
    for (size_t i = 0; i < count; i++) {
        s->failures += s->results[i] == REPLAY_FAILED;
        s->requests[i]->result = s->results[i];
        s->setup.done(s->setup.context, s->requests[i]);
    }
}

static void count_and_say(struct lmdb *s, uint64_t mono_ms, uint64_t unix_now)
{
    clean_flag_see(s->file.flag, unix_now);
    lmdb_file_enter(&s->file);
    const int error = count_batch(s, mono_ms, unix_now);
    lmdb_file_leave();
    if (lmdb_file_is_damage(error))
        clean_flag_set_damaged(s->file.flag);
    if (error != 0) {
        fail_all(s);
        say_error(s, "cannot be written", error);
    } else if (!lmdb_file_is_current(&s->file)) {
        /* Other processes count in a new file by now, which lacks these counts. */
        fail_all(s);
        lmdb_set_error(s, CHANGED);
    } else if (has_failures(s)) {
        say_recreated(s);
    } else {
        s->error[0] = '\0';
    }
}

static void lmdb_commit(void *store, uint64_t mono_ms, uint64_t unix_now)
{
    struct lmdb *s = store;

    if (!lmdb_is_usable(s, mono_ms) || lmdb_is_behind(s, unix_now))
        fail_all(s);
    else if (s->count > 0)
        count_and_say(s, mono_ms, unix_now);
    hand_back(s);
}

static void lmdb_submit(
        void *store, struct count_request *request, uint64_t mono_ms, uint64_t unix_now)
{
    struct lmdb *s = store;

    if (s->count == BATCH_MAX)
        lmdb_commit(s, mono_ms, unix_now);
    s->requests[s->count++] = request;
}

static void close_lmdb(void *store)
{
    struct lmdb *s = store;

    fail_all(s);
    hand_back(s);
    lmdb_file_close(&s->file);
    free(s);
}

static int lmdb_time_left(const void *store, uint64_t mono_ms)
{
    const struct lmdb *s = store;

    if (s->file.env != NULL || s->stale)
        return -1;
    return mono_ms < s->reopen_at ? (int)(s->reopen_at - mono_ms) : 0;
}

static uint64_t lmdb_purged(const void *store, uint64_t unix_now)
{
    const struct lmdb *s = store;

    return s->purged <= unix_now + JUDGE_FUTURE ? s->purged : 0;
}

static bool lmdb_is_stale(const void *store)
{
    const struct lmdb *s = store;

    return s->stale;
}

static void lmdb_health(const void *store, struct replay_health *health_r)
{
    const struct lmdb *s = store;

    health_r->failures = s->failures;
    memcpy(health_r->error, s->error, sizeof health_r->error);
    memcpy(health_r->failure, s->failure, sizeof health_r->failure);
    health_r->closed = s->file.env == NULL;
    if (s->file.env == NULL || s->stale)
        return;
    lmdb_file_enter(&s->file);
    (void)lmdb_file_size(&s->file, &health_r->entries, &health_r->bytes);
    lmdb_file_leave();
}

static const char *const schemes[] = {SCHEME, NULL};

const struct replay_backend replay_lmdb = {
        .name = "lmdb",
        .schemes = schemes,
        .files = true,
        .open = open_lmdb,
        .close = close_lmdb,
        .submit = lmdb_submit,
        .commit = lmdb_commit,
        .time_left = lmdb_time_left,
        .purged = lmdb_purged,
        .is_stale = lmdb_is_stale,
        .health = lmdb_health,
};
