// SPDX-License-Identifier: ISC
#include "users/table.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Address space, not disk: a hundred million rows and more. The same for all, so that no process
 * ever has less of it than the file is long. */
#define MAP_OCTETS (64UL * 1024 * 1024 * 1024)
#define FORM 1 /* of a row's octets */

/* A row is kept as: FORM, flags, how many hosts there are, and each name with a NUL behind it; or
 * the user that an alias stands for, with its NUL. */
#define ROW_HEAD 3
#define FLAG_ALLOW 0x01
#define FLAG_PINNED 0x02
#define FLAG_ALIAS 0x04
#define FLAG_MODE 4 /* bits to the left */
#define ROW_OCTETS_MAX (ROW_HEAD + ROW_TEXT_MAX + ROW_HOSTS_MAX)

struct table {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reading; /* reset between look-ups; NULL before the first */
    MDB_txn *writing; /* between table_begin() and its end */
    char error[TABLE_WHY_MAX];
};

static enum table_result fail(struct table *table, const char *doing, int error)
{
    snprintf(table->error, sizeof table->error, "%s: %s", doing, mdb_strerror(error));
    return TABLE_ERROR;
}

const char *table_error(const struct table *table)
{
    return table->error;
}

void table_close(struct table **table)
{
    struct table *t = *table;

    if (t == NULL)
        return;
    if (t->writing != NULL)
        mdb_txn_abort(t->writing);
    if (t->reading != NULL)
        mdb_txn_abort(t->reading);
    if (t->env != NULL)
        mdb_env_close(t->env);
    free(t);
    *table = NULL;
}

/* Made by root, it is for whoever the folder is for. */
static int give_away(const char *path)
{
    char *copy = strdup(path);
    char *lock = NULL;
    struct stat st;
    int error = copy == NULL || asprintf(&lock, "%s-lock", path) < 0 ? ENOMEM : 0;

    if (error == 0 && geteuid() == 0 &&
            (stat(dirname(copy), &st) != 0 || chown(path, st.st_uid, st.st_gid) != 0 ||
                    chown(lock, st.st_uid, st.st_gid) != 0))
        error = errno;
    free(copy);
    free(lock);
    return error;
}

/* Whether the file has all the pages that it speaks of: those that are missing would be a signal.
 */
static int check_size(struct table *t)
{
    MDB_envinfo info;
    MDB_stat stat_of;
    struct stat st;
    int fd = -1;

    mdb_env_info(t->env, &info);
    mdb_env_stat(t->env, &stat_of);
    if (mdb_env_get_fd(t->env, &fd) != 0 || fstat(fd, &st) != 0)
        return errno;
    return (uint64_t)st.st_size / stat_of.ms_psize > info.me_last_pgno ? 0 : MDB_CORRUPTED;
}

static int open_database(struct table *t, bool write)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(t->env, NULL, write ? 0 : MDB_RDONLY, &txn);

    if (error != 0)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, &t->dbi);
    if (error == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

static int open_env(struct table *t, const char *path, bool write)
{
    const unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (write ? 0 : MDB_RDONLY);
    struct stat st;
    int error = mdb_env_create(&t->env);

    if (error == 0)
        error = mdb_env_set_mapsize(t->env, MAP_OCTETS);
    if (error == 0 && stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        error = MDB_INVALID;
    if (error == 0)
        error = mdb_env_open(t->env, path, flags, 0600);
    if (error == 0)
        error = check_size(t);
    if (error == 0)
        error = mdb_reader_check(t->env, NULL);
    if (error == 0)
        error = open_database(t, write);
    if (error == 0 && write)
        error = give_away(path);
    return error;
}

static struct table *open_table(const char *path, bool write, char why_r[TABLE_WHY_MAX])
{
    struct table *t = calloc(1, sizeof *t);
    const int error = t != NULL ? open_env(t, path, write) : ENOMEM;

    if (error == 0)
        return t;
    snprintf(why_r, TABLE_WHY_MAX, "%s", mdb_strerror(error));
    table_close(&t);
    return NULL;
}

struct table *table_open_to_read(const char *path, char why_r[TABLE_WHY_MAX])
{
    return open_table(path, false, why_r);
}

struct table *table_open_to_write(const char *path, char why_r[TABLE_WHY_MAX])
{
    return open_table(path, true, why_r);
}

/* A look at the table as it is now. Inside a writer's transaction it is that. */
static int begin_reading(struct table *t, MDB_txn **txn_r)
{
    int error;

    *txn_r = t->writing;
    if (t->writing != NULL)
        return 0;
    error = t->reading != NULL ? mdb_txn_renew(t->reading)
                               : mdb_txn_begin(t->env, NULL, MDB_RDONLY, &t->reading);
    *txn_r = t->reading;
    return error;
}

static void end_reading(struct table *t, MDB_txn *txn)
{
    if (txn == t->reading && txn != NULL)
        mdb_txn_reset(txn);
}

static int read_names(struct row *row, struct text rest, size_t count)
{
    const size_t len = rest.len;
    char *at = row->storage;

    if (len > sizeof row->storage || (count > 0 && (len == 0 || rest.at[len - 1] != '\0')))
        return MDB_CORRUPTED;
    if (len > 0)
        memcpy(at, rest.at, len);
    row->rule.hosts = (struct host_list){row->names, count};
    for (size_t i = 0; i < count; i++) {
        if (at == row->storage + len)
            return MDB_CORRUPTED;
        row->names[i] = at;
        if (!domain_is_ldh(text_of(at)))
            return MDB_CORRUPTED;
        at += strlen(at) + 1;
    }
    return at == row->storage + len ? 0 : MDB_CORRUPTED;
}

static int decode(struct text octets, struct row *row)
{
    const unsigned char *head = (const unsigned char *)octets.at;

    if (octets.len < ROW_HEAD || octets.len > ROW_OCTETS_MAX || head[0] != FORM ||
            head[1] >> FLAG_MODE > RULE_HOSTS_ONLY || head[2] > ROW_HOSTS_MAX)
        return MDB_CORRUPTED;
    row->rule = (struct rule){
            .mode = (enum rule_hosts)(head[1] >> FLAG_MODE),
            .allow_unauthorized = (head[1] & FLAG_ALLOW) != 0,
    };
    row->pinned = (head[1] & FLAG_PINNED) != 0;
    row->is_alias = (head[1] & FLAG_ALIAS) != 0;
    const struct text rest = {octets.at + ROW_HEAD, octets.len - ROW_HEAD};
    if (!row->is_alias)
        return read_names(row, rest, head[2]);
    return address_parse(rest, (struct text){NULL, 0}, &row->alias) ? 0 : MDB_CORRUPTED;
}

static bool encode(const struct row *row, struct writer *w)
{
    const unsigned flags = (row->rule.allow_unauthorized ? FLAG_ALLOW : 0U) |
                           (row->pinned ? FLAG_PINNED : 0U) | (row->is_alias ? FLAG_ALIAS : 0U) |
                           (unsigned)row->rule.mode << FLAG_MODE;
    const size_t count = row->is_alias ? 0 : row->rule.hosts.count;

    writer_char(w, FORM);
    writer_char(w, (char)(unsigned char)flags);
    writer_char(w, (char)(unsigned char)count);
    if (row->is_alias)
        writer_put(w, address_text(&row->alias));
    for (size_t i = 0; i < count; i++)
        writer_put(
                w, (struct text){row->rule.hosts.names[i], strlen(row->rule.hosts.names[i]) + 1});
    return !w->failed;
}

/* The texts that LMDB takes are not const, and it does not change them. */
static MDB_val value_of(struct text t)
{
    MDB_val value = {.mv_size = t.len};

    memcpy(&value.mv_data, &t.at, sizeof value.mv_data);
    return value;
}

static enum table_result get(struct table *t, MDB_txn *txn, struct text key_text, struct row *row_r)
{
    MDB_val key = value_of(key_text);
    MDB_val value;
    int error = mdb_get(txn, t->dbi, &key, &value);

    if (error == MDB_NOTFOUND)
        return TABLE_ABSENT;
    if (error == 0)
        error = decode((struct text){value.mv_data, value.mv_size}, row_r);
    return error == 0 ? TABLE_OK : fail(t, "a row cannot be read", error);
}

enum table_result table_get(struct table *t, struct text key, struct row *row_r)
{
    MDB_txn *txn = NULL;
    const int error = begin_reading(t, &txn);

    if (error != 0)
        return fail(t, "it cannot be read", error);
    const enum table_result result = get(t, txn, key, row_r);
    end_reading(t, txn);
    return result;
}

static bool make_key(struct text local, struct text domain, struct writer *w)
{
    for (size_t i = 0; i < local.len; i++)
        writer_char(w, text_lower(local.at[i]));
    writer_char(w, '@');
    for (size_t i = 0; i < domain.len; i++)
        writer_char(w, text_lower(domain.at[i]));
    return !w->failed;
}

static enum table_result find(struct table *t, MDB_txn *txn, struct text key, struct row *row_r)
{
    char room[ADDRESS_MAX];
    enum table_result result = get(t, txn, key, row_r);

    for (int i = 0; result == TABLE_OK && row_r->is_alias; i++) {
        struct writer w = writer_of(room, sizeof room);
        if (i == TABLE_ALIASES_MAX ||
                !make_key(address_local(&row_r->alias), address_domain(&row_r->alias), &w))
            return TABLE_ABSENT;
        result = get(t, txn, writer_text(&w), row_r);
    }
    return result;
}

enum table_result table_find(
        struct table *t, struct text local, struct text domain, struct row *row_r)
{
    char room[ADDRESS_MAX];
    struct writer w = writer_of(room, sizeof room);
    MDB_txn *txn = NULL;

    if (!make_key(local, domain, &w))
        return TABLE_ABSENT;
    const int error = begin_reading(t, &txn);
    if (error != 0)
        return fail(t, "it cannot be read", error);
    const enum table_result result = find(t, txn, writer_text(&w), row_r);
    end_reading(t, txn);
    return result;
}

enum table_result table_count(struct table *t, uint64_t *count_r)
{
    MDB_txn *txn = NULL;
    MDB_stat stat_of;
    int error = begin_reading(t, &txn);

    if (error == 0)
        error = mdb_stat(txn, t->dbi, &stat_of);
    end_reading(t, txn);
    if (error != 0)
        return fail(t, "it cannot be read", error);
    *count_r = stat_of.ms_entries;
    return TABLE_OK;
}

static int walk(struct table *t, MDB_txn *txn,
        bool (*each)(void *context, struct text key, struct text values), void *context)
{
    char room[ROW_TEXT_MAX + ROW_OCTETS_MAX];
    MDB_cursor *cursor = NULL;
    struct row row;
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_open(txn, t->dbi, &cursor);
    bool more = true;

    while (error == 0 && more && (error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct writer w = writer_of(room, sizeof room);
        error = decode((struct text){value.mv_data, value.mv_size}, &row);
        if (error == 0 && !row_format(&row, &w))
            error = MDB_CORRUPTED;
        if (error == 0)
            more = each(context, (struct text){key.mv_data, key.mv_size}, writer_text(&w));
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

enum table_result table_each(struct table *t,
        bool (*each)(void *context, struct text key, struct text values), void *context)
{
    MDB_txn *txn = NULL;
    int error = begin_reading(t, &txn);

    if (error == 0)
        error = walk(t, txn, each, context);
    end_reading(t, txn);
    return error == 0 ? TABLE_OK : fail(t, "it cannot be read", error);
}

enum table_result table_begin(struct table *t)
{
    const int error = mdb_txn_begin(t->env, NULL, 0, &t->writing);

    return error == 0 ? TABLE_OK : fail(t, "it cannot be written", error);
}

enum table_result table_put(struct table *t, struct text key_text, const struct row *row)
{
    char room[ROW_OCTETS_MAX];
    struct writer w = writer_of(room, sizeof room);
    MDB_val key = value_of(key_text);

    if (!encode(row, &w))
        return fail(t, "a row is too long", MDB_BAD_VALSIZE);
    MDB_val value = value_of(writer_text(&w));
    const int error = mdb_put(t->writing, t->dbi, &key, &value, 0);
    return error == 0 ? TABLE_OK : fail(t, "it cannot be written", error);
}

enum table_result table_delete(struct table *t, struct text key_text)
{
    MDB_val key = value_of(key_text);
    const int error = mdb_del(t->writing, t->dbi, &key, NULL);

    if (error == MDB_NOTFOUND)
        return TABLE_ABSENT;
    return error == 0 ? TABLE_OK : fail(t, "it cannot be written", error);
}

static int delete_others(struct table *t)
{
    MDB_cursor *cursor = NULL;
    struct row row;
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_open(t->writing, t->dbi, &cursor);

    while (error == 0 && (error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        error = decode((struct text){value.mv_data, value.mv_size}, &row);
        if (error == 0 && !row.pinned)
            error = mdb_cursor_del(cursor, 0);
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

enum table_result table_clear(struct table *t, bool but_pinned)
{
    const int error = but_pinned ? delete_others(t) : mdb_drop(t->writing, t->dbi, 0);

    return error == 0 ? TABLE_OK : fail(t, "it cannot be emptied", error);
}

enum table_result table_commit(struct table *t)
{
    MDB_txn *txn = t->writing;

    t->writing = NULL;
    const int error = mdb_txn_commit(txn);
    return error == 0 ? TABLE_OK : fail(t, "it cannot be written", error);
}

void table_abort(struct table *t)
{
    if (t->writing != NULL)
        mdb_txn_abort(t->writing);
    t->writing = NULL;
}
