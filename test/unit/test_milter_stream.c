// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "fake_milter.h"
#include "unit.h"

#define SHORT_MS 200

TEST(over_tcp)
{
    static const int families[] = {AF_INET, AF_INET6};

    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        fake_milter_reset(FAKE_MILTER_HEARS);
        fake_milter_say_welcome();
        fake_milter_say('y', "550 5.7.1 No", 13);
        struct milter_client *client = fake_milter_open(families[i], FAKE_MILTER_PATIENT);
        fake_milter_hear_message(client);
        assert_int_equal(milter_client_end(client), MILTER_CLIENT_REJECT);
        fake_milter_end(&client);
    }
}

TEST(an_octet_at_a_time)
{
    fake_milter_reset(FAKE_MILTER_TRICKLES);
    fake_milter_say_welcome();
    fake_milter_say('h', "A\0 b", 5);
    fake_milter_say('c', "", 0);
    struct milter_client *client = fake_milter_open(AF_UNIX, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_ACCEPT);
    assert_int_equal(milter_client_edits(client), 1);
    assert_string_equal(milter_client_edit(client, 0).value, " b");
    fake_milter_end(&client);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const struct late_row {
    struct unit_row unit;
    enum fake_milter_manner manner;
    const char *says;  /* kinds of empty packets after the terms; NULL: not even these */
    unsigned progress; /* packets that say that it takes longer */
} late_rows[] = {
        {{"accepts no connection"}, FAKE_MILTER_IS_BUSY, NULL, 0},
        {{"says nothing"}, FAKE_MILTER_HEARS, NULL, 0},
        {{"does not answer MAIL"}, FAKE_MILTER_HEARS, "", 0},
        {{"does not answer the end"}, FAKE_MILTER_HEARS, "c", 0},
        {{"is always about to answer"}, FAKE_MILTER_HEARS, "c", 400000},
        {{"reads nothing"}, FAKE_MILTER_IS_DEAF, "c", 0},
};

TEST_EACH(late_filters, late_rows)
{
    static char body[1 << 20];
    const uint64_t begin = now_ms();

    fake_milter_reset(row->manner);
    if (row->says != NULL)
        fake_milter_say('O', FAKE_MILTER_TERMS, 12);
    for (const char *kind = row->says; kind != NULL && *kind != '\0'; kind++)
        fake_milter_say(*kind, "", 0);
    for (unsigned i = 0; i < row->progress; i++)
        fake_milter_say('p', "", 0);
    struct milter_client *client = fake_milter_open(AF_UNIX, SHORT_MS);
    fake_milter_hear_message(client);
    for (int i = 0; i < 3; i++)
        (void)milter_client_body(client, body, sizeof body);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
    fake_milter_check_error(client, "no answer in time");
    assert_true(now_ms() - begin >= SHORT_MS);
    fake_milter_end(&client);
}

static const struct gone_row {
    struct unit_row unit;
    enum fake_milter_manner manner;
    int family;
    const char *error;
} gone_rows[] = {
        {{"gone"}, FAKE_MILTER_IS_GONE, AF_UNIX, "cannot connect: Connection refused"},
        {{"gone over TCP"}, FAKE_MILTER_IS_GONE, AF_INET, "cannot connect: Connection refused"},
        {{"closes at once"}, FAKE_MILTER_CLOSES, AF_UNIX, "the connection "},
};

TEST_EACH(filters_that_are_gone, gone_rows)
{
    fake_milter_reset(row->manner);
    struct milter_client *client = fake_milter_open(row->family, FAKE_MILTER_PATIENT);
    fake_milter_hear_message(client);
    assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
    fake_milter_check_error(client, row->error);
    fake_milter_end(&client);
}

TEST(no_sockets)
{
    static char long_path[300];
    static const char no_socket[] =
            "no socket: want unix:/path, inet:port@address or inet6:port@address";
    static const struct {
        const char *socket;
        const char *error;
    } table[] = {
            {"", no_socket},
            {"unix:", no_socket},
            {"unix:relative", no_socket},
            {"/run/verimail/milter.sock", no_socket},
            {"unix:/not/there", "cannot connect: No such file or directory"},
            {"inet:", no_socket},
            {"inet:8891", no_socket},
            {"inet:8891@", no_socket},
            {"inet:8891@localhost", no_socket},
            {"inet:0@127.0.0.1", no_socket},
            {"inet:65536@127.0.0.1", no_socket},
            {"inet:8891@::1", no_socket},
            {"inet6:8891@127.0.0.1", no_socket},
            {"inets:8891@127.0.0.1", no_socket},
            {long_path, no_socket},
    };

    memset(long_path, 'x', sizeof long_path - 1);
    memcpy(long_path, "unix:/", 6);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct milter_client *client = milter_client_open(table[i].socket, FAKE_MILTER_PATIENT);
        const char *error = milter_client_error(client);
        if (error == NULL || strstr(error, table[i].error) == NULL)
            fail_msg("`%s`: got `%s`, want `%s`", table[i].socket, error, table[i].error);
        assert_int_equal(milter_client_end(client), MILTER_CLIENT_TEMPFAIL);
        milter_client_free(&client);
    }
}
