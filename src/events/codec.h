// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_CODEC_H
#define VERIMAIL_EVENTS_CODEC_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "protocol/text.h"

/* The octets of an event on its way to the recorder: numbers of 1 to 8 octets, least significant
 * first, and texts behind their length, 2 octets. */

static inline void codec_put_number(struct writer *w, uint64_t number, size_t octets)
{
    const uint64_t little_endian = htole64(number);
    char *buffer = writer_reserve(w, octets);

    /* Inline, so that the copy is one instruction: a question has two dozen of them. */
    if (buffer != NULL)
        memcpy(buffer, &little_endian, octets);
}
/* A text that is longer is cut at its end. */
void codec_put_text(struct writer *w, struct text t, size_t max);
/* The same for a text that strangers wrote: an octet that is not printable ASCII becomes %XX. */
void codec_put_foreign(struct writer *w, struct text t, size_t max);
/* The same without a length. It ends before what does not fit. */
void codec_escape(struct text t, struct writer *w);
/* A list with commas, which is cut between two of its members. */
void codec_put_list(struct writer *w, struct text list, size_t max);

/* Reads them back. It trusts nothing, because strangers can reach the process that wrote them.
 * After the first failure each call returns 0 or an empty text. Check codec_is_done() once, at the
 * end. */
struct codec_reader {
    struct text rest;
    bool failed;
};

uint64_t codec_get_number(struct codec_reader *r, size_t octets);
/* A number that fails if it is larger than `most`. */
uint64_t codec_get_up_to(struct codec_reader *r, size_t octets, uint64_t most);
/* Borrowed. Fails if it is longer than `max`, or is not printable ASCII. */
struct text codec_get_text(struct codec_reader *r, size_t max);
/* Whether nothing failed, and nothing is left. */
bool codec_is_done(const struct codec_reader *r) __attribute__((warn_unused_result));

/* Whether the text is printable ASCII only. */
bool codec_is_plain(struct text t);

#endif
