// SPDX-License-Identifier: ISC
#include "setup/subprocess.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADMINISTRATOR_PATH "/usr/local/sbin:/usr/sbin:/sbin"
#define OUTPUT_MAX 1048576 /* octets that are kept */

void subprocess_extend_path(void)
{
    const char *before = getenv("PATH");
    char *path = NULL;

    if (asprintf(&path, "%s%s" ADMINISTRATOR_PATH,
                before != NULL ? before : "/usr/local/bin:/usr/bin:/bin:",
                before != NULL ? ":" : "") < 0)
        return;
    (void)setenv("PATH", path, 1);
    free(path);
}

static bool subprocess_write_all(int fd, struct text t)
{
    while (t.len > 0) {
        const ssize_t written = write(fd, t.at, t.len);
        if (written < 0 && errno != EINTR)
            return false;
        t.at += written > 0 ? written : 0;
        t.len -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Files in memory: a program that says more than it reads waits for nobody. -1 with errno. */
static int subprocess_file(struct text content)
{
    const int fd = memfd_create("verimail", MFD_CLOEXEC);

    if (fd >= 0 && subprocess_write_all(fd, content) && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

/* 0, or errno. */
static int subprocess_spawn(const char *const *argv, const int files[3], pid_t *pid_r)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    char *const *arguments;

    /* execvp(3) changes none of them, whatever its prototype says. */
    memcpy(&arguments, &argv, sizeof arguments);
    if (error != 0)
        return error;
    for (int i = 0; error == 0 && i < 3; i++)
        error = posix_spawn_file_actions_adddup2(&actions, files[i], i);
    if (error == 0)
        error = posix_spawnp(pid_r, argv[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void subprocess_wait(pid_t pid, struct subprocess *subprocess)
{
    struct pollfd ended = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    int status = 0;

    if (ended.fd >= 0 && poll(&ended, 1, SUBPROCESS_TIMEOUT * 1000) == 0) {
        subprocess->how = SUBPROCESS_LATE;
        kill(pid, SIGKILL);
    }
    if (ended.fd >= 0)
        close(ended.fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (subprocess->how == SUBPROCESS_LATE)
        return;
    subprocess->how = WIFEXITED(status) ? SUBPROCESS_EXITED : SUBPROCESS_SIGNALLED;
    subprocess->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

static char *subprocess_take_output(int fd)
{
    struct stat st;
    char *output = NULL;

    if (fstat(fd, &st) != 0)
        return NULL;
    const size_t size = st.st_size < OUTPUT_MAX ? (size_t)st.st_size : OUTPUT_MAX;
    output = malloc(size + 1);
    if (output == NULL)
        return NULL;
    const ssize_t len = pread(fd, output, size, 0);
    output[len > 0 ? len : 0] = '\0';
    return output;
}

bool subprocess_run(const char *const *argv, struct text input, struct subprocess *subprocess_r)
{
    const int in = subprocess_file(input);
    const int out = in >= 0 ? subprocess_file(text_of("")) : -1;
    const int files[3] = {in, out, out >= 0 ? subprocess_file(text_of("")) : -1};
    pid_t pid = 0;

    *subprocess_r = (struct subprocess){.how = SUBPROCESS_EXITED};
    const int error = files[2] >= 0 ? subprocess_spawn(argv, files, &pid) : errno;
    if (error != 0) {
        subprocess_r->how = error == ENOENT ? SUBPROCESS_MISSING : SUBPROCESS_FAILED;
        subprocess_r->code = error;
    } else {
        subprocess_wait(pid, subprocess_r);
        subprocess_r->output = subprocess_take_output(files[1]);
        subprocess_r->errors = subprocess_take_output(files[2]);
    }
    for (size_t i = 0; i < 3; i++)
        if (files[i] >= 0)
            close(files[i]);
    return subprocess_r->how == SUBPROCESS_EXITED && subprocess_r->code == 0;
}

void subprocess_free(struct subprocess *subprocess)
{
    free(subprocess->output);
    free(subprocess->errors);
    subprocess->output = subprocess->errors = NULL;
}

/* The last line of what it said: programs warn first, and then say why they end. */
static struct text subprocess_said(const struct subprocess *subprocess)
{
    const char *said = subprocess->errors != NULL ? subprocess->errors : "";
    struct text t;

    if (text_trim(text_of(said)).len == 0 && subprocess->output != NULL)
        said = subprocess->output;
    t = text_trim(text_of(said));
    const char *line = t.len > 0 ? memrchr(t.at, '\n', t.len) : NULL;
    return line != NULL ? (struct text){line + 1, t.len - (size_t)(line + 1 - t.at)} : t;
}

void subprocess_text(const struct subprocess *subprocess, char text_r[SUBPROCESS_TEXT_MAX])
{
    char how[128];
    const struct text said = subprocess_said(subprocess);

    switch (subprocess->how) {
    case SUBPROCESS_EXITED:
        snprintf(how, sizeof how, "ended with status %d", subprocess->code);
        break;
    case SUBPROCESS_SIGNALLED:
        snprintf(how, sizeof how, "was killed by signal %d", subprocess->code);
        break;
    case SUBPROCESS_LATE:
        snprintf(how, sizeof how, "did not end in %d seconds", SUBPROCESS_TIMEOUT);
        break;
    case SUBPROCESS_MISSING:
        snprintf(how, sizeof how, "is not installed");
        break;
    case SUBPROCESS_FAILED:
        snprintf(how, sizeof how, "cannot be started: %s", strerror(subprocess->code));
        break;
    }
    snprintf(text_r, SUBPROCESS_TEXT_MAX, "%s%s%.*s", how, said.len > 0 ? ": " : "",
            (int)(said.len < SUBPROCESS_TEXT_MAX / 2 ? said.len : SUBPROCESS_TEXT_MAX / 2),
            said.at);
}
