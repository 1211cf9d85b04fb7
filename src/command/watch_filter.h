// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_WATCH_FILTER_H
#define VERIMAIL_COMMAND_WATCH_FILTER_H

#include "command/command.h"
#include "events/store.h"
#include "protocol/address.h"
#include "protocol/domain.h"

/* Which events are shown: more of an SQL condition, and its parameters from $3 on. It points into
 * itself and is not copied. */
struct watch_filter {
    char conditions[256];
    struct eventstore_value parameters[4];
    size_t count; /* of parameters, $1 and $2 with them */
    char domain[DOMAIN_MAX + 1];
    char user[ADDRESS_MAX + 2];
};

/* From the options' values, NULL where there is none. False after a complaint. */
bool watch_filter_take(const struct invocation *invocation, const char *verdicts,
        const char *domain, const char *user, struct watch_filter *filter_r);

#endif
