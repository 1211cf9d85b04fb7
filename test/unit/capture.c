// SPDX-License-Identifier: ISC
#include "capture.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct capture capture_begin(void)
{
    struct capture capture = {.kept = dup(STDERR_FILENO)};
    int ends[2];

    if (capture.kept < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0 ||
            dup2(ends[1], STDERR_FILENO) < 0)
        err(EXIT_FAILURE, "a pipe for standard error");
    close(ends[1]);
    capture.pipe = ends[0];
    return capture;
}

size_t capture_read(struct capture *capture, char *buffer_r, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        const ssize_t got = read(capture->pipe, buffer_r + len, size - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    buffer_r[len] = '\0';
    return len;
}

void capture_end(struct capture *capture)
{
    if (dup2(capture->kept, STDERR_FILENO) < 0)
        err(EXIT_FAILURE, "standard error");
    close(capture->kept);
    close(capture->pipe);
}
