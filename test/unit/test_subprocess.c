// SPDX-License-Identifier: ISC
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "setup/subprocess.h"
#include "unit.h"

struct run_row {
    struct unit_row unit;
    const char *argv[4];
    bool ok;
    enum subprocess_how how;
    int code;
    const char *output;
    const char *text;
};

static const struct run_row run_rows[] = {
        {{"good"}, {"true"}, true, SUBPROCESS_EXITED, 0, "", "ended with status 0"},
        {{"bad"}, {"sh", "-c", "echo one; echo two >&2; echo three >&2; exit 3"}, false,
                SUBPROCESS_EXITED, 3, "one\n", "ended with status 3: three"},
        {{"it says why on standard output"}, {"sh", "-c", "echo why; exit 1"}, false,
                SUBPROCESS_EXITED, 1, "why\n", "ended with status 1: why"},
        {{"killed"}, {"sh", "-c", "kill -TERM $$"}, false, SUBPROCESS_SIGNALLED, SIGTERM, "",
                "was killed by signal 15"},
        {{"no such program"}, {"/nonexistent/program"}, false, SUBPROCESS_MISSING, ENOENT, NULL,
                "is not installed"},
        {{"no program"}, {"/dev/null"}, false, SUBPROCESS_FAILED, EACCES, NULL,
                "cannot be started: Permission denied"},
};

TEST_EACH(how_a_program_ends, run_rows)
{
    struct subprocess done;
    char text[SUBPROCESS_TEXT_MAX];

    assert_int_equal(subprocess_run(row->argv, text_of(""), &done), row->ok);
    assert_int_equal(done.how, row->how);
    assert_int_equal(done.code, row->code);
    assert_int_equal(done.output != NULL, row->output != NULL);
    if (row->output != NULL)
        assert_string_equal(done.output, row->output);
    subprocess_text(&done, text);
    assert_string_equal(text, row->text);
    subprocess_free(&done);
}

TEST(input_of_any_length_comes_back)
{
    static char input[300000];
    const char *const cat[] = {"cat", NULL};
    struct subprocess done;

    memset(input, 'x', sizeof input - 1);
    assert_true(subprocess_run(cat, text_of(input), &done));
    assert_non_null(done.output);
    assert_string_equal(done.output, input);
    subprocess_free(&done);
}
