// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_DATE_H
#define VERIMAIL_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

#define DATE_TEXT_MAX 40 /* octets with a NUL */

/* `2025-11-23T20:05:00Z`; empty for what no calendar has. */
void date_format(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX]);
/* As a Date field has it (RFC 5322, section 3.3), in this machine's time zone. */
void date_format_date(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX]);

/* Reads a date with its time, as in `2026-11-30T12:00` (RFC 3339; ISO 8601). Seconds, a fraction of
 * them, and the offset (`Z`, `+01:00`, `+0100`, `+01`) may be missing; without an offset it is UTC.
 * A space may stand for the T, as PostgreSQL writes it. Without any hyphens and colons it is the
 * GeneralizedTime of LDAP (RFC 4517, 3.3.13), `20261130120000Z`. A fraction counts as a whole
 * second. False for anything else, and for what lies before 1970 or after 9999. */
bool date_parse(struct text t, uint64_t *unix_seconds_r) __attribute__((warn_unused_result));

#endif
