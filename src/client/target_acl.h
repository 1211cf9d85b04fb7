// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_TARGET_ACL_H
#define VERIMAIL_CLIENT_TARGET_ACL_H

#include "base/endpoint.h"
#include "base/network.h"

#define TARGET_ACL_PORT_MIN 1024 /* and port 26 */

/* Where a verifier may connect to (design, section 6). A stranger's DNS names the address. So only
 * global unicast addresses are allowed, and no port on which other protocols listen. */
struct target_acl {
    const struct network *networks; /* these as well, whatever they are */
    size_t networks_count;
    const uint16_t *ports; /* these as well */
    size_t ports_count;
};

enum target_acl_result {
    TARGET_ACL_OK,
    TARGET_ACL_NETWORK, /* not a global unicast address, nor within one by v4-mapped, NAT64, 6to4,
                         * Teredo
                         */
    TARGET_ACL_OWN,     /* an address of this machine, where only port 26 is meant for strangers */
    TARGET_ACL_PORT,
    TARGET_ACL_SHORTAGE, /* no socket or memory to find out */
};

/* Call it right before the connection: it checks the address, and no name is looked up again. */
enum target_acl_result target_acl_check(const struct target_acl *acl,
        const struct endpoint *endpoint) __attribute__((warn_unused_result));

#define TARGET_ACL_MACHINE_MAX 8

/* What counts as one machine: an IPv4 address, however it is written, or the /64 of an IPv6
 * address, all of which may be one machine's. Returns the length. */
size_t target_acl_machine(
        const struct endpoint *endpoint, unsigned char octets_r[TARGET_ACL_MACHINE_MAX]);

/* "its address is not one of the public Internet, and not in allow_networks"; static. */
const char *target_acl_result_text(enum target_acl_result result);

#endif
