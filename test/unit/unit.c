// SPDX-License-Identifier: ISC
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit_hooks unit_hooks;

static struct unit_test *unit_tests; /* in the order of their lines */

/* One run of a test: with one of its rows, or without any. */
struct unit_case {
    const struct unit_test *test;
    const void *row;
    char *name;
};

void unit_add(struct unit_test *test)
{
    struct unit_test **at = &unit_tests;

    while (*at != NULL && (*at)->line < test->line)
        at = &(*at)->next;
    test->next = *at;
    *at = test;
}

static bool unit_is_wanted(const char *needs)
{
    return needs == NULL || getenv(needs) != NULL;
}

static void unit_run_case(void **state)
{
    const struct unit_case *unit_case = *state;

    if (unit_case->row != NULL)
        unit_case->test->run_row(unit_case->row);
    else
        unit_case->test->run();
}

static int unit_run_hook(void (*hook)(void))
{
    if (hook != NULL)
        hook();
    return 0;
}

static int unit_before_all(void **state)
{
    (void)state;
    return unit_run_hook(unit_hooks.before_all);
}

static int unit_after_all(void **state)
{
    (void)state;
    return unit_run_hook(unit_hooks.after_all);
}

unsigned unit_patience(unsigned seconds)
{
    const char *less = getenv("VERIMAIL_PATIENCE");
    const unsigned long wanted = less != NULL ? strtoul(less, NULL, 10) : seconds;

    return wanted < seconds ? (unsigned)wanted : seconds;
}

static int unit_before_each(void **state)
{
    (void)state;
    return unit_run_hook(unit_hooks.before_each);
}

static int unit_after_each(void **state)
{
    (void)state;
    return unit_run_hook(unit_hooks.after_each);
}

/* Appends the cases of a test; returns how many there are then. */
static size_t unit_expand(const struct unit_test *test, struct unit_case *cases, size_t count)
{
    if (!unit_is_wanted(test->needs))
        return count;
    if (test->run != NULL) {
        cases[count] = (struct unit_case){test, NULL, strdup(test->name)};
        return count + 1;
    }
    for (size_t i = 0; i < test->row_count; i++) {
        const struct unit_row *row = (const void *)((const char *)test->rows + i * test->row_size);
        if (!unit_is_wanted(row->needs))
            continue;
        cases[count] = (struct unit_case){test, row, NULL};
        if (asprintf(&cases[count].name, "%s_%s", test->name, row->name) < 0)
            abort();
        count++;
    }
    return count;
}

static int unit_run(struct unit_case *cases, struct CMUnitTest *tests)
{
    const char *program = program_invocation_short_name;
    size_t count = 0;

    for (const struct unit_test *test = unit_tests; test != NULL; test = test->next)
        count = unit_expand(test, cases, count);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
                cases[i].name, unit_run_case, unit_before_each, unit_after_each, &cases[i]};
    if (strncmp(program, "test_", 5) == 0)
        program += 5;
    return _cmocka_run_group_tests(program, tests, count, unit_before_all, unit_after_all);
}

/* With an argument, only the tests that this pattern (`*`, `?`) fits. */
int main(int argc, char **argv)
{
    size_t max = 0;

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    for (const struct unit_test *test = unit_tests; test != NULL; test = test->next)
        max += test->run != NULL ? 1 : test->row_count;
    struct unit_case *cases = calloc(max, sizeof *cases);
    struct CMUnitTest *tests = calloc(max, sizeof *tests);
    if (max == 0 || cases == NULL || tests == NULL) {
        fprintf(stderr, "%s: no tests, or out of memory\n", program_invocation_short_name);
        return EXIT_FAILURE;
    }
    const int failed = unit_run(cases, tests);
    for (size_t i = 0; i < max; i++)
        free(cases[i].name);
    free(cases);
    free(tests);
    return failed;
}
