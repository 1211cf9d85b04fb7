// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "command/watch.h"
#include "unit.h"

#define COLUMNS_MAX 24

static struct eventstore_value number(int64_t value)
{
    return (struct eventstore_value){.number = value};
}

static struct eventstore_value text(const char *value)
{
    return (struct eventstore_value){.is_text = true, .text = text_of(value)};
}

struct row {
    struct eventstore_value values[COLUMNS_MAX];
};

static struct row asked(const char *verdict, const char *user)
{
    return (struct row){{number(7), number(INT64_C(1795500000123)), text(verdict), text("refused"),
            text(""), text("user"), text(user), text("example.org"), text("mail.example.org"),
            text("example.net,example.com"), text(""), text("192.0.2.1"), text("AAEC"),
            number(1795499000), text("47DE"), number(0), text("sealed"), number(12)}};
}

static struct row message(const char *direction, const char *author)
{
    return (struct row){{number(8), number(INT64_C(1795500000123)), text(direction),
            text("rejected"), text(""), text("NO"), text("unstamped"), text("4cX"), text("1@x"),
            text(author), text("example.org"), text("bob"), text("192.0.2.1"),
            text("example.net,example.com"), text("192.0.2.7:26"), text("service"), number(1), text("sealed"), number(1),
            text("_verimail._tcp.example.org"), text("AAEC"), number(12)}};
}

static char *printed(const struct watch_line_kind *kind, const struct row *row,
        const struct watch_line_look *look)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);

    assert_non_null(out);
    watch_line_print(kind, row->values, look, out);
    assert_int_equal(fclose(out), 0);
    return line;
}

static void expect(const struct watch_line_kind *kind, const struct row *row,
        const struct watch_line_look *look, const char *want)
{
    char *got = printed(kind, row, look);

    if (strcmp(got, want) != 0)
        fail_msg("got `%s`, want `%s`", got, want);
    free(got);
}

TEST(questions)
{
    static const struct {
        struct watch_line_look look;
        const char *user;
        const char *want;
    } table[] = {
            {{200, false, false}, "alice@example.org",
                    "24 Nov 06:00:00 asked NO        refused/user alice@example.org           "
                    "to example.net,example.com asked by 192.0.2.1 stamped by mail.example.org "
                    "12ms\n"},
            {{80, false, false}, "alice@example.org",
                    "24 Nov 06:00:00 asked NO        refused/user alice@example.org\n"
                    "                      to example.net,example.com asked by 192.0.2.1\n"
                    "                      stamped by mail.example.org 12ms\n"},
            {{90, true, false}, "\x1b[2J",
                    "24 Nov 06:00:00 asked\033[31m NO\033[0m        refused/user \\x1b[2J to "
                    "example.net,example.com\n"
                    "                      asked by 192.0.2.1 stamped by mail.example.org 12ms\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct row row = asked("NO", table[i].user);
        expect(&watch_line_events, &row, &table[i].look, table[i].want);
    }
}

TEST(messages)
{
    static const struct watch_line_look look = {160, false, false};
    struct row row = message("in", "alice@example.org");

    expect(&watch_line_mail, &row, &look,
            "24 Nov 06:00:00 in    NO        unstamped  alice@example.org             rejected "
            "queue 4cX from 192.0.2.1 by 192.0.2.7:26 12ms\n");
    row.values[3] = text("passed");
    row.values[4] = text("rejected");
    row.values[15] = text("cache");
    expect(&watch_line_mail, &row, &look,
            "24 Nov 06:00:00 in    NO        unstamped  alice@example.org             would be "
            "rejected queue 4cX from 192.0.2.1 by cache 12ms\n");
    row = message("out", "alice@example.org");
    row.values[6] = text("foreign-from");
    expect(&watch_line_mail, &row, &look,
            "24 Nov 06:00:00 out   rejected  foreign-from alice@example.org           to "
            "example.net,example.com queue 4cX login bob from 192.0.2.1 12ms\n");
}

/* What a domain under test would have answered is shown in place of the cause. */
TEST(would_be)
{
    static const struct watch_line_look look = {160, false, false};
    static const struct watch_line_look json = {160, false, true};
    struct row row = asked("ALLOW", "alice@example.org");

    row.values[3] = text("testing");
    row.values[4] = text("unstamped");
    char *line = printed(&watch_line_events, &row, &look);
    assert_non_null(strstr(line, " ALLOW     testing/unstamped alice@example.org "));
    free(line);
    line = printed(&watch_line_events, &row, &json);
    assert_non_null(strstr(line, "\"reason\": \"testing\", \"would_be\": \"unstamped\", "));
    free(line);
}

/* Nothing is wider than the look, and nothing of it is lost. */
TEST(lines_are_as_wide_as_the_terminal)
{
    char user[2000];

    memset(user, 1, sizeof user - 1);
    user[sizeof user - 1] = '\0';
    for (unsigned width = 48; width < 300; width++) {
        const struct watch_line_look look = {width, false, false};
        const struct row rows[] = {asked("ALLOW", user), message("in", user)};
        for (size_t i = 0; i < 2; i++) {
            char *got = printed(i == 0 ? &watch_line_events : &watch_line_mail, &rows[i], &look);
            for (const char *line = got; *line != '\0'; line += strcspn(line, "\n") + 1)
                if (strcspn(line, "\n") > width)
                    fail_msg("wider than %u: %s", width, got);
            assert_non_null(strstr(got, "12ms\n"));
            free(got);
        }
    }
}

TEST(json)
{
    static const struct watch_line_look look = {80, false, true};
    const struct row row = asked("NO", "a\x1b@example.org");
    const struct row mail = message("in", "alice@example.org");

    expect(&watch_line_events, &row, &look,
            "{\"record\": \"service\", \"id\": 7, \"time\": \"2026-11-24T06:00:00.123Z\", "
            "\"verdict\": \"NO\", \"reason\": \"refused\", \"would_be\": \"\", \"cause\": "
            "\"user\", "
            "\"user\": \"a\\u001B@example.org\", \"domain\": \"example.org\", "
            "\"host\": \"mail.example.org\", \"receiving\": [\"example.net\", \"example.com\"], "
            "\"ip\": \"\", \"asker\": \"192.0.2.1\", \"stamp\": \"AAEC\", \"issued\": 1795499000, "
            "\"digest\": \"47DE\", \"listed\": false, \"channel\": \"sealed\", \"ms\": 12}\n");
    expect(&watch_line_mail, &mail, &look,
            "{\"record\": \"mail\", \"id\": 8, \"time\": \"2026-11-24T06:00:00.123Z\", "
            "\"direction\": \"in\", \"action\": \"rejected\", \"would_be\": \"\", "
            "\"verdict\": \"NO\", \"reason\": \"unstamped\", \"queue\": \"4cX\", "
            "\"message\": \"1@x\", \"author\": \"alice@example.org\", "
            "\"domain\": \"example.org\", \"login\": \"bob\", \"ip\": \"192.0.2.1\", "
            "\"receiving\": [\"example.net\", \"example.com\"], \"service\": \"192.0.2.7:26\", "
            "\"source\": \"service\", \"secure\": true, \"channel\": \"sealed\", \"authenticated\": true, "
            "\"lookup\": \"_verimail._tcp.example.org\", \"stamp\": \"AAEC\", \"ms\": 12}\n");
}
