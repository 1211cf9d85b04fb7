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

    /* Who is not root does not see that it is the daemon itself. The kernel cuts names. */
    if ((!is_known && geteuid() != 0) || strncmp(holder.name, daemon, 15) == 0 ||
            strcmp(holder.name, "systemd") == 0)
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
