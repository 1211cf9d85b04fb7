// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FOLDER_H
#define VERIMAIL_TEST_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FOLDER_PATH_MAX 512 /* octets */

/* A new folder for a test's files. What cannot be done ends the test program with a sentence. */
struct folder {
    char path[FOLDER_PATH_MAX / 2];
};

struct folder folder_make(void);
/* Removes it and what is in it. */
void folder_remove(const struct folder *folder);
/* The path of the file `name` in it. */
void folder_path(const struct folder *folder, const char *name, char path_r[FOLDER_PATH_MAX]);
/* Writes a file anew, with exactly this mode. */
void folder_write(const struct folder *folder, const char *name, const char *content, size_t len,
        mode_t mode);
/* Reads a file whole, NUL-terminated; false when it is not there. */
bool folder_read(const struct folder *folder, const char *name, char *buffer_r, size_t size);

/* How many files are in it. */
size_t folder_count(const struct folder *folder);

#endif
