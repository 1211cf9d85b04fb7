// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_LDAP_SESSION_H
#define VERIMAIL_USERS_LDAP_SESSION_H

#include <ldap.h>
#include <stdbool.h>

#include "users/directory.h"

/* A connection to an LDAP server (RFC 4511). It is bound, and every answer has a time limit. If so
 * configured, it is encrypted, and the certificate is verified. A function that fails leaves a
 * sentence in `error`. */
struct ldap_session {
    LDAP *ld;
    const struct config_directory *directory;
    bool is_active_directory;
    char *error; /* DIRECTORY_ERROR_MAX octets of the caller's */
};

/* Connects and binds. The machine's LDAP files and environment variables are ignored (LDAPNOINIT,
 * ldap.conf(5)). `password`: NULL: anonymous. `error` may contain the password. On false there is
 * nothing to close. */
bool ldap_session_open(struct ldap_session *session, const struct config_directory *directory,
        const char *password, char error_r[DIRECTORY_ERROR_MAX])
        __attribute__((warn_unused_result));
void ldap_session_close(struct ldap_session *session);

/* Writes a sentence to `error` and returns false. `detail`: what is known beside the error; NULL:
 * the server's text is used. */
bool ldap_session_fail(
        struct ldap_session *session, const char *doing, int error, const char *detail);

/* Reads one attribute of one entry. Returns LDAP_SUCCESS if there is an entry, or LDAP's error. Set
 * `*found_r` to NULL before the call. Free it with ldap_msgfree() in any case. */
int ldap_session_get(struct ldap_session *session, const char *dn, char *attribute,
        LDAPMessage **found_r) __attribute__((warn_unused_result));

/* Begins a search for these attributes. */
bool ldap_session_search(struct ldap_session *session, const char *base, int scope,
        const char *filter, char **attributes, LDAPControl **controls, int *id_r)
        __attribute__((warn_unused_result));
/* The next message of a search; free it with ldap_msgfree(). NULL with a sentence in `error`. */
LDAPMessage *ldap_session_next(struct ldap_session *session, int id);

#endif
