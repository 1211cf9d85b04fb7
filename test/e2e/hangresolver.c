// SPDX-License-Identifier: ISC
// libunbound hangs when it is asked for a name with this word in it (LD_PRELOAD): the read() by
// which its thread takes the question fails once, and the thread ends.
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WORD "hang-now"

static ssize_t (*real)(int, void *, size_t);

__attribute__((constructor)) static void hangresolver_begin(void)
{
    *(void **)&real = dlsym(RTLD_NEXT, "read");
}

static int has_word(const char *at, size_t len)
{
    for (size_t i = 0; i + sizeof WORD - 1 <= len; i++)
        if (memcmp(at + i, WORD, sizeof WORD - 1) == 0)
            return 1;
    return 0;
}

/* A program's own text has no NUL before the word; libunbound's message begins with numbers. */
ssize_t read(int fd, void *at, size_t size)
{
    if (real == NULL) /* another library's constructor reads */
        hangresolver_begin();
    const ssize_t got = real(fd, at, size);

    if (got > 4 && memchr(at, '\0', 4) != NULL && has_word(at, (size_t)got)) {
        errno = EIO;
        return -1;
    }
    return got;
}
