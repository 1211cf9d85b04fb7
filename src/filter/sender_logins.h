// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_SENDER_LOGINS_H
#define VERIMAIL_FILTER_SENDER_LOGINS_H

#include <stdbool.h>

#include "config/problems.h"
#include "protocol/address.h"

/* Which author an authenticated client may have (design, section 7: `logins`). */
struct sender_logins;

/* `same` or `any`; or a table, one login a line and the addresses that it may use:
 *
 *     # comment
 *     alice        alice@example.org office@example.org
 *     newsletter   *@lists.example.org
 *
 * Addresses are as a person types them (UTF-8 too); a login is a word without white space, compared
 * in any case of ASCII letters; one on several lines may use the addresses of all. `path`: for
 * messages, `PATH:LINE: ...`. NULL when there is a problem. */
struct sender_logins *sender_logins_same(void); /* NULL when out of memory */
struct sender_logins *sender_logins_any(void);
struct sender_logins *sender_logins_table(
        const char *text, size_t len, const char *path, struct problems *problems);
void sender_logins_free(struct sender_logins **logins);

/* `login`: as the client authenticated. For `same` it is the author's address, or its local part
 * (the author is known to be at one of our domains); +detail in the author's does not matter: login
 * `alice` or `alice@example.org` may be alice+news@example.org. A login `alice+x` may only be that.
 * In the table an address without +detail admits any detail. */
bool sender_logins_permit(
        const struct sender_logins *logins, const char *login, const struct address *author);

#endif
