// SPDX-License-Identifier: ISC
#include "config/unusable.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool unusable_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The first folder above the path that this process may not enter, or the path itself. */
static void unusable_find_part(const char *path, char part_r[PATH_MAX])
{
    for (const char *end = strchr(path + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
        snprintf(part_r, PATH_MAX, "%.*s", (int)(end - path), path);
        if (faccessat(AT_FDCWD, part_r, X_OK, AT_EACCESS) != 0 && errno == EACCES)
            return;
    }
    snprintf(part_r, PATH_MAX, "%s", path);
}

static void unusable_write_remedy(const char *path, enum unusable_access access, int error,
        char remedy_r[UNUSABLE_REMEDY_MAX])
{
    char part[PATH_MAX];
    const struct passwd *user = getpwuid(geteuid());
    const struct group *group = getgrgid(getegid());
    const char *name = user != NULL ? user->pw_name : "of the daemon";
    const char *group_name = group != NULL ? group->gr_name : "GROUP";

    unusable_find_part(path, part);
    const bool is_itself = strcmp(part, path) == 0;
    if (error == ENOENT && access == UNUSABLE_MAKE_FILES)
        snprintf(remedy_r, UNUSABLE_REMEDY_MAX,
                "a folder of the user %s: install -d -m 750 -o %s -g %s %s", name, name, group_name,
                path);
    else if (error == EACCES && access == UNUSABLE_MAKE_FILES && is_itself)
        snprintf(remedy_r, UNUSABLE_REMEDY_MAX, "a folder of the user %s: chown %s %s", name, name,
                path);
    else if (error == EACCES)
        snprintf(remedy_r, UNUSABLE_REMEDY_MAX,
                "that the user %s may %s it: chgrp %s %s && chmod %s %s", name,
                unusable_is_folder(part) ? "enter" : "read", group_name, part,
                unusable_is_folder(part) ? "g+rx" : "g+r", part);
    else
        snprintf(remedy_r, UNUSABLE_REMEDY_MAX, "a %s that the user %s can use",
                access == UNUSABLE_MAKE_FILES ? "folder" : "file", name);
}

bool unusable_try(const char *path, enum unusable_access access, char remedy_r[UNUSABLE_REMEDY_MAX])
{
    const int mode = access == UNUSABLE_MAKE_FILES ? W_OK | X_OK
                     : unusable_is_folder(path)    ? R_OK | X_OK
                                                   : R_OK;

    remedy_r[0] = '\0';
    if (strlen(path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    int error = 0;
    if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) != 0)
        error = errno;
    else if (access == UNUSABLE_MAKE_FILES && !unusable_is_folder(path))
        error = ENOTDIR;
    if (error == 0)
        return true;
    unusable_write_remedy(path, access, error, remedy_r);
    errno = error;
    return false;
}

/* What lets this process's user in, or NULL: that is not what is wrong, or out of memory. The
 * caller frees it. */
static char *unusable_find_remedy(const char *path, int error)
{
    char *remedy = error == EACCES ? malloc(UNUSABLE_REMEDY_MAX) : NULL;

    if (remedy == NULL || !unusable_try(path, UNUSABLE_READ, remedy))
        return remedy;
    free(remedy);
    return NULL;
}

void unusable_add(struct problems *problems, const struct unusable *u)
{
    const int error = errno;
    char what[256];
    char *remedy = unusable_find_remedy(u->path, error);

    snprintf(what, sizeof what, "unusable %s (%s)", u->which, u->error);
    problems_add(problems, u->line, what, u->path, remedy != NULL ? remedy : u->expected);
    problems_note_errno(problems, error);
    free(remedy);
}

void unusable_add_config(struct problems *problems, const char *path)
{
    const int error = errno;
    char *remedy = unusable_find_remedy(path, error);

    problems_add(problems, 0, "cannot be read", strerror(error), remedy);
    problems_note_errno(problems, error);
    free(remedy);
}
