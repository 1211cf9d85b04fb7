// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_POLICY_RECORD_H
#define VERIMAIL_PROTOCOL_POLICY_RECORD_H

#include <stdbool.h>

#include "protocol/key.h"
#include "protocol/text.h"

#define POLICY_RECORD_MAX 1024 /* octets of a record, its strings joined */

/* Design, section 6: the TXT record beside a service's SRV records.
 *
 *     record = "v=verimail1" *( 1*SP word )
 *     word   = "key=answer-public:..." / "outage=defer"
 *
 * Words with other names are ignored. */
struct policy_record {
    bool has_key;
    unsigned char key[KEY_OCTETS]; /* the public half of the service's answer key */
    bool defer;                    /* without a valid answer mail of the domain is to wait */
};

enum policy_record_result {
    POLICY_RECORD_NONE, /* no record begins with `v=verimail1` */
    POLICY_RECORD_OK,
    POLICY_RECORD_SEVERAL, /* more than one does */
    POLICY_RECORD_LONG,
    POLICY_RECORD_OCTETS, /* it has an octet that is not printable ASCII */
    POLICY_RECORD_TWICE,  /* a word that is known stands in it twice */
    POLICY_RECORD_KEY,
    POLICY_RECORD_OUTAGE,
};

/* All TXT records at one name. Begin with it all zero, and add them in any order. */
struct policy_record_set {
    enum policy_record_result result;
    struct policy_record record; /* all zero, unless POLICY_RECORD_OK */
};

/* `rdata`: of one TXT record, raw wire: strings, each after an octet with its length. */
void policy_record_add(struct policy_record_set *set, struct text rdata);
/* Why the set counts as if it had no record: "has a key that cannot be read" ... */
const char *policy_record_result_text(enum policy_record_result result);

/* Writes the record as one string, which is at most 255 octets. */
void policy_record_format(const struct policy_record *record, struct writer *w);

#endif
