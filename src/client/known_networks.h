// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_KNOWN_NETWORKS_H
#define VERIMAIL_CLIENT_KNOWN_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define KNOWN_NETWORKS_AGE 2592000000 /* milliseconds for which one is known: 30 days */

/* The client networks that genuine mail of a domain came from lately (design, section 6). Of each
 * domain, and in all, so many are known; the one that was not added again for the longest time goes
 * first. Not for two threads at once. */
struct known_networks;

/* NULL when out of memory. */
struct known_networks *known_networks_init(size_t in_all, size_t per_domain);
void known_networks_free(struct known_networks **known);
/* `now`: milliseconds of a clock that does not go back. When out of memory nothing is added. */
void known_networks_add(
        struct known_networks *known, struct text domain, struct text network, uint64_t now);
bool known_networks_has(
        const struct known_networks *known, struct text domain, struct text network, uint64_t now);

#endif
