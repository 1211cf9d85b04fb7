// SPDX-License-Identifier: ISC
#include "command/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "command/arguments.h"
#include "command/json_text.h"
#include "command/spool.h"
#include "users/table.h"

static struct table *table_dump_open_table(const struct invocation *invocation, const char *path)
{
    char error[TABLE_ERROR_MAX];
    struct table *table = table_open_to_read(path, error);

    if (table == NULL)
        command_complain(invocation, "%s: %s", path, error);
    return table;
}

static void print_row(FILE *out, struct text key, struct text values)
{
    fwrite(key.at, 1, key.len, out);
    if (values.len > 0)
        fputc(' ', out);
    fwrite(values.at, 1, values.len, out);
    fputc('\n', out);
}

/* Finds the first rule of: the user, the user without +detail, `*`. Whether it is pinned is not
 * returned, because the row may be another user's. */
static enum table_result resolve(
        struct table *table, struct text *local, struct text domain, struct row *row_r)
{
    struct reader r = reader_of(*local);
    const struct text tries[] = {*local, reader_field(&r, '+'), text_of("*")};
    enum table_result result = TABLE_ABSENT;

    for (size_t i = 0; result == TABLE_ABSENT && i < sizeof tries / sizeof *tries; i++) {
        *local = tries[i];
        result = table_find(table, tries[i], domain, row_r);
    }
    row_r->pinned = false;
    return result;
}

static enum table_result print_found(struct table *table, struct text key, bool as_service)
{
    char octets[ROW_TEXT_MAX];
    char buffer[ADDRESS_MAX];
    struct writer values = writer_of(octets, sizeof octets);
    struct writer user = writer_of(buffer, sizeof buffer);
    struct reader r = reader_of(key);
    struct text local = reader_until(&r, '@');
    const struct text domain = reader_rest(&r);
    struct row row;

    const enum table_result result =
            as_service ? resolve(table, &local, domain, &row) : table_get(table, key, &row);
    if (result != TABLE_OK || !row_format(&row, &values) || !row_key(local, domain, &user))
        return result;
    print_row(stdout, writer_text(&user), writer_text(&values));
    return result;
}

enum status table_dump_get(const struct invocation *invocation)
{
    const char *operands[2];
    bool as_service = false;
    const struct arguments_option options[] = {{"--resolve", .flag = &as_service}, {NULL}};
    char buffer[ADDRESS_MAX + 1];
    struct text key;
    enum status status = STATUS_OK;

    if (!arguments_read(invocation, options, 2, 2, operands))
        return STATUS_USAGE;
    if (!row_parse_user(text_of(operands[1]), buffer, &key)) {
        command_complain(
                invocation, "bad user: %s: expected local@domain or *@domain", operands[1]);
        return STATUS_USAGE;
    }
    struct table *table = table_dump_open_table(invocation, operands[0]);
    if (table == NULL)
        return STATUS_INPUT;
    switch (print_found(table, key, as_service)) {
    case TABLE_OK:
        break;
    case TABLE_ABSENT:
        command_complain(invocation, "%s: no such row in %s", operands[1], operands[0]);
        status = STATUS_NO;
        break;
    case TABLE_ERROR:
        command_complain(invocation, "%s: %s", operands[0], table_error(table));
        status = STATUS_INPUT;
        break;
    }
    table_close(&table);
    return status;
}

struct dump {
    FILE *out;
    bool as_json;
    bool any;
};

static void set_rule(json_t *object, const struct row *row)
{
    if (row->rule.mode != RULE_HOSTS_DOMAIN) {
        json_t *hosts = json_text_array();
        for (size_t i = 0; i < row->rule.hosts.count; i++)
            json_text_append(hosts, json_text_string(row->rule.hosts.names[i]));
        json_text_set(object, row->rule.mode == RULE_HOSTS_ONLY ? "hosts" : "more_hosts", hosts);
    }
    json_text_set(object, "allow_unauthorized", json_boolean(row->rule.allow_unauthorized));
    if (row->rule.not_before > 0) {
        char date[DATE_TEXT_MAX];
        date_format(row->rule.not_before, date);
        json_text_set(object, "not_before", json_text_string(date));
    }
}

static void table_dump_print_json(struct dump *dump, struct text key, const struct row *row)
{
    json_t *object = json_text_object();

    json_text_set(object, "user", json_text_of(key));
    if (row->is_alias)
        json_text_set(object, "alias", json_text_of(address_text(&row->alias)));
    else
        set_rule(object, row);
    json_text_set(object, "pinned", json_boolean(row->pinned));
    fputs(dump->any ? "," : "", dump->out);
    json_text_print(dump->out, object);
}

static bool print_one(void *context, struct text key, struct text values)
{
    struct dump *dump = context;
    char error[ROW_ERROR_MAX];
    struct row row;

    if (!dump->as_json)
        print_row(dump->out, key, values);
    else if (row_parse(values, &row, error))
        table_dump_print_json(dump, key, &row);
    dump->any = true;
    return !ferror(dump->out);
}

/* Copies the rows to a spool first. A read that waits for a pager would keep alive everything that
 * writers replace meanwhile. */
static enum status print_all(
        const struct invocation *invocation, const char *path, struct table *table, bool as_json)
{
    struct spool spool;
    struct dump dump = {.as_json = as_json};
    enum status status = STATUS_FAILURE;

    const int copy = spool_open(&spool) ? dup(spool.fd) : -1;
    if (copy >= 0)
        dump.out = fdopen(copy, "w");
    if (dump.out == NULL) {
        command_complain(invocation, "a temporary file: %s", strerror(errno));
        spool_close(&spool);
        return STATUS_FAILURE;
    }
    fputs(as_json ? "[" : "", dump.out);
    const enum table_result result = table_each(table, print_one, &dump);
    fputs(as_json ? "]\n" : "", dump.out);
    const bool written = fflush(dump.out) == 0 && !ferror(dump.out);
    if (result != TABLE_OK)
        command_complain(invocation, "%s: %s", path, table_error(table));
    else if (!written)
        command_complain(invocation, "a temporary file: %s", strerror(errno));
    else if (!spool_copy(&spool, 0, (uint64_t)ftello(dump.out), STDOUT_FILENO))
        command_complain(invocation, "standard output: %s", strerror(errno));
    else
        status = STATUS_OK;
    fclose(dump.out);
    spool_close(&spool);
    return result == TABLE_OK ? status : STATUS_INPUT;
}

enum status table_dump_all(const struct invocation *invocation)
{
    const char *operands[1];
    bool as_json = false;
    const struct arguments_option options[] = {{"--json", .flag = &as_json}, {NULL}};

    if (!arguments_read(invocation, options, 1, 1, operands))
        return STATUS_USAGE;
    struct table *table = table_dump_open_table(invocation, operands[0]);
    if (table == NULL)
        return STATUS_INPUT;
    const enum status status = print_all(invocation, operands[0], table, as_json);
    table_close(&table);
    return status;
}
