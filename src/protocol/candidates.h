// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_CANDIDATES_H
#define VERIMAIL_PROTOCOL_CANDIDATES_H

#include <stdbool.h>

#include "protocol/domain.h"
#include "protocol/encoded_word.h"
#include "protocol/text.h"

#define CANDIDATES_MAX 8          /* that are looked up */
#define CANDIDATES_FROM_MAX 16384 /* octets of all From fields that are read */

#define CANDIDATES_MAPPED_MAX 200 /* mapping is slow; a run of a name is read up to 16 times */

/* The domains that some reader or mail server could take for the author's, where the author is not
 * certain (design, section 6). All zero: none yet. */
struct candidates {
    char domains[CANDIDATES_MAX][DOMAIN_MAX + 1]; /* in ASCII and lower case; `_` is possible */
    size_t count;
    bool more;          /* there are more than that */
    bool is_unreadable; /* any domain could be meant */
    bool lacks_domain;  /* a mailbox has none, which mail servers add */
    bool is_out_of_memory;
    size_t octets; /* of the From fields so far */
    size_t mapped; /* runs beyond ASCII so far, each time that one is read */
};

/* Adds what could be meant by the value of a From field, as it came and with its encoded words
 * decoded. Comments, white space, quotes and backslashes are taken out or divide: readers do
 * either. The rest is mapped by UTS 46. Each run of letters, digits, `-`, `_` and `.` counts that
 * has a dot inside and a letter in its last label.
 *
 * It is unreadable with a control octet other than white space, which some readers drop; with two
 * `<` or two
 * `(` of which one has no counterpart; with an encoded word that `decode` refuses; with a run
 * beyond ASCII that cannot be mapped; with more of those than CANDIDATES_MAPPED_MAX; or with more
 * octets than CANDIDATES_FROM_MAX. */
void candidates_add_from(
        struct candidates *candidates, struct text value, encoded_word_charset *decode);

/* Adds what could be meant by the envelope sender: a path, or an address. */
void candidates_add_sender(struct candidates *candidates, struct text sender);

/* Adds a domain in ASCII and lower case. */
void candidates_add_domain(struct candidates *candidates, struct text domain);

#endif
