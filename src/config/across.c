// SPDX-License-Identifier: ISC
#include "config/across.h"

#include <stdio.h>

#include "base/date.h"

#define HOST_NOTICE (UINT64_C(30) * 86400) /* seconds */

bool across_host_is_ending(const struct config_host *host, uint64_t unix_now)
{
    return host->expires > 0 && host->expires <= unix_now + HOST_NOTICE;
}

static void across_warn_of_end(
        const struct config_host *host, uint64_t unix_now, struct problems *warnings)
{
    char date[DATE_TEXT_MAX];
    char what[128];

    if (!across_host_is_ending(host, unix_now))
        return;
    date_format(host->expires, date);
    snprintf(what, sizeof what, "warning: the stamps of a host %s permitted %s %s",
            host->expires > unix_now ? "are" : "are no more",
            host->expires > unix_now ? "until" : "since", date);
    problems_add(warnings, host->line, what, host->name.at,
            "a later `expires`, or the host's section removed");
}

void across_warn_service(const struct config *config, uint64_t unix_now, struct problems *warnings)
{
    for (size_t i = 0; i < config->hosts_count; i++)
        across_warn_of_end(&config->hosts[i], unix_now, warnings);
}
