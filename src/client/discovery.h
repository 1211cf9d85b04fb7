// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_DISCOVERY_H
#define VERIMAIL_CLIENT_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "protocol/domain.h"
#include "protocol/policy_record.h"
#include "protocol/text.h"

#define DISCOVERY_ADDRESSES_MAX 4  /* in total, design section 6 */
#define DISCOVERY_ERROR_MAX 160    /* octets with a NUL */
#define DISCOVERY_SOCKETS_MAX 8192 /* at once, where a process may have enough descriptors */

/* Finds the service of a domain: SRV records (RFC 2782), their addresses, and the policy record.
 * One object for a process, made after any fork; all its threads may use it at once. It has a
 * thread of its own, which waits for the resolver (libunbound). */
struct discovery;

/* libunbound hung, and another context took its place, `in_a_row` times within minutes. What hangs
 * stays in memory. No call of this header may be made here. */
typedef void discovery_on_replaced(unsigned in_a_row);

struct discovery_options {
    const char *resolver;             /* `ADDRESS@PORT` or `ADDRESS`; NULL: /etc/resolv.conf's */
    const char *const *trust_anchors; /* DS or DNSKEY records as text; none of them: nothing is
                                       * secure. NULL: Debian's dns-root-data, if it is there */
    size_t trust_anchors_count;
    discovery_on_replaced *on_replaced; /* NULL: it does not matter */
    const char *kept_path; /* of the file where services are kept, for this process alone; NULL:
                            * they are kept in memory */
};

/* Reads all files that it will ever need: afterwards the process may enter its sandbox. Threads are
 * made by the first discovery_find(), or by discovery_start(). NULL with a sentence in `error_r`:
 * an option was wrong, or out of memory. */
struct discovery *discovery_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX]);
/* Makes the threads now. False with errno. */
bool discovery_start(struct discovery *discovery) __attribute__((warn_unused_result));
/* No thread may be in discovery_find(). */
void discovery_free(struct discovery **discovery);

enum discovery_result {
    DISCOVERY_FOUND,
    DISCOVERY_NONE,  /* the domain says that it does not use Verimail: NXDOMAIN, NODATA, target `.`
                      */
    DISCOVERY_ERROR, /* SERVFAIL, no answer in time, bogus, or an answer that makes no sense */
    DISCOVERY_SHORTAGE, /* our own room ran out: no place for a look-up, or out of memory */
};

/* An address of a service. */
struct discovery_server {
    struct endpoint endpoint;
    char target[DOMAIN_MAX + 1]; /* the SRV record's; empty: a peer has none */
};

/* What was found out about a domain. */
struct discovery_answer {
    enum discovery_result result;
    bool secure;                 /* DNSSEC vouches for every step that led here */
    bool is_kept;                /* a look-up failed, and this was found earlier */
    char domain[DOMAIN_MAX + 1]; /* whose peer it was, or whose SRV record was looked up last: the
                                  * author's or the organizational one */
    struct discovery_server servers[DISCOVERY_ADDRESSES_MAX]; /* in the order to try, RFC 8305 */
    size_t count;                                             /* 1 to 4 when DISCOVERY_FOUND */
    /* The policy record at the same name. It is looked up where there are SRV records, and may be
     * known although their addresses are not. */
    enum policy_record_result policy_result;
    struct policy_record policy;
    bool policy_secure;              /* DNSSEC vouches for it, and for the SRV record */
    char cause[DISCOVERY_ERROR_MAX]; /* the end of a sentence when DISCOVERY_ERROR or
                                      * DISCOVERY_SHORTAGE; none of it is from the network */
};

/* Looks up `_verimail._tcp.` at exactly `domain` (A-labels), then at its organizational domain, the
 * addresses of one target after another, and the policy record meanwhile. `network`: of the SMTP
 * client, in whose name the look-ups hold places (network_of_client()); empty: unknown. `deadline`:
 * mono_ms(). */
void discovery_find(struct discovery *discovery, struct text domain, struct text network,
        uint64_t deadline, struct discovery_answer *answer_r);
/* The same at this domain alone. */
void discovery_find_exactly(struct discovery *discovery, struct text domain, struct text network,
        uint64_t deadline, struct discovery_answer *answer_r);

/* The service that was found gave a valid answer: what was found is used for up to 7 days when a
 * look-up fails, unless the DNS has said meanwhile that there is no service. */
void discovery_keep(struct discovery *discovery, const struct discovery_answer *answer);

/* Begins to look up the SRV records that discovery_find() will ask for, without waiting. `network`:
 * as above. */
void discovery_begin(struct discovery *discovery, struct text domain, struct text network);
/* Whether it is known already, without looking it up, that the domain has no service. `answer_r` is
 * then what discovery_find() would say. */
bool discovery_is_none(
        struct discovery *discovery, struct text domain, struct discovery_answer *answer_r);

#define DISCOVERY_LOOKS_MAX 4

/* Looks whether up to DISCOVERY_LOOKS_MAX domains have a service, all at the same time. A service
 * is found even if its address is not. `network`, `deadline`: as above. */
void discovery_look_for(struct discovery *discovery, const struct text *domains, size_t count,
        struct text network, uint64_t deadline, enum discovery_result *results_r);

#endif
