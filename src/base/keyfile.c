// SPDX-License-Identifier: ISC
#include "base/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"

static const char *keyfile_refuse(int fd, bool is_public)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "is no plain file";
    if (!is_public && (st.st_mode & S_IROTH) != 0)
        return "may be read by everybody: it should have mode 0600 or 0640";
    if (is_public && (st.st_mode & S_IWOTH) != 0)
        return "may be written by everybody: it should have mode 0644";
    if (st.st_size > KEYFILE_MAX)
        return "is too large for a key";
    return NULL;
}

static bool keyfile_read_all(int fd, char *buffer, size_t size, size_t *len_r)
{
    *len_r = 0;
    while (*len_r < size) {
        const ssize_t got = read(fd, buffer + *len_r, size - *len_r);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return false;
        *len_r += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static char *keyfile_load_half(
        const char *path, bool is_public, size_t *len_r, const char **error_r)
{
    errno = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *content = NULL;

    *error_r = fd < 0 ? strerror(errno) : keyfile_refuse(fd, is_public);
    if (*error_r == NULL) {
        content = sodium_malloc(KEYFILE_MAX);
        if (content == NULL || !keyfile_read_all(fd, content, KEYFILE_MAX, len_r)) {
            *error_r = strerror(errno);
            sodium_free(content);
            content = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return content;
}

char *keyfile_load(const char *path, size_t *len_r, const char **error_r)
{
    return keyfile_load_half(path, false, len_r, error_r);
}

bool keyfile_read(
        const char *path, enum key_kind kind, unsigned char key_r[KEY_OCTETS], const char **error_r)
{
    size_t len = 0;
    char *content = keyfile_load_half(path, key_kind_is_public(kind), &len, error_r);

    if (content == NULL)
        return false;
    const enum key_result result = key_parse_file((struct text){content, len}, kind, key_r);
    *error_r = key_fault_text(result, (struct text){content, len});
    sodium_free(content);
    return result == KEY_OK;
}

static bool keyfile_write(int fd, const char *content, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const ssize_t written = write(fd, content + done, len - done);
        if (written < 0 && errno != EINTR)
            return false;
        done += written > 0 ? (size_t)written : 0;
    }
    return fsync(fd) == 0;
}

/* The file gets its name when it is whole: a process that is killed leaves no part of a key there.
 */
bool keyfile_create_for(const char *path, const char *content, size_t len, mode_t mode, gid_t group)
{
    char *temporary = NULL;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        errno = ENOMEM;
        return false;
    }
    const int fd = mkostemp(temporary, O_CLOEXEC);
    bool ok = fd >= 0 && (group == (gid_t)-1 || fchown(fd, (uid_t)-1, group) == 0) &&
              fchmod(fd, mode) == 0 && keyfile_write(fd, content, len);
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && link(temporary, path) == 0;
    const bool linked = ok;
    ok = ok && disk_sync_folder(path);
    const int error = errno;
    if (linked && !ok)
        (void)unlink(path);
    if (fd >= 0)
        (void)unlink(temporary);
    free(temporary);
    errno = error;
    return ok;
}

bool keyfile_read_public(const char *path, enum key_kind secret_kind,
        unsigned char public_r[KEY_OCTETS], const char **error_r)
{
    unsigned char *secret = sodium_malloc(KEY_OCTETS);

    *error_r = strerror(ENOMEM);
    const bool ok = secret != NULL && keyfile_read(path, secret_kind, secret, error_r);
    const int error = errno;
    if (ok)
        key_public(secret, public_r);
    sodium_free(secret);
    errno = error;
    return ok;
}

bool keyfile_create(const char *path, const char *content, size_t len)
{
    return keyfile_create_for(path, content, len, 0600, (gid_t)-1);
}
