// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events/event.h"
#include "events/recorder_setup.h"
#include "folder.h"
#include "unit.h"
#include "version.h"

#define RINGS 3

static void put_number(FILE *out, const char *name, uint64_t number)
{
    fprintf(out, "%s=%llu\n", name, (unsigned long long)number);
}

/* In the place of the recorder: writes down what it was handed. */
static int be_recorder(const char *argument)
{
    struct recorder_setup setup;
    char error[RECORDER_ERROR_MAX];
    const char *path = getenv("TEST_TOLD");
    FILE *out = path != NULL ? fopen(path, "we") : NULL;

    if (out == NULL)
        return 90;
    if (!recorder_take_setup(argument, &setup, error)) {
        fprintf(out, "%s\n", error);
        fclose(out);
        return 91;
    }
    fprintf(out, "state=%s store=%s ip=%s replay=%s\n", setup.state, setup.store, setup.ip,
            setup.replay);
    put_number(out, "keep", setup.keep);
    put_number(out, "size", setup.size);
    put_number(out, "forgeries", setup.alarm_forgeries);
    put_number(out, "texts", setup.alarm_texts);
    put_number(out, "uid", setup.identity.uid);
    put_number(out, "control", fcntl(setup.control, F_GETFD) >= 0);
    put_number(out, "metrics", setup.metrics >= 0);
    put_number(out, "malformed", setup.counters->malformed);
    setup.counters->malformed = 8;
    for (size_t i = 0; i < setup.rings_count; i++) {
        struct event event;
        char texts[EVENT_OCTETS_MAX];
        if (ring_look(setup.rings[i], &event, 1, texts, sizeof texts) == 1)
            put_number(out, "event", event.time);
        ring_take(setup.rings[i]);
    }
    fclose(out);
    return 0;
}

/* Before main(): this program was executed in the place of the recorder. */
__attribute__((constructor)) static void become_recorder(int argc, char **argv)
{
    if (getenv("TEST_TOLD") != NULL)
        _exit(be_recorder(argc == 2 ? argv[1] : ""));
}

struct handed {
    struct folder folder;
    struct ring *rings[RINGS];
    struct recorder_setup setup;
    int pipe[2];
};

static void handed_open(struct handed *h)
{
    *h = (struct handed){.folder = folder_make()};
    assert_int_equal(pipe2(h->pipe, O_CLOEXEC), 0);
    for (size_t i = 0; i < RINGS; i++) {
        h->rings[i] = ring_init(&event_kind);
        assert_non_null(h->rings[i]);
        ring_put(h->rings[i], &(struct event){.time = 100 + i});
    }
    h->setup = (struct recorder_setup){.state = "/state",
            .store = "postgresql://db/verimail?passfile=/secret",
            .ip = "network",
            .replay = "none",
            .keep = 7,
            .size = UINT64_MAX,
            .alarm_forgeries = 1,
            .alarm_texts = 2,
            .identity = {.uid = 12},
            .control = h->pipe[0],
            .metrics = -1,
            .rings = h->rings,
            .rings_count = RINGS};
    h->setup.counters = counters_init(&h->setup.counters_fd);
    assert_non_null(h->setup.counters);
    h->setup.counters->malformed = 7;
}

static void handed_close(struct handed *h)
{
    for (size_t i = 0; i < RINGS; i++)
        ring_free(&h->rings[i]);
    counters_free(&h->setup.counters);
    close(h->setup.counters_fd);
    close(h->pipe[0]);
    close(h->pipe[1]);
    folder_remove(&h->folder);
}

/* The exit status of the program at `path`, in whose environment the file `told` is named. */
static int handed_start(struct handed *h, const char *path)
{
    char told[FOLDER_PATH_MAX];
    int status = 0;

    folder_path(&h->folder, "told", told);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("TEST_TOLD", told, 1);
        _exit(recorder_exec(path, &h->setup));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(all_of_it_arrives_in_another_program)
{
    struct handed h;
    char told[1024];

    handed_open(&h);
    assert_int_equal(handed_start(&h, "/proc/self/exe"), 0);
    assert_true(folder_read(&h.folder, "told", told, sizeof told));
    assert_string_equal(told,
            "state=/state store=postgresql://db/verimail?passfile=/secret ip=network replay=none\n"
            "keep=7\nsize=18446744073709551615\nforgeries=1\ntexts=2\nuid=12\ncontrol=1\n"
            "metrics=0\nmalformed=7\nevent=100\nevent=101\nevent=102\n");
    assert_int_equal(h.setup.counters->malformed, 8);
    for (size_t i = 0; i < RINGS; i++)
        assert_int_equal(ring_discard(h.rings[i]), 0);
    handed_close(&h);
}

TEST(program_that_is_not_there_is_an_error)
{
    struct handed h;

    handed_open(&h);
    assert_int_equal(handed_start(&h, "/nowhere/verimail-recorder"), EXIT_FAILURE);
    handed_close(&h);
}

/* A file as a daemon of another version would hand it over, or somebody who tries. */
static const struct {
    struct unit_row row;
    const char *argument; /* NULL: the descriptor of a file with that content */
    const char *content;
    size_t len;
    const char *error; /* its beginning */
} arguments[] = {
        {{.name = "none"}, "", NULL, 0, "it is started by verimaild"},
        {{.name = "a word"}, "--help", NULL, 0, "it is started by verimaild"},
        {{.name = "a number that is no descriptor"}, "1000000", NULL, 0, "its setup cannot"},
        {{.name = "a number beyond all"}, "99999999999", NULL, 0, "it is started by verimaild"},
        {{.name = "empty"}, NULL, "", 0, "its setup cannot"},
        {{.name = "short"}, NULL, VERSION, sizeof VERSION, "its setup cannot"},
        {{.name = "another version"}, NULL, "0.0.1\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 46,
                "verimail-recorder is of version " VERSION ", the daemon that started it of "
                "version 0.0.1: install both"},
        {{.name = "another size"}, NULL, VERSION "\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 46,
                "verimail-recorder is of version " VERSION ", the daemon that started it of "
                "version " VERSION ": install both"},
};

TEST_EACH(what_is_no_setup_is_refused, arguments)
{
    char number[16];
    char error[RECORDER_ERROR_MAX];
    struct recorder_setup setup;
    const int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    snprintf(number, sizeof number, "%d", fd);
    if (row->argument == NULL)
        assert_int_equal(write(fd, row->content, row->len), row->len);
    assert_false(
            recorder_take_setup(row->argument != NULL ? row->argument : number, &setup, error));
    if (strncmp(error, row->error, strlen(row->error)) != 0)
        fail_msg("got `%s`, want `%s...`", error, row->error);
    close(fd);
}
