// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_DIRECTORY_BACKEND_H
#define VERIMAIL_USERS_DIRECTORY_BACKEND_H

#include "users/directory.h"
#include "users/row_set.h"

/* A source of a table's rows. */
struct directory_backend {
    const char *scheme; /* the prefix of its sources */
    /* Reads all rows into `rows`. `password`: NULL: none. True only if the directory sent
     * everything and confirmed that it was complete. On false `error_r` has a sentence, without the
     * password. */
    bool (*read)(const struct config_directory *directory, const char *password,
            struct row_set *rows, char error_r[DIRECTORY_ERROR_MAX]);
};
extern const struct directory_backend directory_postgresql; /* postgresql:// */
extern const struct directory_backend directory_ldap;       /* ldap://, ldaps://, ldapi:// */

#endif
