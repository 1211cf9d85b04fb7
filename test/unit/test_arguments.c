// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "command/arguments.h"
#include "unit.h"

static const struct command command = {.name = "test", .synopsis = "[--flag] A [B]"};

struct wanted {
    const char *arguments[8]; /* ends with a NULL */
    bool ok;
    bool flag;
    const char *value;
    const char *values; /* with `|` between them */
    const char *operands[2];
};

static const struct wanted invocations[] = {
        {{"a"}, true, .operands = {"a"}},
        {{"a", "b"}, true, .operands = {"a", "b"}},
        {{"--flag", "a"}, true, true, .operands = {"a"}},
        {{"a", "--flag", "b"}, true, true, .operands = {"a", "b"}},
        {{"--value", "v", "a"}, true, .value = "v", .operands = {"a"}},
        {{"--value=v", "a"}, true, .value = "v", .operands = {"a"}},
        {{"--value=", "a"}, true, .value = "", .operands = {"a"}},
        {{"--value=x=y", "a"}, true, .value = "x=y", .operands = {"a"}},
        {{"--value", "--flag", "a"}, true, .value = "--flag", .operands = {"a"}},
        {{"--many", "1", "a", "--many=2"}, true, .values = "1|2|", .operands = {"a"}},
        {{"-"}, true, .operands = {"-"}},
        {{"--", "--flag", "-x"}, true, .operands = {"--flag", "-x"}},
        {{"a", "--", "--"}, true, .operands = {"a", "--"}},
        {{""}, true, .operands = {""}},
        {{NULL}, false},
        {{"--flag"}, false},
        {{"a", "b", "c"}, false},
        {{"a", "--other"}, false},
        {{"a", "-f"}, false},
        {{"a", "--fla"}, false},
        {{"a", "--flagg"}, false},
        {{"a", "--flag=1"}, false},
        {{"a", "--value"}, false},
        {{"--value", "1", "--value", "2", "a"}, false},
};

static void join(const struct arguments_values *values, char *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);

    for (size_t i = 0; i < values->count; i++) {
        writer_string(&w, values->at[i]);
        writer_char(&w, '|');
    }
    writer_char(&w, '\0');
    assert_false(w.failed);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void check(size_t row)
{
    const struct wanted *wanted = &invocations[row];
    char *argv[8] = {NULL};
    int argc = 0;
    bool flag = false;
    const char *value = NULL;
    struct arguments_values values = {0};
    const struct arguments_option options[] = {
            {"--flag", .flag = &flag},
            {"--value", .value = &value},
            {"--many", .values = &values},
            {NULL},
    };
    const char *operands[2];
    char joined[64];

    for (; wanted->arguments[argc] != NULL; argc++)
        argv[argc] = strdup(wanted->arguments[argc]);
    const struct invocation invocation = {&command, "", argc, argv};
    const bool ok = arguments_read(&invocation, options, 1, 2, operands);
    join(&values, joined, sizeof joined);
    const bool good = ok == wanted->ok &&
                      (!ok || (flag == wanted->flag && same(value, wanted->value) &&
                                      same(operands[0], wanted->operands[0]) &&
                                      same(operands[1], wanted->operands[1]) &&
                                      same(joined, wanted->values != NULL ? wanted->values : "")));
    if (!good) {
        print_error("row %zu: got %d %d %s %s %s %s, want %d\n", row, ok, flag,
                value != NULL ? value : "(none)", joined,
                operands[0] != NULL ? operands[0] : "(none)",
                operands[1] != NULL ? operands[1] : "(none)", wanted->ok);
        fail();
    }
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    free(values.at);
}

TEST(arguments_in_every_order)
{
    for (size_t i = 0; i < sizeof invocations / sizeof *invocations; i++)
        check(i);
}

#define NOW UINT64_C(1795500000000) /* 24 November 2026, 06:00 */
#define HOUR UINT64_C(3600000)

TEST(good_ones)
{
    static const struct {
        const char *text;
        uint64_t want;
        bool before;
    } table[] = {
            {"90m", NOW - 90 * HOUR / 60, true},
            {"12h", NOW - 12 * HOUR, true},
            {"7d", NOW - 7 * 24 * HOUR, true},
            {"4w", NOW - 28 * 24 * HOUR, true},
            {"0d", NOW, true},
            {"100000w", 0, true},
            {"2026-11-24", NOW - 6 * HOUR, false},
            {"2026-11-24T06:00", NOW, false},
            {"2026-11-24T06:00Z", NOW, false},
            {"2026-11-24T06:00:00", NOW, false},
            {"2026-11-24T05:59:59Z", NOW - 1000, false},
            {"1970-01-01", 0, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct time_argument got;
        if (!time_argument_parse(table[i].text, NOW, &got))
            fail_msg("%s: refused", table[i].text);
        if (got.milliseconds != table[i].want || got.is_before_now != table[i].before)
            fail_msg("%s: got %llu, want %llu", table[i].text, (unsigned long long)got.milliseconds,
                    (unsigned long long)table[i].want);
    }
}

TEST(bad_ones)
{
    static const char *const table[] = {"", "d", "7", "7x", "7 d", " 7d", "-7d", "+7d", "07d",
            "100001d", "99999999999999999999d", "2026", "2026-11", "2026-11-31", "2026-13-01",
            "2026-11-24 06:00", "2026-11-24T", "2026-11-24T25:00", "2026-11-24T06:00:00+01:00",
            "26-11-24", "1969-12-31", "2026-11-24Z", "2026-11-24T06:00ZZ", "yesterday"};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct time_argument got;
        if (time_argument_parse(table[i], NOW, &got))
            fail_msg("%s: taken as %llu", table[i], (unsigned long long)got.milliseconds);
    }
}
