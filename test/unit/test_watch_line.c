// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "command/watch_line.h"
#include "unit.h"

static struct eventstore_value number(int64_t value)
{
    return (struct eventstore_value){.number = value};
}

static struct eventstore_value text(const char *value)
{
    return (struct eventstore_value){.is_text = true, .text = text_of(value)};
}

struct row {
    struct eventstore_value values[WATCH_LINE_COUNT];
};

static struct row row_of(const char *verdict, const char *user)
{
    return (struct row){{number(7), number(INT64_C(1795500000123)), text(verdict), text("refused"),
            text(""), text("user"), text(user), text("example.org"), text(""),
            text("example.net,example.com"), text(""), text("192.0.2.1"), text("AAEC"),
            number(1795499000), text("47DE"), number(0), number(12)}};
}

static char *printed(const struct row *row, const struct watch_line_look *look)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);

    assert_non_null(out);
    if (look != NULL)
        watch_line_print(row->values, look, out);
    else
        watch_line_print_json(row->values, out);
    assert_int_equal(fclose(out), 0);
    return line;
}

TEST(lines)
{
    static const struct {
        struct watch_line_look look;
        const char *user;
        const char *want;
    } table[] = {
            {{0, false}, "alice@example.org",
                    "2026-11-24T06:00:00Z NO    refused/user      alice@example.org              "
                    "-                      example.net,example.com 192.0.2.1          12ms\n"},
            {{80, false}, "alice@example.org",
                    "06:00:00 NO    refused    alice@example.org  example.net.. 192.0.2.1        "
                    "12ms\n"},
            {{80, true}, "\x1b[2J",
                    "06:00:00 \033[31mNO    \033[0mrefused    \\x1b[2J            example.net.. "
                    "192.0.2.1        12ms\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct row row = row_of("NO", table[i].user);
        char *got = printed(&row, &table[i].look);
        if (strcmp(got, table[i].want) != 0)
            fail_msg("got `%s`, want `%s`", got, table[i].want);
        free(got);
    }
}

/* What a domain under test would have answered is shown in place of the cause. */
TEST(would_be)
{
    struct row row = row_of("ALLOW", "alice@example.org");
    const struct watch_line_look look = {0, false};

    row.values[3] = text("testing");
    row.values[4] = text("unstamped");
    char *line = printed(&row, &look);
    assert_non_null(strstr(line, " ALLOW testing/unstamped alice@example.org "));
    free(line);
    char *json = printed(&row, NULL);
    assert_non_null(strstr(json, "\"reason\": \"testing\", \"would_be\": \"unstamped\", "));
    free(json);
}

TEST(lines_are_as_wide_as_the_terminal)
{
    char user[2000];

    memset(user, 1, sizeof user - 1);
    user[sizeof user - 1] = '\0';
    for (unsigned width = 1; width < 300; width++) {
        const struct row row = row_of("ALLOW", user);
        const struct watch_line_look look = {width, false};
        char *got = printed(&row, &look);
        assert_int_equal(strlen(got) - 1, width < 80 ? 80 : width);
        free(got);
    }
}

TEST(json)
{
    const struct row row = row_of("NO", "a\x1b@example.org");
    char *got = printed(&row, NULL);

    assert_string_equal(got,
            "{\"id\": 7, \"time\": \"2026-11-24T06:00:00.123Z\", \"verdict\": \"NO\", "
            "\"reason\": \"refused\", \"would_be\": \"\", \"cause\": \"user\", \"user\": "
            "\"a\\u001B@example.org\", "
            "\"domain\": \"example.org\", \"host\": \"\", \"ip\": \"\", \"asker\": \"192.0.2.1\", "
            "\"stamp\": \"AAEC\", \"digest\": \"47DE\", "
            "\"receiving\": [\"example.net\", \"example.com\"], \"issued\": 1795499000, "
            "\"listed\": false, \"ms\": 12}\n");
    free(got);
}
