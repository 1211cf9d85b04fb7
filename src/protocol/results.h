// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_RESULTS_H
#define VERIMAIL_PROTOCOL_RESULTS_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/text.h"
#include "protocol/verdict.h"

/* The field Authentication-Results (RFC 8601), as far as it concerns us: writing ours, and finding
 * forged ones. */
#define RESULTS_NAME "Authentication-Results"
#define RESULTS_METHOD "verimail"
#define RESULTS_VALUE_MAX 1024 /* octets of a value that we write */

/* What a field says. `reason` may be empty: a word of ours, printed as a quoted string. `author`:
 * NULL for permerror, which has none; only YES prints its local part, all others the domain alone.
 * Nothing else of a message or of the network is ever printed. */
struct results {
    enum verdict verdict; /* not VERDICT_NONE: that writes no field */
    struct text reason;
    const struct address *author;
};

/* Writes what stands behind `Authentication-Results:`, without a space at its start and without a
 * line end, folded with `eol` and a space where a line would pass 78 octets:
 *
 *     mx.example.org; verimail=pass header.from=alice@example.org
 *     mx.example.org; verimail=neutral reason="redirected" header.from=example.org
 *
 * A local part that is no dot-atom becomes a quoted string; one that has %XX is printed in its
 * canonical text. False when it does not fit or the verdict is VERDICT_NONE. */
bool results_format(struct text authserv_id, const struct results *results, const char *eol,
        struct writer *w) __attribute__((warn_unused_result));

/* Whether the value of a field of that name, which came with a message, is to be deleted (facts on
 * forgeries are in SECURITY.md): it claims our id and has a method `verimail`, or it has the word
 * verimail anywhere, in any case, and does not parse, or it has an encoded word in its id or a CR
 * alone. The id is what stands up to `;`, a `/`
 * or a version, without comments and quotes, in any case. A method is compared in any
 * case, without its version (`verimail/1`). White space before the field's colon makes it
 * unparsable: `space_before_colon`. Where parsers could disagree, delete. */
bool results_is_forged(struct text value, bool space_before_colon, struct text authserv_id);

#endif
