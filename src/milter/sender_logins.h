// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SENDER_LOGINS_H
#define VERIMAIL_MILTER_SENDER_LOGINS_H

#include <stdbool.h>

#include "config/problems.h"
#include "protocol/address.h"

/* Which author an authenticated client may have (design, section 7: `logins`). */
struct logins;

/* `same` or `any`; or a table, one login a line and the addresses that it may use:
 *
 *     # comment
 *     alice        alice@example.org office@example.org
 *     newsletter   *@lists.example.org
 *
 * Addresses are as a person types them (UTF-8 too); a login is a word without white space, compared
 * in any case of ASCII letters; one on several lines may use the addresses of all. `path`: for
 * messages, `PATH:LINE: ...`. NULL when there is a problem. */
struct logins *logins_same(void); /* NULL when memory is short */
struct logins *logins_any(void);
struct logins *logins_table(
        const char *text, size_t len, const char *path, struct problems *problems);
void logins_free(struct logins **logins);

/* `login`: as the client authenticated. For `same` it is the author's address, or its local part
 * (the author is known to be at one of our domains); +detail in the author's does not matter: login
 * `alice` or `alice@example.org` may be alice+news@example.org. A login `alice+x` may only be that.
 * In the table an address without +detail admits any detail. */
bool logins_permit(const struct logins *logins, const char *login, const struct address *author);

#endif
