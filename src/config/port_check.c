// SPDX-License-Identifier: ISC
#include "config/port_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/listener.h"
#include "base/port_holder.h"

static void port_check_holder(const struct config_text *option, unsigned port, const char *daemon,
        struct problems *warnings)
{
    struct port_holder holder;
    char what[128] = "warning: a port that is taken";
    const bool is_known = port_holder_find(port, &holder);

    if (!is_known && geteuid() != 0) {
        if (!port_holder_runs(daemon))
            problems_add(warnings, option->line,
                    "warning: a port that is taken, by what only root may see", option->at,
                    "the daemon itself, or systemd for it: look again as root");
        return;
    }
    if (port_holder_is_named(holder.name, daemon) || port_holder_is_named(holder.name, "systemd"))
        return;
    if (is_known)
        snprintf(what, sizeof what, "warning: a port that is taken by %s, pid %d", holder.name,
                (int)holder.pid);
    problems_add(warnings, option->line, what, option->at,
            "another address or port, or that program stopped");
}

void port_check(const struct config_text *option, const char *address, const char *daemon,
        struct problems *warnings)
{
    struct endpoint endpoint;
    struct endpoint bound;

    if (!endpoint_parse(address, &endpoint) || endpoint_port(&endpoint) == 0)
        return;
    const int fd = listener_open(&endpoint, true, &bound);
    if (fd >= 0)
        close(fd);
    else if (errno == EADDRINUSE)
        port_check_holder(option, endpoint_port(&endpoint), daemon, warnings);
    else if (errno == EADDRNOTAVAIL)
        problems_add(warnings, option->line, "warning: an address that this machine does not have",
                option->at, "one of its own");
}
