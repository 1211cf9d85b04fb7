// SPDX-License-Identifier: ISC
#include "command/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "protocol/text.h"

#define PAUSE 50         /* milliseconds between two looks */
#define COMMAND_MAX 8192 /* octets of a command line that are looked at */

/* The words of a process's command line, each with a NUL behind it. */
struct command_line {
    char octets[COMMAND_MAX];
    size_t len;
};

static bool daemon_read_command(pid_t pid, struct command_line *line_r)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t len = read(fd, line_r->octets, sizeof line_r->octets - 1);
    close(fd);
    line_r->len = len > 0 ? (size_t)len : 0;
    line_r->octets[line_r->len] = '\0';
    return len > 0;
}

/* The word behind `at`; NULL: there is none. */
static const char *daemon_next_word(const struct command_line *line, const char *at)
{
    const char *next = at + strlen(at) + 1;

    return next < line->octets + line->len ? next : NULL;
}

static bool daemon_is_program(const struct command_line *line, const char *program)
{
    const char *slash = strrchr(line->octets, '/');
    const char *name = slash != NULL ? slash + 1 : line->octets;

    return strcmp(name, program) == 0;
}

/* The configuration that the command line names. */
static const char *daemon_config_of(const struct command_line *line)
{
    for (const char *word = daemon_next_word(line, line->octets); word != NULL;
            word = daemon_next_word(line, word)) {
        if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0)
            return daemon_next_word(line, word);
        if (strncmp(word, "--config=", strlen("--config=")) == 0)
            return word + strlen("--config=");
        if (strncmp(word, "-c", 2) == 0)
            return word + 2;
    }
    return CONFIG_PATH;
}

/* Whether the process means the same file by `config` as this one by `path`. */
static bool daemon_has_config(pid_t pid, const char *config, const char *path)
{
    char *seen = NULL;
    struct stat theirs;
    struct stat ours;

    if (stat(path, &ours) != 0 || asprintf(&seen, "/proc/%d/%s%s", (int)pid,
                                          config[0] == '/' ? "root" : "cwd/", config) < 0)
        return false;
    /* Without the right to look through its root, our own has to do. */
    const bool is_seen = stat(seen, &theirs) == 0 || stat(config, &theirs) == 0;
    free(seen);
    return is_seen && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static pid_t daemon_parent_of(pid_t pid)
{
    const char *const before = ") S "; /* the end of the name, which may have any octets; a state */
    char path[64];
    char stat[512];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    const char *after = fgets(stat, sizeof stat, file) != NULL ? strrchr(stat, ')') : NULL;
    fclose(file);
    return after != NULL && strlen(after) > strlen(before)
                   ? (pid_t)strtol(after + strlen(before), NULL, 10)
                   : 0;
}

/* A worker has its supervisor's command line. */
static bool daemon_is_supervisor(pid_t pid, const char *program, const char *path)
{
    struct command_line line;

    if (!daemon_read_command(pid, &line) || !daemon_is_program(&line, program))
        return false;
    const char *config = daemon_config_of(&line);
    if (config == NULL || !daemon_has_config(pid, config, path))
        return false;
    return !daemon_read_command(daemon_parent_of(pid), &line) || !daemon_is_program(&line, program);
}

pid_t daemon_find(const char *program, const char *path)
{
    DIR *folder = opendir("/proc");
    pid_t found = 0;

    if (folder == NULL)
        return 0;
    for (const struct dirent *entry; found == 0 && (entry = readdir(folder)) != NULL;) {
        uint64_t pid;
        if (text_decimal(text_of(entry->d_name), INT32_MAX, &pid) &&
                daemon_is_supervisor((pid_t)pid, program, path))
            found = (pid_t)pid;
    }
    closedir(folder);
    return found;
}

/* The children that are its workers: they bear its name. */
static void daemon_list_workers(pid_t supervisor, const char *program, struct daemon_reload *reload)
{
    char path[64];
    char children[COMMAND_MAX];
    struct command_line line;

    reload->count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)supervisor, (int)supervisor);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    struct reader words =
            reader_of(text_of(fgets(children, sizeof children, file) != NULL ? children : ""));
    fclose(file);
    while (reload->count < DAEMON_WORKERS_MAX && words.rest.len > 0) {
        uint64_t child;
        if (text_decimal(reader_field(&words, ' '), INT32_MAX, &child) &&
                daemon_read_command((pid_t)child, &line) && daemon_is_program(&line, program))
            reload->workers[reload->count++] = (pid_t)child;
    }
}

enum daemon_result daemon_reload(
        const char *program, const char *path, struct daemon_reload *reload_r)
{
    const pid_t pid = daemon_find(program, path);

    if (pid == 0)
        return DAEMON_ABSENT;
    daemon_list_workers(pid, program, reload_r);
    if (kill(pid, SIGHUP) == 0)
        return DAEMON_RELOADED;
    return errno == ESRCH ? DAEMON_ABSENT : DAEMON_DENIED;
}

static bool daemon_any_is_left(const struct daemon_reload *reload)
{
    for (size_t i = 0; i < reload->count; i++)
        if (kill(reload->workers[i], 0) == 0 || errno != ESRCH)
            return true;
    return false;
}

bool daemon_has_reloaded(const struct daemon_reload *reload, uint64_t timeout)
{
    const uint64_t end = mono_ms() + timeout;

    while (daemon_any_is_left(reload)) {
        if (mono_ms() >= end)
            return false;
        (void)poll(NULL, 0, PAUSE);
    }
    return true;
}
