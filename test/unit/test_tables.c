// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "fixture_service.h"
#include "unit.h"
#include "verimaild/tables.h"

#define NOW 5000 /* milliseconds */
#define REST                                                                                       \
    "domain example.org { users = \"lmdb:$/users\" }\n"                                            \
    "domain example.net { }\n"

static enum rules_found look_up(
        const struct fixture_service *fixture, struct tables *tables, const char *local)
{
    const struct rules_lookup *rules = tables_lookup(tables);
    const struct domain_policy *policy =
            rules_domain(service_rules(fixture->service), text_of("example.org"));
    const struct rule *rule = NULL;

    return rules->find(rules->context, policy, text_of(local), &rule);
}

static void make_table(const struct folder *folder)
{
    char path[FOLDER_PATH_MAX];
    char error[TABLE_ERROR_MAX];
    struct row row;

    folder_path(folder, "users", path);
    struct table *table = table_open_to_write(path, error);
    assert_non_null(table);
    assert_true(row_parse(text_of(""), &row, error));
    assert_int_equal(table_begin(table), TABLE_OK);
    assert_int_equal(table_put(table, text_of("alice@example.org"), &row), TABLE_OK);
    assert_int_equal(table_commit(table), TABLE_OK);
    table_close(&table);
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(rows_are_found)
{
    struct folder folder = folder_make();

    make_table(&folder);
    struct fixture_service fixture = fixture_service_open_in(folder, "", REST);
    assert_non_null(fixture.service);
    struct tables *tables = tables_open(fixture.service, NOW);
    assert_non_null(tables);
    assert_true(tables_are_open(tables));
    assert_int_equal(look_up(&fixture, tables, "alice"), RULES_FOUND);
    assert_int_equal(look_up(&fixture, tables, "bob"), RULES_ABSENT);
    assert_null(tables_take_error(tables));
    assert_false(tables_are_stale(tables, NOW + 10 * TABLES_AGAIN));
    tables_close(&tables);
    assert_null(tables);
    fixture_service_close(&fixture);
}

/* Somebody should look again, but not all the time. */
TEST(a_table_that_is_not_there_is_said_and_gets_stale)
{
    struct fixture_service fixture = fixture_service_open("", REST);
    assert_non_null(fixture.service);
    struct tables *tables = tables_open(fixture.service, NOW);

    assert_non_null(tables);
    assert_false(tables_are_open(tables));
    assert_int_equal(look_up(&fixture, tables, "alice"), RULES_UNKNOWN);
    const char *error = tables_take_error(tables);
    assert_non_null(error);
    assert_non_null(strstr(error, "/users: No such file or directory"));
    assert_null(tables_take_error(tables));
    assert_false(tables_are_stale(tables, NOW + TABLES_AGAIN - 1));
    assert_true(tables_are_stale(tables, NOW + TABLES_AGAIN));
    tables_close(&tables);
    fixture_service_close(&fixture);
}
