// SPDX-License-Identifier: ISC
#include "base/keyfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *keyfolder_suffix(enum key_kind kind)
{
    return key_kind_is_public(kind) ? ".pub" : ".key";
}

static bool keyfolder_is_name(const char *name, const char *suffix)
{
    const size_t len = strlen(name);
    const size_t suffix_len = strlen(suffix);

    return name[0] != '.' && len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* Takes the path over. False when out of memory; the path is then freed. */
static bool keyfolder_add(struct keyfolder *list, char *path)
{
    char **larger =
            path != NULL ? reallocarray(list->paths, list->count + 1, sizeof *larger) : NULL;

    if (larger == NULL) {
        free(path);
        errno = ENOMEM;
        return false;
    }
    list->paths = larger;
    list->paths[list->count++] = path;
    return true;
}

static char *keyfolder_join(const char *folder, const char *name)
{
    const size_t len = strlen(folder);
    const char *slash = len > 0 && folder[len - 1] == '/' ? "" : "/";
    char *path = NULL;

    return asprintf(&path, "%s%s%s", folder, slash, name) < 0 ? NULL : path;
}

static bool keyfolder_read(
        DIR *folder, const char *path, const char *suffix, struct keyfolder *list)
{
    const struct dirent *entry;

    errno = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (keyfolder_is_name(entry->d_name, suffix) &&
                !keyfolder_add(list, keyfolder_join(path, entry->d_name)))
            return false;
        if (list->count > KEYFOLDER_MAX)
            break;
        errno = 0;
    }
    return errno == 0;
}

static int keyfolder_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)b, *(char *const *)a);
}

/* What is wrong with a folder that could be read; NULL: nothing. */
static const char *keyfolder_fault(
        const struct stat *st, const struct keyfolder *list, enum key_kind kind)
{
    if ((st->st_mode & S_IWOTH) != 0)
        return "is a folder in which everybody may put keys: it should have mode 0750";
    if (list->count == 0)
        return key_kind_is_public(kind) ? "is a folder without a file *.pub"
                                        : "is a folder without a file *.key";
    if (list->count > KEYFOLDER_MAX)
        return "is a folder with more than 64 keys";
    return NULL;
}

_Static_assert(KEYFOLDER_MAX == 64, "the number in the sentence");

bool keyfolder_list(
        const char *path, enum key_kind kind, struct keyfolder *list_r, const char **error_r)
{
    struct stat st;

    *list_r = (struct keyfolder){0};
    *error_r = NULL;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ENOENT)) {
        if (!keyfolder_add(list_r, strdup(path)))
            *error_r = strerror(errno);
        return *error_r == NULL;
    }
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    list_r->is_folder = true;
    if (folder == NULL || fstat(fd, &st) != 0 ||
            !keyfolder_read(folder, path, keyfolder_suffix(kind), list_r))
        *error_r = strerror(errno);
    else
        *error_r = keyfolder_fault(&st, list_r, kind);
    const int error = errno;
    if (folder != NULL)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
    errno = error;
    if (*error_r == NULL)
        qsort(list_r->paths, list_r->count, sizeof *list_r->paths, keyfolder_compare);
    return *error_r == NULL;
}

void keyfolder_free(struct keyfolder *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    *list = (struct keyfolder){0};
}

void keyfolder_name(uint64_t unix_now, char name_r[KEYFOLDER_NAME_MAX])
{
    const time_t when = (time_t)unix_now;
    struct tm tm;

    gmtime_r(&when, &tm);
    strftime(name_r, KEYFOLDER_NAME_MAX, "%Y-%m-%dT%H%M%S", &tm);
}
