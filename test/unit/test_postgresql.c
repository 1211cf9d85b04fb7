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

#define JANUARY (FIXTURE_EVENTS_JUNE - 151 * FIXTURE_EVENTS_DAY)
#define FEBRUARY (FIXTURE_EVENTS_JUNE - 120 * FIXTURE_EVENTS_DAY)
#define MARCH (FIXTURE_EVENTS_JUNE - 92 * FIXTURE_EVENTS_DAY)

#define PARTITIONS                                                                                 \
    "SELECT relname::text, (SELECT count(*) FROM event WHERE tableoid = pg_class.oid) FROM "       \
    "pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'event'::regclass "    \
    "AND relkind = 'r' ORDER BY relname"

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

TEST_SERVER(months_have_partitions)
{
    struct eventstore *store = begin();
    bool more = true;

    fixture_events_write(store, JANUARY, 3, JANUARY);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202601|3\nevent_202602|0\nevent_other|0\n");
    fixture_events_write(store, MARCH - 1, 2, MARCH - 1);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202601|3\nevent_202602|1\nevent_202603|1\nevent_other|0\n");
    /* Months are dropped whole, when the last moment of them is old. */
    assert_true(eventstore_purge(store, FEBRUARY - 1, &more));
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202601|0\nevent_202602|1\nevent_202603|1\nevent_other|0\n");
    for (more = true; more;)
        assert_true(eventstore_purge(store, MARCH, &more));
    assert_string_equal(fixture_events_rows(store, PARTITIONS), "event_202603|1\nevent_other|0\n");
    eventstore_close(&store);
}

TEST_SERVER(the_year_ends)
{
    struct eventstore *store = begin();

    fixture_events_write(store, JANUARY - 2, 3, JANUARY - 2);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202512|2\nevent_202601|1\nevent_other|0\n");
    eventstore_close(&store);
}

/* What came before its month's partition was there. */
TEST_SERVER(events_move_over)
{
    struct eventstore *store = begin();
    bool more;

    fixture_events_write(store, MARCH, 10, JANUARY);
    fixture_events_write(store, JANUARY - 400 * FIXTURE_EVENTS_DAY, 7, JANUARY);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202601|0\nevent_202602|0\nevent_other|17\n");
    fixture_events_write(store, MARCH, 1, FEBRUARY);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202601|0\nevent_202602|0\nevent_202603|11\nevent_other|7\n");
    assert_true(eventstore_purge(store, JANUARY, &more));
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202601|0\nevent_202602|0\nevent_202603|11\nevent_other|0\n");
    eventstore_close(&store);
}

/* A long report holds the table: neither recording nor deleting fails. */
TEST_SERVER(a_report_in_the_way)
{
    struct eventstore *store = begin();
    bool more = true;

    fixture_events_write(store, JANUARY, 3, JANUARY);
    sql("BEGIN; SELECT count(*) FROM verimail.event");
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
    assert_true(eventstore_purge(store, FEBRUARY, &more));
    assert_false(more);
    sql("COMMIT");
    for (more = true; more;)
        assert_true(eventstore_purge(store, MARCH, &more));
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE + 60000);
    assert_string_equal(fixture_events_rows(store, PARTITIONS),
            "event_202606|6\nevent_202607|0\nevent_other|0\n");
    eventstore_close(&store);
}

TEST_SERVER(lost_connections_are_made_anew)
{
    static const char kill_others[] = "SELECT count(pg_terminate_backend(pid, 10000)) FROM "
                                      "pg_stat_activity WHERE datname = current_database() AND "
                                      "pid <> pg_backend_pid()";
    struct eventstore *store = begin();
    bool more;

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
    sql(kill_others);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
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

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
    sql("CREATE SEQUENCE verimail.fuse;"
        "CREATE FUNCTION verimail.blow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('verimail.fuse') = 1 THEN"
        " PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10);"
        " END IF; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER blow AFTER INSERT ON verimail.event_202606"
        " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION verimail.blow()");
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 6);
    eventstore_close(&store);
}

/* A server that is there and says nothing: given up, and asked again. */
TEST_SERVER(a_silent_server)
{
    struct eventstore *store = begin();
    const struct event event = fixture_event(FIXTURE_EVENTS_JUNE);

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
    const pid_t server = (pid_t)fixture_events_number(store, "SELECT pg_backend_pid()");
    if (kill(server, SIGSTOP) != 0)
        skip(); /* it is on another machine, or another user's */
    const bool written = eventstore_write(store, &event, 1, 0, FIXTURE_EVENTS_JUNE);
    char error[EVENTSTORE_ERROR_MAX];
    snprintf(error, sizeof error, "%s", eventstore_error(store));
    assert_int_equal(kill(server, SIGCONT), 0);
    assert_false(written);
    assert_non_null(strstr(error, "gives no answer"));
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1, FIXTURE_EVENTS_JUNE);
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
        assert_null(eventstore_open(address, (enum eventstore_use)use, error));
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
    assert_null(eventstore_open(other, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "permission denied"));
    sql("CREATE SCHEMA verimail AUTHORIZATION verimail_few");
    store = fixture_events_open(other, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3, FIXTURE_EVENTS_JUNE);
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
        assert_null(eventstore_open(table[i].address, EVENTSTORE_RECORD, error));
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
    assert_null(eventstore_open(to, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "refused"));
    assert_int_equal(listen(server, 8), 0);
    assert_null(eventstore_open(to, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "timeout expired"));
    close(server);
}
