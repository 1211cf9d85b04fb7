// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_STORE_H
#define VERIMAIL_TEST_FIXTURE_STORE_H

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "folder.h"
#include "unit.h"

/* A new store of one backend for each test. PostgreSQL is the server that VERIMAIL_POSTGRESQL
 * names, where the schema belongs to the tests. */
struct fixture_store {
    struct folder folder;
    char address[FOLDER_PATH_MAX + 16];
};

static inline void fixture_store_begin_sqlite(struct fixture_store *place)
{
    char path[FOLDER_PATH_MAX];

    place->folder = folder_make();
    folder_path(&place->folder, "events.db", path);
    snprintf(place->address, sizeof place->address, "sqlite:%s", path);
}

static inline void fixture_store_end_sqlite(struct fixture_store *place)
{
    folder_remove(&place->folder);
}

static inline void fixture_store_begin_postgresql(struct fixture_store *place)
{
    const char *address = getenv("VERIMAIL_POSTGRESQL");

    snprintf(place->address, sizeof place->address, "%s", address);
    PGconn *connection = PQconnectdb(address);
    PGresult *result = PQexec(connection,
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS verimail CASCADE");
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s", PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

static inline void fixture_store_end_postgresql(struct fixture_store *place)
{
    (void)place;
}

static const struct fixture_store_backend {
    struct unit_row row;
    void (*begin)(struct fixture_store *place);
    void (*end)(struct fixture_store *place);
} fixture_stores[] = {
        {{"sqlite", NULL}, fixture_store_begin_sqlite, fixture_store_end_sqlite},
        {{"postgresql", "VERIMAIL_POSTGRESQL"}, fixture_store_begin_postgresql,
                fixture_store_end_postgresql},
};

static inline struct fixture_store fixture_store_begin(const struct fixture_store_backend *backend)
{
    struct fixture_store place = {.address = ""};

    backend->begin(&place);
    return place;
}

#endif
