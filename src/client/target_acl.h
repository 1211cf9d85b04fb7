// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_TARGET_ACL_H
#define VERIMAIL_CLIENT_TARGET_ACL_H

#include "base/endpoint.h"
#include "base/network.h"

#define REACH_PORT_MIN 1024 /* and port 26 */

/* Where a verifier may connect to (design, section 6). A stranger's DNS names the place, so it is
 * nowhere near us: global unicast addresses, and no port on which other protocols listen. */
struct reach {
    const struct network *networks; /* these as well, whatever they are */
    size_t networks_count;
    const uint16_t *ports; /* these as well */
    size_t ports_count;
};

enum reach_result {
    REACH_OK,
    REACH_NETWORK, /* not a global unicast address, nor within one by v4-mapped, NAT64, 6to4, Teredo
                    */
    REACH_OWN,     /* an address of this machine, where only port 26 is meant for strangers */
    REACH_PORT,
};

/* The address itself is looked at, right before the connection to it: no name is looked up again.
 */
enum reach_result reach_check(const struct reach *reach, const struct endpoint *endpoint)
        __attribute__((warn_unused_result));

#define REACH_MACHINE_MAX 8

/* What is one machine to those who count questions to it: an IPv4 address, whichever way it is
 * written, or the /64 that an IPv6 address is in, all of which may be one machine's. The length. */
size_t reach_machine(const struct endpoint *endpoint, unsigned char octets_r[REACH_MACHINE_MAX]);

/* "its address is not one of the public Internet"; static. */
const char *reach_result_text(enum reach_result result);

#endif
