// SPDX-License-Identifier: ISC
#include "verimaild/table_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verimaild/tables.h"

static bool has_tables(const struct config *config)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].table.at != NULL)
            return true;
    return false;
}

static bool table_check_write_all(int fd, const char *at)
{
    size_t rest = strlen(at);

    while (rest > 0) {
        const ssize_t put = write(fd, at, rest);
        if (put < 0 && errno != EINTR)
            return false;
        rest -= put > 0 ? (size_t)put : 0;
        at += put > 0 ? put : 0;
    }
    return true;
}

/* `problems` is a copy: what comes to it is told over `fd`. */
static void be_child(const struct config *config, const struct identity *identity,
        struct problems *problems, int fd)
{
    const size_t before = strlen(problems_text(problems));

    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(TABLE_CHECK_MAX);
    if (identity_drop(identity))
        tables_check(config, problems);
    else
        problems_add(problems, 0, strerror(errno), "run_as", NULL);
    _exit(table_check_write_all(fd, problems_text(problems) + before) ? EXIT_SUCCESS
                                                                      : EXIT_FAILURE);
}

static void take_all(int fd, struct problems *problems)
{
    char room[65536]; /* more than any has, a line for each table */
    size_t used = 0;
    ssize_t got = 0;

    do {
        got = read(fd, room + used, sizeof room - used);
        used += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    problems_add_lines(problems, (struct text){room, used});
}

/* The status with which the child ended; -1: there was none. */
static int ask_child(
        const struct config *config, const struct identity *identity, struct problems *problems)
{
    int ends[2];
    int status = -1;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t child = fork();
    if (child == 0)
        be_child(config, identity, problems, ends[1]);
    close(ends[1]);
    if (child > 0) {
        take_all(ends[0], problems);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
    return status;
}

bool table_check_run(
        const struct config *config, const struct identity *identity, struct problems *problems)
{
    const size_t before = problems_count(problems);

    if (has_tables(config) && ask_child(config, identity, problems) != 0)
        problems_add(problems, 0, "the tables of users could not be looked at", NULL,
                "an end of that within 10 seconds");
    return problems_count(problems) == before;
}
