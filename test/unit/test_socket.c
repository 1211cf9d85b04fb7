// SPDX-License-Identifier: ISC
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "child.h"
#include "fixture_socket.h"
#include "unit.h"

#define SOMEBODY 65534 /* an id that is not root's */
#define GROUP 54321    /* without a member */

/* In the child, whose `cause` the test does not see. */
struct expected {
    struct fixture_socket *place;
    const char *cause;
};

static bool refuses_with(void *context)
{
    const struct expected *expected = context;

    if (!fixture_socket_refuses(expected->place))
        return false;
    if (strstr(expected->place->cause, expected->cause) != NULL && expected->place->cause[0] == '/')
        return true;
    fprintf(stderr, "got %s, want %s\n", expected->place->cause, expected->cause);
    return false;
}

static void assert_refused(struct fixture_socket *place, const char *cause)
{
    struct expected expected = {place, cause};

    if (child_end(refuses_with, &expected) != 0) {
        print_error("%s mode %lo: want refused with: %s\n", place->option,
                (unsigned long)place->milter.socket_mode, cause);
        fail();
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool opens_as_told(void *context)
{
    struct fixture_socket *place = context;
    const mode_t mask = umask(0027);
    struct stat st;

    if (!fixture_socket_open(place)) {
        fprintf(stderr, "%s\n", place->cause);
        return false;
    }
    return stat(place->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
           (st.st_mode & 07777) == place->milter.socket_mode && st.st_gid == place->group &&
           umask(mask) == 0027 && connect_to(place->path) >= 0;
}

TEST(mode_and_group)
{
    static const unsigned modes[] = {0660, 0666, 0600, 0770, 0777};

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct fixture_socket place;
        fixture_socket_make(&place, modes[i]);
        if (geteuid() == 0)
            place.group = GROUP;
        assert_int_equal(child_end(opens_as_told, &place), 0);
        /* It is left there, dead, and taken again. */
        assert_int_equal(child_end(opens_as_told, &place), 0);
        fixture_socket_end(&place);
    }
}

static bool opens(void *context)
{
    return fixture_socket_open(context);
}

static bool opens_as_somebody(void *context)
{
    return setgroups(0, NULL) == 0 && setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0 &&
           opens_as_told(context);
}

static bool refuses_as_somebody(void *context)
{
    return setgroups(0, NULL) == 0 && setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0 &&
           refuses_with(context);
}

/* Only root can give it to a group that the user is not in; a folder with the set-group-ID bit
 * gives it, too. */
TEST(the_group_without_root)
{
    struct fixture_socket place;
    struct expected expected = {&place, "cannot be given to its group: Operation not permitted"};

    if (geteuid() != 0)
        skip();
    fixture_socket_make(&place, 0660);
    place.group = GROUP;
    assert_int_equal(chown(place.folder.path, SOMEBODY, GROUP), 0);
    assert_int_equal(chmod(place.folder.path, 0750), 0);
    assert_int_equal(child_end(refuses_as_somebody, &expected), 0);
    assert_int_equal(access(place.path, F_OK), -1);
    assert_int_equal(chmod(place.folder.path, 02750), 0);
    assert_int_equal(child_end(opens_as_somebody, &place), 0);
    fixture_socket_end(&place);
}

/* Who may pass: its mode, its group, and whom the socket is for. */
TEST(folders_must_lead_there)
{
    static const struct {
        unsigned folder;
        bool own_group; /* the folder's group is the socket's */
        unsigned socket;
        bool want;
    } table[] = {
            {0755, true, 0660, true},
            {0755, false, 0660, true},
            {0711, false, 0660, true},
            {0710, true, 0660, true},
            {0710, false, 0660, false},
            {0700, true, 0660, false},
            {0701, false, 0660, true},
            {0701, true, 0660, false}, /* the rest may, but not this group */
            {0740, true, 0660, false},
            {0711, true, 0666, true},
            {0710, true, 0666, false},
            {0701, true, 0666, true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fixture_socket place;
        fixture_socket_make(&place, table[i].socket);
        if (!table[i].own_group && geteuid() != 0) {
            fixture_socket_end(&place);
            continue;
        }
        if (!table[i].own_group)
            place.group = GROUP;
        assert_int_equal(chmod(place.folder.path, table[i].folder), 0);
        const bool got = child_end(opens, &place) == 0;
        if (got != table[i].want) {
            print_error("row %zu: folder %o, socket %o: got %d\n", i, table[i].folder,
                    table[i].socket, got);
            fail();
        }
        if (!got)
            assert_refused(&place, table[i].socket == 0666 ? ": not everybody may pass "
                                                           : ": the socket's group may not pass ");
        fixture_socket_end(&place);
    }
}

TEST(a_folder_above_is_named)
{
    struct fixture_socket place;
    char above[FOLDER_PATH_MAX];
    char cause[FOLDER_PATH_MAX + 64];

    fixture_socket_make(&place, 0660);
    folder_path(&place.folder, "a", above);
    assert_int_equal(mkdir(above, 0700), 0);
    snprintf(place.option, sizeof place.option, "unix:%s/b/s", above);
    snprintf(cause, sizeof cause, "%s: the socket's group may not pass", above);
    assert_refused(&place, cause);
    assert_int_equal(chmod(above, 0755), 0);
    snprintf(cause, sizeof cause, "%s/b: the socket's folder: No such file", above);
    assert_refused(&place, cause);
    folder_write(&place.folder, "f", "", 0, 0600);
    snprintf(place.option, sizeof place.option, "unix:%s/f/s", place.folder.path);
    assert_refused(&place, "/f: is not a folder");
    fixture_socket_end(&place);
}

TEST(what_somebody_uses_is_left_alone)
{
    struct fixture_socket place;
    int waiting[64];
    size_t count = 0;

    fixture_socket_make(&place, 0660);
    const int listener = fixture_socket_bind(place.path, SOCK_STREAM, 0);
    assert_refused(&place, "/s: another process answers at this socket");
    /* Busy: it does not even take more connections. */
    while (count < 64 && (waiting[count] = connect_to(place.path)) >= 0)
        count++;
    assert_true(count < 64);
    assert_refused(&place, "/s: another process answers at this socket");
    for (size_t i = 0; i < count; i++)
        close(waiting[i]);
    close(listener);
    assert_int_equal(child_end(opens, &place), 0); /* now that no process answers */
    assert_int_equal(unlink(place.path), 0);

    const int other = fixture_socket_bind(place.path, SOCK_DGRAM, -1);
    assert_refused(&place, "/s: exists, and cannot be connected to");
    assert_int_equal(access(place.path, F_OK), 0);
    close(other);
    fixture_socket_end(&place);
}

/* Not asked, because we may not: that is no proof that it is dead. */
TEST(what_may_not_be_tried_is_left_alone)
{
    struct fixture_socket place;
    struct expected expected = {&place, "cannot be connected to: Permission denied"};

    if (geteuid() != 0)
        skip();
    fixture_socket_make(&place, 0660);
    place.group = SOMEBODY;
    assert_int_equal(chown(place.folder.path, SOMEBODY, SOMEBODY), 0);
    const int listener = fixture_socket_bind(place.path, SOCK_STREAM, 1);
    assert_int_equal(chmod(place.path, 0600), 0);
    assert_int_equal(child_end(refuses_as_somebody, &expected), 0);
    const int client = connect_to(place.path);
    assert_true(client >= 0);
    close(client);
    close(listener);
    fixture_socket_end(&place);
}

TEST(what_is_no_socket_is_left_alone)
{
    struct fixture_socket place;
    char content[8];

    fixture_socket_make(&place, 0660);
    folder_write(&place.folder, "s", "x", 1, 0600);
    assert_refused(&place, "/s: exists and is not a socket");
    assert_true(folder_read(&place.folder, "s", content, sizeof content));
    assert_string_equal(content, "x");
    socket_remove(&place.milter);
    assert_int_equal(access(place.path, F_OK), 0);
    assert_int_equal(unlink(place.path), 0);

    /* Nor is a link to one. */
    char target[FOLDER_PATH_MAX];
    folder_path(&place.folder, "t", target);
    close(fixture_socket_bind(target, SOCK_STREAM, -1));
    assert_int_equal(symlink(target, place.path), 0);
    assert_refused(&place, "/s: exists and is not a socket");
    fixture_socket_end(&place);
}

TEST(removing)
{
    struct fixture_socket place;

    fixture_socket_make(&place, 0660);
    socket_remove(&place.milter); /* nothing is there */
    close(fixture_socket_bind(place.path, SOCK_STREAM, -1));
    socket_remove(&place.milter);
    assert_int_equal(access(place.path, F_OK), -1);
    snprintf(place.option, sizeof place.option, "inet:1@127.0.0.1");
    socket_remove(&place.milter);
    fixture_socket_end(&place);
}

/* It connects and closes. It never waits, even if there is no answer. */
TEST(knocking)
{
    struct fixture_socket place;
    char octet;

    fixture_socket_make(&place, 0660);
    socket_knock(&place.milter);
    const int listener = fixture_socket_bind(place.path, SOCK_STREAM, 0);
    for (unsigned i = 0; i < 64; i++)
        socket_knock(&place.milter);
    const int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(read(accepted, &octet, 1), 0);
    close(accepted);
    close(listener);
    socket_knock(&place.milter);

    uint16_t port = 0;
    const int tcp = fixture_socket_listen("127.0.0.1", AF_INET, &port);
    assert_true(tcp >= 0);
    snprintf(place.option, sizeof place.option, "inet:%u@127.0.0.1", (unsigned)port);
    for (unsigned i = 0; i < 64; i++)
        socket_knock(&place.milter);
    const int first = accept(tcp, NULL, NULL);
    assert_true(first >= 0);
    assert_int_equal(read(first, &octet, 1), 0);
    close(first);
    close(tcp);
    socket_knock(&place.milter);
    fixture_socket_end(&place);
}
