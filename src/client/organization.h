// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_ORGANIZATION_H
#define VERIMAIL_CLIENT_ORGANIZATION_H

#include "protocol/text.h"

/* The organizational domain of `domain` (A-labels in lower case): what was registered under a
 * public suffix, by the list that libpsl has. It is a tail of `domain`; empty when `domain` is
 * itself a public suffix. */
struct text organization_of(struct text domain);
/* Reads the list, once for the process, so that no file is opened later. */
void organization_load(void);

#endif
