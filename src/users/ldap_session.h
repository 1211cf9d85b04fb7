// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_LDAP_SESSION_H
#define VERIMAIL_USERS_LDAP_SESSION_H

#include <ldap.h>
#include <stdbool.h>

#include "users/directory.h"

/* A connection to a server of LDAP (RFC 4511): encrypted and its certificate verified where that is
 * configured, bound, and with a limit for every answer. What fails says so in a sentence. */
struct ldap_session {
    LDAP *ld;
    const struct config_directory *directory;
    bool is_active_directory;
    char *error; /* of DIRECTORY_ERROR_MAX octets, the caller's */
};

/* No file or variable of the machine's changes what is done here (LDAPNOINIT, ldap.conf(5)).
 * `password`: NULL: anonymous. The password may be in `error_r`. On false there is nothing to
 * close.
 */
bool ldap_session_open(struct ldap_session *session, const struct config_directory *directory,
        const char *password, char error_r[DIRECTORY_ERROR_MAX])
        __attribute__((warn_unused_result));
void ldap_session_close(struct ldap_session *session);

/* False, with a sentence. `detail`: what is known beside the error; NULL: what the server said. */
bool ldap_session_fail(
        struct ldap_session *session, const char *doing, int error, const char *detail);

/* One attribute of one entry: LDAP_SUCCESS with an entry, or LDAP's error. `found_r` is NULL
 * before, and to be freed with ldap_msgfree() whatever becomes of it. */
int ldap_session_get(struct ldap_session *session, const char *dn, char *attribute,
        LDAPMessage **found_r) __attribute__((warn_unused_result));

/* Begins a search for these attributes. */
bool ldap_session_search(struct ldap_session *session, const char *base, int scope,
        const char *filter, char **attributes, LDAPControl **controls, int *id_r)
        __attribute__((warn_unused_result));
/* The next message of a search; to be freed with ldap_msgfree(). NULL with a sentence. */
LDAPMessage *ldap_session_next(struct ldap_session *session, int id);

#endif
