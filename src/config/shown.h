// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_SHOWN_H
#define VERIMAIL_CONFIG_SHOWN_H

#define SHOWN_MAX 512 /* octets, with a NUL */
#define SHOWN_STARS "***"

/* A value of an option as it may be shown to whoever reads an error: where it should hold no secret
 * but does (a password in an address, a secret key in place of its file), that is SHOWN_STARS.
 * Returns `room_r`; what does not fit is cut. */
const char *shown(const char *value, char room_r[SHOWN_MAX]);

#endif
