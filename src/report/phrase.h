// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_PHRASE_H
#define VERIMAIL_REPORT_PHRASE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define PHRASE_MAX 256 /* octets with a NUL */

/* The texts of a report, in ASCII: one octet is one column. */

/* Formats text from anywhere. Octets that are not printable ASCII become \xNN. Text longer than
 * `columns` (less than PHRASE_MAX) loses its end: `alice.and.bob@exam..`. */
void phrase_fit(struct text t, size_t columns, char buffer_r[PHRASE_MAX]);
/* The text of a JSON string; empty for other types. */
struct text phrase_text(const json_t *string);

/* `1,234,567` */
void phrase_count(uint64_t count, char buffer_r[PHRASE_MAX]);
/* `12.3%` of the whole. Only 0 is shown as nothing, and only the whole as 100 %. */
void phrase_share(uint64_t part, uint64_t whole, char buffer_r[PHRASE_MAX]);

/* A step of the series that begins at `date` (`2026-11-24T00:00:00Z`): `Tue 24 Nov`, or
 * `24 Nov 13:00` when it is less than a day. */
void phrase_step(struct text date, uint64_t step_seconds, char buffer_r[PHRASE_MAX]);
/* `24 Nov 2026`, and `13:05` if it is not midnight. */
void phrase_date(struct text date, char buffer_r[PHRASE_MAX]);

/* `24 Nov 13:05` */
void phrase_minute(struct text date, char buffer_r[PHRASE_MAX]);

#endif
