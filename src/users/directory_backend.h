// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_DIRECTORY_BACKEND_H
#define VERIMAIL_USERS_DIRECTORY_BACKEND_H

#include "users/directory.h"
#include "users/row_set.h"

/* Where a table's rows come from. */
struct directory_backend {
    const char *scheme; /* what sources begin with */
    /* Gathers all rows. `password`: NULL: none. True only when the directory said all it had and
     * that this was all; else a sentence is in `error_r`, without the password. */
    bool (*read)(const struct config_directory *directory, const char *password,
            struct row_set *rows, char error_r[DIRECTORY_ERROR_MAX]);
};
extern const struct directory_backend directory_postgresql; /* postgresql:// */
extern const struct directory_backend directory_ldap;       /* ldap://, ldaps://, ldapi:// */

#endif
