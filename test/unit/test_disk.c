// SPDX-License-Identifier: ISC
#include <errno.h>

#include "base/disk.h"
#include "fault.h"
#include "folder.h"
#include "unit.h"

TEST(a_folder_is_synced_or_it_is_said_why_not)
{
    static const struct {
        const char *name;
        const char *fault; /* the call that fails; NULL: none */
        int error;         /* 0: it works */
    } table[] = {
            {"file", NULL, 0},
            {"no/file", NULL, ENOENT},
            {"file", "open", EMFILE},
            {"file", "fsync", EIO},
    };
    struct folder folder = folder_make();
    char path[FOLDER_PATH_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        folder_path(&folder, table[i].name, path);
        if (table[i].fault != NULL)
            fault_once(table[i].fault, 1);
        errno = 0;
        const bool synced = disk_sync_folder(path);
        const int error = errno;
        (void)fault_end();
        if (synced != (table[i].error == 0) || (!synced && error != table[i].error))
            fail_msg("row %zu: %d, error %d", i, synced, error);
    }
    folder_remove(&folder);
}
