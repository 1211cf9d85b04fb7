// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_RESULTS_H
#define VERIMAIL_PROTOCOL_RESULTS_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/field.h"
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

/* Whether a field Authentication-Results that came with a message must be deleted (SECURITY.md has
 * facts on forgeries). It must when
 * - it claims our id, and `verimail` stands before a `=` or `/` in it, even in a comment or quotes,
 * - it has the word verimail and does not parse,
 * - it claims our id, or has none that parses, and has `=?` anywhere,
 * - it has `=?` in its id, or a CR without LF, or
 * - it has a line that mail servers cut (DIGEST_LINE_MAX): it becomes another field behind us.
 * The id ends at `;`, or where no name goes on: at a `/`, a version, white space. It is compared in
 * any case, without comments and quotes. So is the word, which may also be divided by comments,
 * quotes, white space, and octets that are not printable. A field with white space before its colon
 * does not parse. Where parsers could disagree, it is deleted. */
bool results_is_forged(const struct field *field, struct text authserv_id);

#endif
