// SPDX-License-Identifier: ISC
#include "folder.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder folder_make(void)
{
    const char *above = getenv("TMPDIR");
    struct folder folder;

    snprintf(folder.path, sizeof folder.path, "%s/verimail-test-XXXXXX",
            above != NULL ? above : "/tmp");
    if (mkdtemp(folder.path) == NULL)
        err(EXIT_FAILURE, "%s", folder.path);
    return folder;
}

void folder_path(const struct folder *folder, const char *name, char path_r[FOLDER_PATH_MAX])
{
    if (snprintf(path_r, FOLDER_PATH_MAX, "%s/%s", folder->path, name) >= FOLDER_PATH_MAX)
        errx(EXIT_FAILURE, "%s: too long a name", name);
}

static int folder_remove_one(
        const char *path, const struct stat *st, int type, struct FTW *position)
{
    (void)st, (void)type, (void)position;
    if (remove(path) != 0)
        err(EXIT_FAILURE, "%s", path);
    return 0;
}

void folder_remove(const struct folder *folder)
{
    if (nftw(folder->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        err(EXIT_FAILURE, "%s", folder->path);
}

void folder_write(
        const struct folder *folder, const char *name, const char *content, size_t len, mode_t mode)
{
    char path[FOLDER_PATH_MAX];

    folder_path(folder, name, path);
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(content, 1, len, file) != len || fclose(file) != 0 ||
            chmod(path, mode) != 0)
        err(EXIT_FAILURE, "%s", path);
}

bool folder_read(const struct folder *folder, const char *name, char *buffer_r, size_t size)
{
    char path[FOLDER_PATH_MAX];

    folder_path(folder, name, path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    const size_t len = fread(buffer_r, 1, size, file);
    fclose(file);
    if (len >= size)
        errx(EXIT_FAILURE, "%s: more than %zu octets", path, size);
    buffer_r[len] = '\0';
    return true;
}

size_t folder_count(const struct folder *folder)
{
    DIR *dir = opendir(folder->path);
    size_t count = 0;

    if (dir == NULL)
        err(EXIT_FAILURE, "%s", folder->path);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}
