// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "fixture_events.h"
#include "unit.h"

#define SMALLEST (UINT64_C(32) << 20) /* octets; a partition then has 4096 events */

#define PARTITIONS                                                                                 \
    "SELECT relname::text, (SELECT count(*) FROM event WHERE tableoid = pg_class.oid) FROM "       \
    "pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'event'::regclass "    \
    "AND relkind = 'r' ORDER BY relname"
#define USED                                                                                       \
    "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = "     \
    "'event'::regclass"

static const char *address;
static PGconn *beside; /* a connection of the test's own */

static const char *sql(const char *statement)
{
    static char value[256];
    PGresult *result = PQexec(beside, statement);

    value[0] = '\0';
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        snprintf(value, sizeof value, "%s", PQgetvalue(result, 0, 0));
    else if (PQresultStatus(result) != PGRES_COMMAND_OK &&
             PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", statement, PQerrorMessage(beside));
    PQclear(result);
    return value;
}

/* The schema is the tests'. */
static struct eventstore *begin(void)
{
    sql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS verimail CASCADE");
    return fixture_events_open(address, EVENTSTORE_RECORD);
}

#define TEST_SERVER(test) TEST_IF(test, "VERIMAIL_POSTGRESQL")

BEFORE_ALL()
{
    address = getenv("VERIMAIL_POSTGRESQL");
    if (address != NULL)
        beside = PQconnectdb(address);
}

AFTER_ALL()
{
    PQfinish(beside);
}

/* A partition is there before it is needed, and dropped whole when its last event is old. */
TEST_SERVER(ids_have_partitions)
{
    struct eventstore *store = begin();
    bool more = true;

    eventstore_set_size(store, SMALLEST);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    assert_string_equal(fixture_events_rows(store, PARTITIONS), "event_to_0000000000000004097|3\n");
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 2000);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, 3000);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_to_0000000000000004097|4096\nevent_to_0000000000000008193|907\n");
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, &more));
    assert_false(more); /* the first partition has events that are not old */
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_to_0000000000000004097|2093\nevent_to_0000000000000008193|907\n");
    for (more = true; more;)
        assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + 2 * FIXTURE_EVENTS_DAY, &more));
    assert_string_equal(fixture_events_rows(store, PARTITIONS), "event_to_0000000000000008193|0\n");
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1);
    assert_string_equal(fixture_events_rows(store, "SELECT id FROM event"), "5004\n");
    eventstore_close(&store);
}

/* All partitions that there were are gone: the next begins where the ids are. */
TEST_SERVER(partitions_begin_anew)
{
    struct eventstore *store = begin();

    eventstore_set_size(store, SMALLEST);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 4000);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 4000);
    eventstore_close(&store);
    sql("DROP TABLE verimail.event_to_0000000000000004097, verimail.event_to_0000000000000008193,"
        " verimail.event_to_0000000000000012289");
    store = fixture_events_open(address, EVENTSTORE_RECORD);
    eventstore_set_size(store, SMALLEST);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 2);
    assert_string_equal(fixture_events_rows(store, PARTITIONS), "event_to_0000000000000012096|2\n");
    eventstore_close(&store);
}

/* The oldest make room, also while a report goes on for a while. */
TEST_SERVER(the_oldest_make_room)
{
    struct eventstore *store = begin();
    const struct event event = fixture_event(FIXTURE_EVENTS_JUNE);
    struct event *events = calloc(4096, sizeof *events);
    long long most = 0;
    bool written = true;

    assert_non_null(events);
    for (size_t i = 0; i < 4096; i++)
        events[i] = event;
    eventstore_set_size(store, SMALLEST);
    for (int i = 0; i < 30; i++) {
        assert_true(eventstore_write(store, events, 4096, NULL));
        const long long used = fixture_events_number(store, USED);
        most = used > most ? used : most;
    }
    assert_in_range(most, SMALLEST / 2, SMALLEST);
    assert_in_range(fixture_events_number(store, "SELECT min(id) FROM event"), 4097, 29 * 4096);
    assert_int_equal(fixture_events_number(store, "SELECT max(id) FROM event"), 30 * 4096);
    sql("BEGIN; SELECT count(*) FROM verimail.event");
    for (int i = 0; written && i < 30; i++)
        written = eventstore_write(store, events, 4096, NULL);
    assert_false(written);
    assert_non_null(strstr(eventstore_error(store), "has no room until a report"));
    assert_in_range(fixture_events_number(store, USED), SMALLEST / 2, SMALLEST);
    sql("COMMIT");
    assert_true(eventstore_write(store, events, 4096, NULL));
    eventstore_close(&store);
    free(events);
}

/* A long report holds the table: neither recording nor deleting fails. */
TEST_SERVER(a_report_in_the_way)
{
    struct eventstore *store = begin();
    bool more = true;

    eventstore_set_size(store, SMALLEST);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 4096);
    sql("BEGIN; SELECT count(*) FROM verimail.event");
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 4096);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 4096);
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, &more));
    assert_false(more);
    sql("COMMIT");
    for (more = true; more;)
        assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, &more));
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 0);
    eventstore_close(&store);
}

TEST_SERVER(lost_connections_are_made_anew)
{
    static const char kill_others[] = "SELECT count(pg_terminate_backend(pid, 10000)) FROM "
                                      "pg_stat_activity WHERE datname = current_database() AND "
                                      "pid <> pg_backend_pid()";
    struct eventstore *store = begin();
    bool more;

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    sql(kill_others);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 6);
    /* Asking and deleting may fail once: whoever asks sees why. */
    sql(kill_others);
    struct fixture_events_rows rows = {0};
    if (!eventstore_query(store, "SELECT 1", NULL, 0, fixture_events_row, &rows))
        assert_true(*eventstore_error(store) != '\0');
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 6);
    sql(kill_others);
    (void)!eventstore_purge(store, 0, &more);
    assert_true(eventstore_purge(store, 0, &more));
    eventstore_close(&store);
}

/* The server dies under COMMIT, and nothing was written. */
TEST_SERVER(a_commit_that_came_to_nothing)
{
    struct eventstore *store = begin();

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    sql("CREATE SEQUENCE verimail.fuse;"
        "CREATE FUNCTION verimail.blow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('verimail.fuse') = 1 THEN"
        " PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10);"
        " END IF; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER blow AFTER INSERT ON verimail.event_to_0000000000002097153"
        " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION verimail.blow()");
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 6);
    eventstore_close(&store);
}

/* A server that is there and says nothing: given up, and asked again. */
TEST_SERVER(a_silent_server)
{
    struct eventstore *store = begin();
    const struct event event = fixture_event(FIXTURE_EVENTS_JUNE);

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    const pid_t server = (pid_t)fixture_events_number(store, "SELECT pg_backend_pid()");
    if (kill(server, SIGSTOP) != 0)
        skip(); /* it is on another machine, or another user's */
    const bool written = eventstore_write(store, &event, 1, NULL);
    char error[EVENTSTORE_ERROR_MAX];
    snprintf(error, sizeof error, "%s", eventstore_error(store));
    assert_int_equal(kill(server, SIGCONT), 0);
    assert_false(written);
    assert_non_null(strstr(error, "gives no answer"));
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 4);
    eventstore_close(&store);
}

TEST_SERVER(a_newer_form_is_left_alone)
{
    struct eventstore *store = begin();
    char error[EVENTSTORE_ERROR_MAX] = "";

    eventstore_close(&store);
    sql("UPDATE verimail.form SET version = 2");
    for (int use = EVENTSTORE_RECORD; use <= EVENTSTORE_READ; use++) {
        assert_null(eventstore_open(address, &event_kind, (enum eventstore_use)use, error));
        assert_non_null(strstr(error, "newer Verimail (form 2, this one knows 1)"));
    }
}

/* Whoever owns the database made the schema; the recorder may do nothing outside of it. */
TEST_SERVER(a_recorder_with_few_rights)
{
    struct eventstore *store = begin();
    char sentence[256];
    char other[512];

    eventstore_close(&store);
    sql("DROP SCHEMA verimail CASCADE; DROP ROLE IF EXISTS verimail_few; "
        "CREATE ROLE verimail_few LOGIN");
    snprintf(sentence, sizeof sentence, "REVOKE CREATE ON DATABASE %s FROM PUBLIC", PQdb(beside));
    sql(sentence);
    snprintf(other, sizeof other, "%s&user=verimail_few", address);
    char error[EVENTSTORE_ERROR_MAX] = "";
    assert_null(eventstore_open(other, &event_kind, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "permission denied"));
    sql("CREATE SCHEMA verimail AUTHORIZATION verimail_few");
    store = fixture_events_open(other, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 3);
    eventstore_close(&store);
    sql("DROP SCHEMA verimail CASCADE; DROP ROLE verimail_few");
}

TEST(addresses_without_a_server)
{
    static const struct {
        const char *address;
        const char *error;
    } table[] = {
            {"postgresql://u:secret@127.0.0.1/x", "holds no password"},
            {"postgresql://u@127.0.0.1/x?password=secret", "holds no password"},
            {"postgresql://u:secret@[", "not one that libpq understands"},
            {"postgresql://u@h/x?nonsense=1", "nonsense"},
            {"postgresql://u@/x?host=/nonexistent/place", "/nonexistent/place"},
    };
    char error[EVENTSTORE_ERROR_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        error[0] = '\0';
        assert_null(eventstore_open(table[i].address, &event_kind, EVENTSTORE_RECORD, error));
        if (strstr(error, table[i].error) == NULL || strstr(error, "secret") != NULL ||
                strchr(error, '\n') != NULL)
            fail_msg("%s: got `%s`, want `%s`", table[i].address, error, table[i].error);
    }
}

/* Nobody listens; and somebody does who never says a word. */
TEST(servers_that_are_none)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof place;
    char to[128];
    char error[EVENTSTORE_ERROR_MAX] = "";
    union {
        struct sockaddr_in *in;
        struct sockaddr *any;
    } at = {&place};

    const int server = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server, at.any, len), 0);
    assert_int_equal(getsockname(server, at.any, &len), 0);
    snprintf(to, sizeof to, "postgresql://u@127.0.0.1:%u/x?connect_timeout=2",
            ntohs(place.sin_port));
    assert_null(eventstore_open(to, &event_kind, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "refused"));
    assert_int_equal(listen(server, 8), 0);
    assert_null(eventstore_open(to, &event_kind, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "timeout expired"));
    close(server);
}
