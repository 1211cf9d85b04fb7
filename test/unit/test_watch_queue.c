// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "command/watch.h"
#include "unit.h"

static struct watch_queue queue;

static void add(uint64_t time, uint64_t now, const char *text)
{
    assert_true(watch_queue_add(&queue, strdup(text), time, now));
}

static void expect(uint64_t now, const char *want)
{
    char *got = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&got, &len);

    assert_non_null(out);
    watch_queue_write(&queue, now, out);
    assert_int_equal(fclose(out), 0);
    if (strcmp(got, want) != 0)
        fail_msg("at %llu: got `%s`, want `%s`", (unsigned long long)now, got, want);
    free(got);
}

AFTER_EACH()
{
    watch_queue_free(&queue);
}

TEST(lines_go_in_the_order_of_time)
{
    add(10000, 10100, "b");
    add(9900, 10200, "a");
    add(10000, 10200, "c");
    expect(10200, "");
    add(10050, 10900, "d");
    expect(10899, "");
    expect(11000, "abc");
    expect(11049, "");
    expect(11050, "d");
}

/* What comes late goes at once, and what is before it. */
TEST(late_lines_go_at_once)
{
    add(5000, 10000, "b");
    add(4000, 10000, "a");
    add(9500, 10000, "c");
    expect(10000, "ab");
    expect(10500, "c");
}

/* The clock of another machine may be ahead: a line waits no longer than others. */
TEST(lines_of_the_future_go)
{
    add(99999999, 10000, "b");
    add(10500, 10600, "a");
    expect(10999, "");
    expect(11000, "ab");
}

TEST(the_latest_are_kept)
{
    for (uint64_t i = 0; i < 1000; i++)
        add(1000 - i, 5000, i == 0 ? "c" : i == 1 ? "b" : i == 2 ? "a" : "-");
    watch_queue_keep(&queue, 3);
    expect(5000, "abc");
    add(1, 1, "x");
    watch_queue_keep(&queue, 0);
    expect(5000, "");
}
