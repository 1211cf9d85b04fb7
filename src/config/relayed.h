// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_RELAYED_H
#define VERIMAIL_CONFIG_RELAYED_H

#include <stdbool.h>

#include "protocol/text.h"

/* Which relayed mail is stamped: the values of the options stamp_relayed and relayed_mark. */

/* A network, or a name as the mail server has it in {daemon_name}. */
bool relayed_accept(const char *value);

#define RELAYED_MARK_NAME_MAX 65 /* octets with a NUL */

/* A header field that only our own programs know: `Field-Name: value`. The value is a secret. */
struct relayed_mark {
    char name[RELAYED_MARK_NAME_MAX];
    struct text value; /* without white space at its ends */
};

/* False when it is none, when its value may be guessed, or when the field has a meaning of its own:
 * for us, for mail servers or for mail programs. The mark borrows from `value`. */
bool relayed_mark_parse(const char *value, struct relayed_mark *mark_r);
bool relayed_mark_accept(const char *value);

#endif
