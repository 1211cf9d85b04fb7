// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_RESOLVER_CONTEXT_H
#define VERIMAIL_CLIENT_RESOLVER_CONTEXT_H

#include <stddef.h>
#include <unbound.h>

#include "client/discovery.h"

/* What contexts of libunbound are made of. It is read once: a context that is made later, in the
 * sandbox, opens no file. */
struct resolver_source;

/* Reads /etc/resolv.conf and Debian's trust anchors, unless the options name others. NULL with a
 * sentence in `error_r`. */
struct resolver_source *resolver_source_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX]);
void resolver_source_free(struct resolver_source **source);

/* A context with all its settings, for `queries` look-ups at once. NULL with a sentence in
 * `error_r`: an option was wrong, or out of memory. */
struct ub_ctx *resolver_context_make(
        const struct resolver_source *source, size_t queries, char error_r[DISCOVERY_ERROR_MAX]);

#endif
