// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_LDAP_ENTRY_H
#define VERIMAIL_USERS_LDAP_ENTRY_H

#include "users/ldap_session.h"
#include "users/row_set.h"

/* What turns entries of a directory into rows: one for the primary address, with the rule, and one
 * for each other, an alias of it. */
struct ldap_entry;

/* All is borrowed. NULL when out of memory. */
struct ldap_entry *ldap_entry_init(struct ldap_session *session, struct row_set *rows);
void ldap_entry_free(struct ldap_entry **entry);

/* The attributes to search for, with a NULL at the end. */
char **ldap_entry_attributes(struct ldap_entry *entry);
/* Gathers an entry's rows. Values that Active Directory keeps back, as there are too many, are
 * fetched. False with a sentence in the session. */
bool ldap_entry_take(struct ldap_entry *entry, LDAPMessage *message)
        __attribute__((warn_unused_result));

#endif
