// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/arguments.h"
#include "command/rows.h"
#include "command/table.h"
#include "users/table.h"

#define STANDARD_INPUT "-"

static enum status table_fail(const struct invocation *invocation, const char *path,
        const struct table *table, enum status status)
{
    command_complain(invocation, "%s: %s", path, table_error(table));
    return status;
}

static struct table *open_to_write(const struct invocation *invocation, const char *path)
{
    char error[TABLE_ERROR_MAX];
    struct table *table = table_open_to_write(path, error);

    if (table == NULL)
        command_complain(invocation, "%s: %s", path, error);
    return table;
}

/* Opens a table that must exist. A misspelled name would otherwise create a table that the service
 * does not read, and the row would have no effect, unnoticed. */
static struct table *open_to_edit(const struct invocation *invocation, const char *path)
{
    if (access(path, F_OK) == 0)
        return open_to_write(invocation, path);
    command_complain(invocation, "%s: %s", path, strerror(errno));
    return NULL;
}

/* What happens to the existing rows. */
enum filling {
    FILL_MORE,  /* they stay */
    FILL_WHOLE, /* they are replaced, unless there are no new rows */
    FILL_ALL,   /* they are replaced */
};

static enum status table_read_rows(
        const struct invocation *invocation, const char *path, struct rows **rows_r)
{
    const bool is_standard = strcmp(path, STANDARD_INPUT) == 0;
    FILE *in = is_standard ? stdin : fopen(path, "re");
    enum rows_result result = ROWS_UNREADABLE;

    if (in != NULL)
        result = rows_read(in, is_standard ? "standard input" : path, stderr, rows_r);
    if (result == ROWS_UNREADABLE)
        command_complain(
                invocation, "%s: %s", is_standard ? "standard input" : path, strerror(errno));
    if (result == ROWS_NO_MEMORY)
        command_complain(invocation, "out of memory");
    if (in != NULL && !is_standard)
        fclose(in);
    switch (result) {
    case ROWS_OK:
        return STATUS_OK;
    case ROWS_WRONG:
        return STATUS_DATA;
    case ROWS_UNREADABLE:
        return STATUS_INPUT;
    case ROWS_NO_MEMORY:
        break;
    }
    return STATUS_FAILURE;
}

static enum table_result put_all(struct table *table, const struct rows *rows, bool pinned)
{
    enum table_result result = TABLE_OK;
    char error[ROW_ERROR_MAX];
    struct row row;

    for (size_t i = 0; result == TABLE_OK && i < rows_count(rows); i++) {
        const struct rows_entry entry = rows_entry(rows, i);
        if (rows_parse(entry.values, pinned, &row, error)) /* it parsed when it was read */
            result = table_put(table, entry.key, &row);
    }
    return result;
}

/* Writes the rows in one transaction: a reader sees all of them or none. */
static enum status write_rows(const struct invocation *invocation, const char *path,
        struct table *table, const struct rows *rows, bool edit)
{
    enum table_result result = table_begin(table);

    if (result == TABLE_OK && !edit)
        result = table_clear(table, false);
    if (result == TABLE_OK)
        result = put_all(table, rows, edit);
    if (result == TABLE_OK)
        result = table_commit(table);
    return result == TABLE_OK ? STATUS_OK : table_fail(invocation, path, table, STATUS_FAILURE);
}

/* Refuses a text without rows, which a failed command may have printed. */
static bool may_be_written(const struct invocation *invocation, const struct rows *rows,
        const char *from, enum filling filling)
{
    if (filling != FILL_WHOLE || rows_count(rows) > 0)
        return true;
    command_complain(invocation,
            "%s: no row: expected one at least, or --empty: the table is as it was",
            strcmp(from, STANDARD_INPUT) == 0 ? "standard input" : from);
    return false;
}

static enum status table_fill(const struct invocation *invocation, const char *path,
        const char *from, enum filling filling)
{
    const bool edit = filling == FILL_MORE;
    struct rows *rows = NULL;
    enum status status = table_read_rows(invocation, from, &rows);

    if (status == STATUS_OK && !may_be_written(invocation, rows, from, filling))
        status = STATUS_DATA;
    if (status == STATUS_OK) {
        struct table *table =
                edit ? open_to_edit(invocation, path) : open_to_write(invocation, path);
        status = table != NULL ? write_rows(invocation, path, table, rows, edit) : STATUS_CREATE;
        table_close(&table);
    }
    rows_free(&rows);
    return status;
}

static enum status run_build(const struct invocation *invocation)
{
    const char *operands[2];
    bool empty = false;
    const struct arguments_option options[] = {{"--empty", &empty}, {NULL}};

    if (!arguments_read(invocation, options, 1, 2, operands))
        return STATUS_USAGE;
    return table_fill(invocation, operands[0], operands[1] != NULL ? operands[1] : STANDARD_INPUT,
            empty ? FILL_ALL : FILL_WHOLE);
}

static bool parse_user(const struct invocation *invocation, const char *user,
        char buffer[ADDRESS_MAX + 1], struct text *key_r)
{
    if (row_parse_user(text_of(user), buffer, key_r))
        return true;
    command_complain(invocation, "bad user: %s: expected local@domain or *@domain", user);
    return false;
}

static enum status set_one(const struct invocation *invocation, const char *path, struct text key,
        const struct row *row)
{
    struct table *table = open_to_edit(invocation, path);

    if (table == NULL)
        return STATUS_CREATE;
    const bool good = table_begin(table) == TABLE_OK && table_put(table, key, row) == TABLE_OK &&
                      table_commit(table) == TABLE_OK;
    const enum status status =
            good ? STATUS_OK : table_fail(invocation, path, table, STATUS_FAILURE);
    table_close(&table);
    return status;
}

static enum status table_set(
        const struct invocation *invocation, size_t count, const char **operands)
{
    char octets[ROW_TEXT_MAX * 2]; /* longer than any row */
    struct writer w = writer_of(octets, sizeof octets);
    char buffer[ADDRESS_MAX + 1];
    char error[ROW_ERROR_MAX];
    struct text key;
    struct row row;

    for (size_t i = 2; i < count && operands[i] != NULL; i++) {
        writer_char(&w, ' ');
        writer_string(&w, operands[i]);
    }
    if (!parse_user(invocation, operands[1], buffer, &key))
        return STATUS_USAGE;
    if (w.failed)
        command_complain(invocation, "%s: the row is too long", operands[1]);
    else if (!rows_parse(writer_text(&w), true, &row, error))
        command_complain(invocation, "%s", error);
    else if (row.is_alias && text_equal_fold(address_text(&row.alias), key))
        command_complain(invocation, "bad alias: %s: expected another user", row.alias.text);
    else
        return set_one(invocation, operands[0], key, &row);
    return STATUS_USAGE;
}

/* Reads any number of operands. The caller frees the result. */
static const char **read_operands(const struct invocation *invocation, size_t *count_r)
{
    const struct arguments_option options[] = {{NULL}};
    const char **operands = calloc((size_t)invocation->argc + 2, sizeof *operands);

    *count_r = (size_t)invocation->argc;
    if (operands != NULL && arguments_read(invocation, options, 2, *count_r + 1, operands))
        return operands;
    if (operands == NULL)
        command_complain(invocation, "out of memory");
    free(operands);
    return NULL;
}

static enum status run_set(const struct invocation *invocation)
{
    size_t count;
    const char **operands = read_operands(invocation, &count);
    enum status status = STATUS_USAGE;

    if (operands == NULL)
        return STATUS_USAGE;
    if (strcmp(operands[1], STANDARD_INPUT) != 0)
        status = table_set(invocation, count, operands);
    else if (operands[2] == NULL)
        status = table_fill(invocation, operands[0], STANDARD_INPUT, FILL_MORE);
    else
        command_complain(invocation, "%s: expected nothing behind `-`", operands[2]);
    free(operands);
    return status;
}

static bool are_users(const struct invocation *invocation, const char *const *users)
{
    bool good = true;
    char buffer[ADDRESS_MAX + 1];
    struct text key;

    for (; *users != NULL; users++)
        good = parse_user(invocation, *users, buffer, &key) && good;
    return good;
}

/* Deletes the rows that exist. Missing ones must not prevent the deletion of the others. */
static enum status delete_rows(const struct invocation *invocation, const char *path,
        struct table *table, const char *const *users)
{
    enum status status = STATUS_OK;
    enum table_result result = table_begin(table);
    char buffer[ADDRESS_MAX + 1];
    struct text key;

    for (; result != TABLE_ERROR && *users != NULL; users++) {
        if (!row_parse_user(text_of(*users), buffer, &key))
            continue;
        result = table_delete(table, key);
        if (result != TABLE_ABSENT)
            continue;
        command_complain(invocation, "%s: no such row in %s", *users, path);
        status = STATUS_NO;
    }
    if (result != TABLE_ERROR)
        result = table_commit(table);
    return result == TABLE_OK ? status : table_fail(invocation, path, table, STATUS_FAILURE);
}

static enum status run_delete(const struct invocation *invocation)
{
    size_t count;
    const char **operands = read_operands(invocation, &count);
    struct table *table = NULL;
    enum status status = STATUS_USAGE;

    if (operands == NULL || !are_users(invocation, operands + 1)) {
        free(operands);
        return STATUS_USAGE;
    }
    table = open_to_edit(invocation, operands[0]);
    status = table != NULL ? delete_rows(invocation, operands[0], table, operands + 1)
                           : STATUS_CREATE;
    table_close(&table);
    free(operands);
    return status;
}

/* The commands `verimail table NAME`, with their own names and arguments for complaints. */
static const struct command commands[] = {
        {.name = "table build", .synopsis = "FILE [FROM] [--empty]", .run = run_build},
        {.name = "table set", .synopsis = "FILE USER [NAME=VALUE...]", .run = run_set},
        {.name = "table delete", .synopsis = "FILE USER...", .run = run_delete},
        {.name = "table get", .synopsis = "FILE USER [--resolve]", .run = table_dump_get},
        {.name = "table dump", .synopsis = "FILE [--json]", .run = table_dump_all},
};

static enum status table_run(const struct invocation *invocation)
{
    const char *name = invocation->argc > 0 ? invocation->argv[0] : "";

    if (strcmp(name, "sync") == 0)
        return table_sync(invocation, invocation->argc - 1, invocation->argv + 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(name, commands[i].name + sizeof "table") != 0)
            continue;
        const struct invocation inner = {
                &commands[i], invocation->config_path, invocation->argc - 1, invocation->argv + 1};
        return commands[i].run(&inner);
    }
    command_complain(invocation,
            "%s%sexpected build, set, delete, get, dump or sync: see `verimail help table`", name,
            name[0] != '\0' ? ": " : "");
    return STATUS_USAGE;
}

const struct command command_table = {
        .name = "table",
        .synopsis = "build|set|delete|get|dump FILE ... | sync [NAME...]",
        .summary = "keep users' rules in a table, while the service runs",
        .help = "  build FILE [FROM] [--empty]   make the table what the text FROM says, or "
                "standard\n"
                "                                input: a row a line, `#` begins a comment; "
                "without any\n"
                "                                row only with --empty\n"
                "  set FILE USER [NAME=VALUE...] write one user's row, in place of any it had\n"
                "  set FILE -                    write the rows that standard input has\n"
                "  delete FILE USER...           remove rows\n"
                "  get FILE USER [--resolve]     print a user's row; or what the service would "
                "find:\n"
                "                                aliases followed, without +detail, then *@domain\n"
                "  dump FILE [--json]            print all rows, as build reads them\n"
                "  sync [NAME...] [--believe]    make tables what the directories of these names "
                "in the\n"
                "                                configuration say (PostgreSQL, LDAP), or all; "
                "believe\n"
                "                                them also when there are suspiciously few rows\n"
                "\n"
                "A row is `USER [NAME=VALUE...]`. USER is local@domain, or *@domain for all the "
                "others.\n"
                "  hosts=A,B               these hosts alone may send for the user; `hosts=`: "
                "none\n"
                "  more_hosts=A,B          these, and the domain's\n"
                "  allow_unauthorized=yes  the user may send from elsewhere, too\n"
                "  not_before=DATE         stamps issued before are taken back, as in "
                "2026-11-30T12:00Z\n"
                "  alias=LOCAL@DOMAIN      the rule is that of another row\n"
                "  pinned=yes              sync leaves the row as it is; what `set` writes is "
                "pinned,\n"
                "                          unless it says pinned=no\n"
                "\n"
                "A change counts from the service's next question on. `delete` revokes a user, "
                "unless\n"
                "*@domain permits the user. `set FILE USER hosts=` always does, unless the "
                "configuration\n"
                "has a section for the user. A change is made in one step. If anything fails, "
                "nothing is\n"
                "changed. Status 1: there is no such row.\n"
                "\n",
        .run = table_run,
};
