// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_LDAP_LIMIT_H
#define VERIMAIL_USERS_LDAP_LIMIT_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

/* libldap waits with a limit for the first octet of a message, and without one for the others and
 * for those of a TLS handshake. Here is the limit: SIGALRM, by whose handler the connection is shut
 * down, which libldap takes for its end. One connection of the process at a time has it. */

/* Before the first operation of `ld`. False when out of memory. */
bool ldap_limit_install(LDAP *ld) __attribute__((warn_unused_result));
/* Before `ld` is given up. */
void ldap_limit_remove(void);

/* From now on so many seconds, for as long as what follows takes; again: anew. */
void ldap_limit_begin(uint64_t seconds);
void ldap_limit_end(void);
/* Whether a connection was shut down since ldap_limit_install(). */
bool ldap_limit_was_reached(void);
/* Whether there was a connection at all, before anything was said over it. */
bool ldap_limit_was_connected(void);

#endif
