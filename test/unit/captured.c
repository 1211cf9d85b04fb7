// SPDX-License-Identifier: ISC
#include "captured.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct captured captured_begin(void)
{
    struct captured captured = {.kept = dup(STDERR_FILENO)};
    int ends[2];

    if (captured.kept < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0 ||
            dup2(ends[1], STDERR_FILENO) < 0)
        err(EXIT_FAILURE, "a pipe for standard error");
    close(ends[1]);
    captured.pipe = ends[0];
    return captured;
}

size_t captured_read(struct captured *captured, char *room_r, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        const ssize_t got = read(captured->pipe, room_r + len, size - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    room_r[len] = '\0';
    return len;
}

void captured_end(struct captured *captured)
{
    if (dup2(captured->kept, STDERR_FILENO) < 0)
        err(EXIT_FAILURE, "standard error");
    close(captured->kept);
    close(captured->pipe);
}
