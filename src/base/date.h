// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_DATE_H
#define VERIMAIL_BASE_DATE_H

#include <stdint.h>

#define DATE_TEXT_MAX 40 /* octets with a NUL */

/* `2025-11-23T20:05:00Z`; empty for what no calendar has. */
void date_format(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX]);
/* As a Date field has it (RFC 5322, section 3.3), in this machine's time zone. */
void date_format_date(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX]);

#endif
