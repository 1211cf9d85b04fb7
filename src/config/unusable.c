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

#define EXPECTED_MAX (2 * PATH_MAX + 256) /* octets with a NUL */

static bool unusable_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The first part of the path that this process may not use, in `part_r`. False when there is none,
 * or the path is too long. */
static bool unusable_find_part(const char *path, char part_r[PATH_MAX])
{
    if (strlen(path) >= PATH_MAX)
        return false;
    for (const char *end = strchr(path + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
        snprintf(part_r, PATH_MAX, "%.*s", (int)(end - path), path);
        if (faccessat(AT_FDCWD, part_r, X_OK, AT_EACCESS) != 0)
            return errno == EACCES;
    }
    snprintf(part_r, PATH_MAX, "%s", path);
    return faccessat(AT_FDCWD, part_r, unusable_is_folder(path) ? R_OK | X_OK : R_OK, AT_EACCESS) !=
                   0 &&
           errno == EACCES;
}

/* What lets this process's user use the file. False when that cannot be told. */
static bool unusable_write_remedy(const char *path, char *text_r, size_t size)
{
    char part[PATH_MAX];
    const struct passwd *user = getpwuid(geteuid());
    const struct group *group = getgrgid(getegid());

    if (user == NULL || group == NULL || !unusable_find_part(path, part))
        return false;
    const bool is_folder = unusable_is_folder(part);
    snprintf(text_r, size, "that the user %s may %s it: chgrp %s %s && chmod %s %s", user->pw_name,
            is_folder ? "enter" : "read", group->gr_name, part, is_folder ? "g+rx" : "g+r", part);
    return true;
}

void unusable_add(struct problems *problems, const struct unusable *u)
{
    const int cause = errno;
    char what[256];
    char *remedy = cause == EACCES ? malloc(EXPECTED_MAX) : NULL;
    const char *expected = u->expected;

    snprintf(what, sizeof what, "unusable %s (%s)", u->which, u->error);
    if (remedy != NULL && unusable_write_remedy(u->path, remedy, EXPECTED_MAX))
        expected = remedy;
    problems_add(problems, u->line, what, u->path, expected);
    problems_note_errno(problems, cause);
    free(remedy);
}
