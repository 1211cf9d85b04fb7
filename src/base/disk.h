// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_DISK_H
#define VERIMAIL_BASE_DISK_H

#include <stdbool.h>

/* Writes the folder of the file `path` to the disk, so that a new or renamed file in it survives a
 * power failure. Call it after the file itself is on the disk. A file system that cannot do it for
 * a folder is not an error. False with errno. */
bool disk_sync_folder(const char *path) __attribute__((warn_unused_result));

/* Whether the disk of the file `path` has no room. The file need not be there. */
bool disk_is_full(const char *path);

#endif
