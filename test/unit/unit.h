// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_UNIT_H
#define VERIMAIL_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// cmocka.h needs the headers above before it.
#include <cmocka.h>

/* A test program is one file of tests. They register themselves and run in the order of the file;
 * unit.c has the main().
 *
 *     BEFORE_EACH()
 *     {
 *         folder = folder_make();
 *     }
 *
 *     TEST(an_empty_file_is_refused)
 *     {
 *         assert_false(...);
 *     }
 */
#define TEST(test) UNIT_TEST(test, .needs = NULL)

/* A test that runs only when this environment variable is set. */
#define TEST_IF(test, variable) UNIT_TEST(test, .needs = (variable))

/* A test that runs once for each element of the static array `table`; the body sees it as `row`.
 * The elements begin with a struct unit_row. */
#define TEST_EACH(test, table)                                                                     \
    static void test(const __typeof__((table)[0]) *row);                                           \
    static void test##_with(const void *row)                                                       \
    {                                                                                              \
        test(row);                                                                                 \
    }                                                                                              \
    UNIT_REGISTER(test, .run_row = test##_with, .rows = (table), .row_size = sizeof(table)[0],     \
            .row_count = sizeof(table) / sizeof(table)[0])                                         \
    static void test(const __typeof__((table)[0]) *row)

struct unit_row {
    const char *name; /* printed behind the test's name */
    const char
            *needs; /* the row is used only when this environment variable is set; NULL: always */
};

/* Run around the whole file and around each test, at most one of each in a file. The AFTER ones run
 * when a test failed, too. */
#define BEFORE_ALL() UNIT_HOOK(before_all)
#define AFTER_ALL() UNIT_HOOK(after_all)
#define BEFORE_EACH() UNIT_HOOK(before_each)
#define AFTER_EACH() UNIT_HOOK(after_each)

/* What the macros are made of. */
struct unit_test {
    const char *name;
    int line; /* of the file: the order */
    const char *needs;
    void (*run)(void); /* NULL: it has rows */
    void (*run_row)(const void *row);
    const void *rows;
    size_t row_size;
    size_t row_count;
    struct unit_test *next;
};

struct unit_hooks {
    void (*before_all)(void);
    void (*after_all)(void);
    void (*before_each)(void);
    void (*after_each)(void);
};

extern struct unit_hooks unit_hooks;
void unit_add(struct unit_test *test);

#define UNIT_TEST(test, ...)                                                                       \
    static void test(void);                                                                        \
    UNIT_REGISTER(test, .run = test, __VA_ARGS__)                                                  \
    static void test(void)

#define UNIT_REGISTER(test, ...)                                                                   \
    __attribute__((constructor)) static void test##_register(void)                                 \
    {                                                                                              \
        static struct unit_test unit = {.name = #test, .line = __LINE__, __VA_ARGS__};             \
        unit_add(&unit);                                                                           \
    }

#define UNIT_HOOK(hook)                                                                            \
    static void unit_##hook(void);                                                                 \
    __attribute__((constructor)) static void unit_##hook##_register(void)                          \
    {                                                                                              \
        unit_hooks.hook = unit_##hook;                                                             \
    }                                                                                              \
    static void unit_##hook(void)

/* How many seconds a test waits for what must come; VERIMAIL_PATIENCE can make that less, where it
 * often does not come. */
unsigned unit_patience(unsigned seconds);

#endif
