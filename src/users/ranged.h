// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_RANGED_H
#define VERIMAIL_USERS_RANGED_H

#include <stdint.h>

#include "protocol/text.h"

enum ranged {
    RANGED_ANOTHER, /* not the attribute that was wanted */
    RANGED_ALL,     /* it has no range: these are all its values */
    RANGED_PART,    /* `;range=0-1499`: more begin behind its last */
    RANGED_LAST,    /* `;range=1500-*` */
    RANGED_WRONG,   /* a range, but not one that can be understood */
};

/* An attribute's description as a server gives it: `proxyAddresses;range=0-1499`. Active Directory
 * gives so many values of one attribute at most, and says it like this ([MS-ADTS], 3.1.1.3.1.3.3).
 * `wanted`: a name, in any case; other options behind it do not matter. The numbers are set when
 * there is a range: of the first value, and for RANGED_PART of the one to ask for next. */
enum ranged ranged_read(
        struct text description, struct text wanted, uint64_t *first_r, uint64_t *next_r);

#endif
