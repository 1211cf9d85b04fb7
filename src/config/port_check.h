// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_PORT_CHECK_H
#define VERIMAIL_CONFIG_PORT_CHECK_H

#include "config/config.h"
#include "config/problems.h"

/* Warns of an address that this machine does not have, and of a port at which another program
 * listens than `daemon`, which may run already, or systemd, which may hold the port for it. Listens
 * there for a moment. `address`: as endpoint_parse() takes it; port 0 is never taken. `option`
 * names it. */
void port_check(const struct config_text *option, const char *address, const char *daemon,
        struct problems *warnings);

#endif
