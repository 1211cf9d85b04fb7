// SPDX-License-Identifier: ISC
#include "recorder/alarm_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/disk.h"
#include "protocol/address.h"
#include "protocol/text.h"

#define LINE_SIZE (ADDRESS_MAX + 32)
#define PATH_SIZE 4096

struct alarm_history_entry {
    uint64_t until;
    struct text subject; /* points into the line that it was read from */
};

static FILE *alarm_history_open(const char *folder)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/" ALARM_HISTORY_FILE, folder);
    return fopen(path, "re");
}

/* Reads the next alarm whose time is not over. Lines that are not valid are skipped. So are times
 * that are too far ahead: the clock was wrong. */
static bool alarm_history_next(
        FILE *file, char line_r[LINE_SIZE], uint64_t unix_now, struct alarm_history_entry *entry_r)
{
    while (fgets(line_r, LINE_SIZE, file) != NULL) {
        struct reader r = reader_of(text_trim(text_of(line_r)));
        const struct text until = reader_until(&r, ' ');
        entry_r->subject = reader_rest(&r);
        if (!r.failed && text_decimal(until, UINT64_MAX, &entry_r->until) &&
                entry_r->until > unix_now && entry_r->until - unix_now <= ALARM_HISTORY_KEEP_TEXTS)
            return true;
    }
    return false;
}

bool alarm_history_has(const char *folder, const char *subject, uint64_t unix_now)
{
    FILE *file = alarm_history_open(folder);
    char line[LINE_SIZE];
    struct alarm_history_entry entry;
    bool has = false;

    if (file == NULL)
        return false;
    while (!has && alarm_history_next(file, line, unix_now, &entry))
        has = text_equal(entry.subject, text_of(subject));
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
        fprintf(out, "%llu %.*s\n", (unsigned long long)entry.until, (int)entry.subject.len,
                entry.subject.at);
    fclose(old);
}

bool alarm_history_add(const char *folder, const char *subject, uint64_t keep, uint64_t unix_now)
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
    fprintf(out, "%llu %s\n", (unsigned long long)unix_now + keep, subject);
    bool ok = fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
    ok = fclose(out) == 0 && ok && rename(new_path, path) == 0 && disk_sync_folder(path);
    const int error = errno;
    if (!ok)
        unlink(new_path);
    errno = error;
    return ok;
}
