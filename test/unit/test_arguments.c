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

static const struct wanted table[] = {
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

static void join(const struct arguments_values *values, char *room, size_t size)
{
    struct writer w = writer_of(room, size);

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
    const struct wanted *wanted = &table[row];
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
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(i);
}
