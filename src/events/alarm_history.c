// SPDX-License-Identifier: ISC
#include "events/alarm_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "protocol/address.h"
#include "protocol/text.h"

#define LINE_SIZE (ADDRESS_MAX + 32)
#define PATH_SIZE 4096

struct alarm_history_entry {
    uint64_t at;
    struct text user; /* points into the line that it was read from */
};

static FILE *alarm_history_open(const char *folder)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/" ALARM_HISTORY_FILE, folder);
    return fopen(path, "re");
}

/* The next alarm of the last hour. Lines that are none are passed over, and so are those from the
 * future: the clock was wrong. */
static bool alarm_history_next(
        FILE *file, char line_r[LINE_SIZE], uint64_t unix_now, struct alarm_history_entry *entry_r)
{
    while (fgets(line_r, LINE_SIZE, file) != NULL) {
        struct reader r = reader_of(text_trim(text_of(line_r)));
        const struct text at = reader_until(&r, ' ');
        entry_r->user = reader_rest(&r);
        if (!r.failed && text_decimal(at, UINT64_MAX, &entry_r->at) && entry_r->at <= unix_now &&
                unix_now - entry_r->at < ALARM_HISTORY_KEEP)
            return true;
    }
    return false;
}

bool alarm_history_has(const char *folder, const char *user, uint64_t unix_now)
{
    FILE *file = alarm_history_open(folder);
    char line[LINE_SIZE];
    struct alarm_history_entry entry;
    bool has = false;

    if (file == NULL)
        return false;
    while (!has && alarm_history_next(file, line, unix_now, &entry))
        has = text_equal(entry.user, text_of(user));
    fclose(file);
    return has;
}

static void alarm_history_copy(const char *folder, FILE *out, uint64_t unix_now)
{
    FILE *old = alarm_history_open(folder);
    char line[LINE_SIZE];
    struct alarm_history_entry entry;

    if (old == NULL)
        return;
    while (alarm_history_next(old, line, unix_now, &entry))
        fprintf(out, "%llu %.*s\n", (unsigned long long)entry.at, (int)entry.user.len,
                entry.user.at);
    fclose(old);
}

bool alarm_history_add(const char *folder, const char *user, uint64_t unix_now)
{
    char path[PATH_SIZE];
    char new_path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/" ALARM_HISTORY_FILE, folder);
    snprintf(new_path, sizeof new_path, "%s/" ALARM_HISTORY_FILE ".new", folder);
    const int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL)
        return false;
    alarm_history_copy(folder, out, unix_now);
    fprintf(out, "%llu %s\n", (unsigned long long)unix_now, user);
    bool ok = fflush(out) == 0 && !ferror(out);
    ok = fclose(out) == 0 && ok && rename(new_path, path) == 0;
    const int error = errno;
    if (!ok)
        unlink(new_path);
    errno = error;
    return ok;
}
