// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "fixture_events.h"
#include "folder.h"
#include "unit.h"

#define NOBODY 65534

static struct folder folder;

static const char *path_of(const char *name)
{
    static char path[FOLDER_PATH_MAX];

    folder_path(&folder, name, path);
    return path;
}

static const char *address_of(const char *name)
{
    static char address[FOLDER_PATH_MAX + 8];

    snprintf(address, sizeof address, "sqlite:%s", path_of(name));
    return address;
}

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

/* SQL of our own, beside the store. */
static void change(const char *name, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path_of(name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static mode_t mode_of(const char *name)
{
    struct stat stat_r;

    assert_int_equal(stat(path_of(name), &stat_r), 0);
    return stat_r.st_mode & 07777;
}

static bool is_there(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

TEST(files_are_their_owners_alone)
{
    const mode_t before = umask(0);

    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1);
    umask(before);
    assert_int_equal(mode_of("events.db"), 0600);
    assert_int_equal(mode_of("events.db-wal"), 0600);
    assert_int_equal(mode_of("events.db-shm"), 0600);
    eventstore_close(&store);
    assert_false(is_there("events.db-wal"));
}

TEST(a_mode_that_was_set_stays)
{
    folder_write(&folder, "events.db", "", 0, 0640);
    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1);
    assert_int_equal(mode_of("events.db"), 0640);
    assert_int_equal(mode_of("events.db-wal"), 0640);
    eventstore_close(&store);
}

TEST(the_file_shrinks)
{
    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    bool more = true;

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 30000);
    const long long full = fixture_events_number(store, "SELECT page_count FROM pragma_page_count");
    while (more)
        assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + 29000, &more));
    const long long left = fixture_events_number(store, "SELECT page_count FROM pragma_page_count");
    if (left > full / 4)
        fail_msg("got %lld pages, of %lld that it was", left, full);
    eventstore_close(&store);
}

TEST(a_damaged_file_is_set_aside)
{
    static const char damage[] = "this was a database, until somebody edited it with an editor";
    char error[EVENTSTORE_ERROR_MAX] = "";
    char kept[256];

    folder_write(&folder, "events.db", damage, sizeof damage - 1, 0600);
    assert_null(eventstore_open(address_of("events.db"), &event_kind, EVENTSTORE_READ, error));
    assert_non_null(strstr(error, "not a database"));
    assert_false(is_there("events.db.damaged"));
    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 3);
    eventstore_close(&store);
    assert_true(folder_read(&folder, "events.db.damaged", kept, sizeof kept));
    assert_string_equal(kept, damage);
    assert_int_equal(mode_of("events.db"), 0600);
}

TEST(a_newer_form_is_left_alone)
{
    char error[EVENTSTORE_ERROR_MAX] = "";

    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    eventstore_close(&store);
    change("events.db", "PRAGMA user_version = 2; ALTER TABLE event RENAME TO incident");
    for (int use = EVENTSTORE_RECORD; use <= EVENTSTORE_READ; use++) {
        assert_null(eventstore_open(
                address_of("events.db"), &event_kind, (enum eventstore_use)use, error));
        assert_non_null(strstr(error, "newer Verimail (form 2, this one knows 1)"));
    }
    assert_false(is_there("events.db.damaged"));
    change("events.db", "SELECT id FROM incident");
}

TEST(somebody_elses_database_holds_no_events)
{
    char error[EVENTSTORE_ERROR_MAX] = "";

    change("other.db", "CREATE TABLE recipe (id)");
    assert_null(eventstore_open(address_of("other.db"), &event_kind, EVENTSTORE_READ, error));
    assert_non_null(strstr(error, "holds no events"));
    assert_null(eventstore_open(address_of("none.db"), &event_kind, EVENTSTORE_READ, error));
    assert_non_null(strstr(error, "No such file or directory"));
    assert_false(is_there("none.db"));
    assert_null(
            eventstore_open(address_of("none/events.db"), &event_kind, EVENTSTORE_RECORD, error));
    assert_non_null(strstr(error, "none/events.db"));
}

static int64_t octets_on_disk(void)
{
    static const char *const names[] = {"events.db", "events.db-wal", "events.db-shm"};
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct stat st = {0};
        if (stat(path_of(names[i]), &st) == 0)
            sum += st.st_size;
    }
    return sum;
}

#define SIZE ((int64_t)32 << 20)
#define FLOOD 4096

/* As large as an event can be. */
static struct event largest_event(void)
{
    static char text[EVENT_RECEIVING_MAX];
    struct event event = fixture_event(FIXTURE_EVENTS_JUNE);

    memset(text, 'x', sizeof text);
    event.user = (struct text){text, ADDRESS_MAX};
    event.host = (struct text){text, DOMAIN_MAX};
    event.receiving = (struct text){text, EVENT_RECEIVING_MAX};
    return event;
}

/* Writes a batch, and returns the room that the store takes; -1: it could not be written. */
static int64_t flood(struct eventstore *store, const struct event *event)
{
    static struct event events[FLOOD];

    for (size_t i = 0; i < FLOOD; i++)
        events[i] = *event;
    return eventstore_write(store, events, FLOOD, NULL) ? octets_on_disk() : -1;
}

/* The oldest make room, whatever the events' size, and the files stay below the limit. */
TEST(the_size_is_bounded)
{
    const struct event events[] = {fixture_event(FIXTURE_EVENTS_JUNE), largest_event()};
    int64_t last = 0;

    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
        int64_t most = 0;
        eventstore_set_size(store, (uint64_t)SIZE);
        for (int batch = 0; batch < 40; batch++) {
            const int64_t octets = flood(store, &events[i]);
            assert_true(octets > 0);
            most = octets > most ? octets : most;
        }
        last += 40 * FLOOD;
        assert_in_range(most, SIZE / 2, SIZE);
        assert_int_equal(fixture_events_number(store, "SELECT max(id) FROM event"), last);
        assert_true(fixture_events_number(store, "SELECT min(id) FROM event") > last / 4);
        assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"),
                fixture_events_number(store, "SELECT max(id) - min(id) + 1 FROM event"));
        eventstore_close(&store);
    }
}

/* A reader that goes on and on: recording stops before the limit, and goes on after it. */
TEST(the_size_is_bounded_beside_a_reader)
{
    const struct event event = largest_event();
    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    sqlite3 *reader = NULL;
    int64_t octets = 0;
    int64_t most = 0;

    eventstore_set_size(store, (uint64_t)SIZE);
    assert_true(flood(store, &event) > 0);
    assert_int_equal(sqlite3_open(path_of("events.db"), &reader), SQLITE_OK);
    assert_int_equal(
            sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_OK);
    for (int batch = 0; batch < 40 && octets >= 0; batch++) {
        octets = flood(store, &event);
        most = octets > most ? octets : most;
    }
    assert_int_equal(octets, -1);
    assert_non_null(strstr(eventstore_error(store), "has no room until a report"));
    assert_true(most <= SIZE);
    sqlite3_close(reader);
    assert_in_range(flood(store, &event), 1, SIZE);
    eventstore_close(&store);
}

/* The limit became lower: the file becomes smaller in steps. */
TEST(a_file_that_is_too_large_becomes_smaller)
{
    struct eventstore *store = fixture_events_open(address_of("events.db"), EVENTSTORE_RECORD);
    const struct event event = fixture_event(FIXTURE_EVENTS_JUNE);
    int steps = 0;

    eventstore_set_size(store, (uint64_t)SIZE * 4);
    for (int batch = 0; batch < 50; batch++)
        assert_true(flood(store, &event) > 0);
    assert_true(octets_on_disk() > SIZE);
    eventstore_set_size(store, (uint64_t)SIZE);
    assert_true(flood(store, &event) > 0);
    for (bool more = true; more; steps++)
        assert_true(eventstore_purge(store, 0, &more));
    assert_in_range(steps, 3, 200);
    assert_true(flood(store, &event) > 0);
    assert_true(octets_on_disk() <= SIZE);
    eventstore_close(&store);
}

static void limit_files(rlim_t octets)
{
    const struct rlimit limit = {octets, RLIM_INFINITY};

    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}

static bool fill_disk(void *context)
{
    struct eventstore *store = fixture_events_open(context, EVENTSTORE_RECORD);
    struct event events[5000];

    for (size_t i = 0; i < 5000; i++)
        events[i] = fixture_event(FIXTURE_EVENTS_JUNE);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 10);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(200000);
    const struct eventstore_gap gap = {FIXTURE_EVENTS_JUNE, 1, 0};
    const bool failed = !eventstore_write(store, events, 5000, &gap) &&
                        *eventstore_error(store) != '\0' &&
                        fixture_events_number(store, "SELECT count(*) FROM event") == 10;
    limit_files(RLIM_INFINITY);
    const bool again = eventstore_write(store, events, 5000, &gap) &&
                       fixture_events_number(store, "SELECT count(*) FROM event") == 5010 &&
                       fixture_events_number(store, "SELECT sum(lost) FROM event_gap") == 1;
    eventstore_close(&store);
    return failed && again;
}

TEST(a_full_disk)
{
    char address[FOLDER_PATH_MAX + 8];

    snprintf(address, sizeof address, "%s", address_of("events.db"));
    assert_int_equal(child_end(fill_disk, address), 0);
}

static bool record_and_die(void *context)
{
    struct eventstore *store = fixture_events_open(context, EVENTSTORE_RECORD);

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1000);
    return raise(SIGKILL) == 0;
}

TEST(a_killed_recorder)
{
    char address[FOLDER_PATH_MAX + 8];

    snprintf(address, sizeof address, "%s", address_of("events.db"));
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(child_end(record_and_die, address), SIGKILL);
        struct eventstore *reader = fixture_events_open(address, EVENTSTORE_READ);
        assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), i * 1000);
        eventstore_close(&reader);
    }
}

static bool drop_root(void)
{
    return setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

static bool record_as_nobody(void *context)
{
    if (!drop_root())
        return false;
    struct eventstore *store = fixture_events_open(context, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 10);
    eventstore_close(&store);
    return true;
}

/* Whose recorder does not run, or was killed: root reads, and it starts again. */
TEST(root_reads_anothers)
{
    char address[FOLDER_PATH_MAX + 8];

    if (geteuid() != 0)
        skip();
    snprintf(address, sizeof address, "%s", address_of("events.db"));
    assert_int_equal(chown(folder.path, NOBODY, NOBODY), 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(child_end(record_as_nobody, address), 0);
        struct eventstore *reader = fixture_events_open(address, EVENTSTORE_READ);
        assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), i * 10);
        /* While it still reads, too. */
        assert_int_equal(child_end(record_as_nobody, address), 0);
        assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), ++i * 10);
        eventstore_close(&reader);
    }
}

static bool read_as_nobody(void *context)
{
    if (!drop_root())
        return false;
    struct eventstore *reader = fixture_events_open(context, EVENTSTORE_READ);
    const long long count = fixture_events_number(reader, "SELECT count(*) FROM event");
    eventstore_close(&reader);
    return count == 10;
}

/* Who may only read: with a recorder and without, and nothing new lies there afterwards. */
TEST(who_may_only_read)
{
    static const char name[] = "100%41 ?#.db";
    char address[FOLDER_PATH_MAX + 8];

    if (geteuid() != 0)
        skip();
    snprintf(address, sizeof address, "%s", address_of(name));
    folder_write(&folder, name, "", 0, 0644);
    assert_int_equal(chmod(folder.path, 0755), 0);
    struct eventstore *store = fixture_events_open(address, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 10);
    assert_int_equal(child_end(read_as_nobody, address), 0);
    eventstore_close(&store);
    assert_int_equal(child_end(read_as_nobody, address), 0);
    assert_false(is_there("100%41 ?#.db-wal"));
    assert_false(is_there("100%41 ?#.db-shm"));
}
