// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_LDAP_ENTRY_H
#define VERIMAIL_USERS_LDAP_ENTRY_H

#include "users/row_set.h"
#include "users/ldap_session.h"

/* What turns entries of a directory into rows: one for the primary address, with the rule, and one
 * for each other, an alias of it. */
struct ldapentry;

/* All is borrowed. NULL when memory is short. */
struct ldapentry *ldapentry_init(struct ldapsession *session, struct gathered *gathered);
void ldapentry_free(struct ldapentry **entry);

/* The attributes to search for, with a NULL at the end. */
char **ldapentry_attributes(struct ldapentry *entry);
/* Gathers an entry's rows. Values that Active Directory keeps back, as there are too many, are
 * fetched. False with a sentence in the session. */
bool ldapentry_take(struct ldapentry *entry, LDAPMessage *message)
        __attribute__((warn_unused_result));

#endif
