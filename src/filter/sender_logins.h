// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_SENDER_LOGINS_H
#define VERIMAIL_FILTER_SENDER_LOGINS_H

#include <stdbool.h>

#include "config/problems.h"
#include "protocol/address.h"

/* Which authors a client that logged in may have: the option `logins` (design, section 7). */
struct sender_logins;

/* `same`, `any`, or a table. Each line of a table has a login and the addresses that it may use:
 *
 *     # comment
 *     alice        alice@example.org office@example.org
 *     newsletter   *@lists.example.org
 *
 * An address may have UTF-8. A login is a word without white space, in any case of ASCII letters. A
 * login on several lines may use the addresses of all of them. `path`: of the table, for
 * `problems`. NULL when there is a problem. */
struct sender_logins *sender_logins_same(void); /* NULL when out of memory */
struct sender_logins *sender_logins_any(void);
struct sender_logins *sender_logins_table(
        const char *text, size_t len, const char *path, struct problems *problems);
void sender_logins_free(struct sender_logins **logins);

/* Whether a client with this login may have this author, who is at one of our domains.
 *
 * `same`: the login is the author's address or its local part. The author may have a +detail that
 * the login lacks: `alice` and `alice@example.org` may use alice+news@example.org. The login
 * `alice+x` may use alice+x only. The table: an address without +detail admits any detail. */
bool sender_logins_permit(
        const struct sender_logins *logins, const char *login, const struct address *author);

#endif
