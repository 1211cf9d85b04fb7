// SPDX-License-Identifier: ISC
#include <sodium.h>

#include "library/verimail.h"

static const char *const texts[] = {
        [VERIMAIL_OK] = "all is well",
        [VERIMAIL_INIT] = "libsodium cannot be used: there is no source of random numbers",
        [VERIMAIL_MEMORY] = "out of memory",
        [VERIMAIL_ROOM] = "the text does not fit into the buffer that was given for it",
        [VERIMAIL_ORDER] = "a function of a digest was called too early or too late",
        [VERIMAIL_HOST] = "the host's name is not a domain name",
        [VERIMAIL_HOST_KEY] = "the host's secret key is not a key",
        [VERIMAIL_HOST_KEY_KIND] = "the host's secret key is a key of another kind",
        [VERIMAIL_HOST_KEY_CHECK] = "the host's secret key is mistyped: its check does not fit",
        [VERIMAIL_HOST_KEY_SEVERAL] = "the host's secret key is more than one key",
        [VERIMAIL_SERVICE_KEY] = "the service's public key is not a key",
        [VERIMAIL_SERVICE_KEY_KIND] = "the service's public key is a key of another kind",
        [VERIMAIL_SERVICE_KEY_CHECK] =
                "the service's public key is mistyped: its check does not fit",
        [VERIMAIL_SERVICE_KEY_SEVERAL] = "the service's public key is more than one key",
        [VERIMAIL_SERVICE_KEY_WEAK] =
                "the service's public key is weak: no secret can be shared with it",
        [VERIMAIL_USER] = "the user is not the canonical text of an address",
        [VERIMAIL_RECEIVING] =
                "there are no recipients or too many, or their domain is not a domain",
        [VERIMAIL_ISSUED] = "the time of issue is not a time in Unix seconds",
        [VERIMAIL_LINE_END] = "the line end is neither CRLF nor LF",
        [VERIMAIL_STAMP_LENGTH] = "the stamp would be longer than 900 octets",
        [VERIMAIL_STAMP] = "the field is not a stamp",
        [VERIMAIL_PAYLOAD] = "the payload is not one that a stamp can have",
        [VERIMAIL_RCPT] = "a receiving domain is not a domain",
        [VERIMAIL_OWN] = "a domain that is served here is not a domain",
        [VERIMAIL_DIGEST] = "the digest is not the text of a digest",
        [VERIMAIL_IP] = "the IP address is neither an IPv4 nor an IPv6 address",
        [VERIMAIL_ANSWER] = "the service's answer is not an answer",
        [VERIMAIL_MESSAGE_HEADER] = "the message's header section is too large",
        [VERIMAIL_MESSAGE_FIELD] = "the message's header section has a line that is not a field",
        [VERIMAIL_MESSAGE_LINE] = "the message has a header line over 990 octets",
        [VERIMAIL_MESSAGE_CR] = "the message's header section has a CR that ends no line",
        [VERIMAIL_MESSAGE_SPACE] = "the message has white space before the colon of a field",
        [VERIMAIL_ADDRESS_EMPTY] = "there is no mailbox",
        [VERIMAIL_ADDRESS_SEVERAL] = "there is more than one mailbox",
        [VERIMAIL_ADDRESS_GROUP] = "there is a group instead of a mailbox",
        [VERIMAIL_ADDRESS_ROUTE] = "there is a route before the address",
        [VERIMAIL_ADDRESS_COMMENT] =
                "there is a comment inside the address, or one that never ends",
        [VERIMAIL_ADDRESS_MISLEADING] =
                "a comment, a folded name or an encoded word shows some readers another author",
        [VERIMAIL_ADDRESS_PHRASE] =
                "there is a special character outside quotes in the display name",
        [VERIMAIL_ADDRESS_TRAILING] = "there is something behind the address",
        [VERIMAIL_ADDRESS_ENCODED] = "there is an encoded word where the address stands",
        [VERIMAIL_ADDRESS_LITERAL] = "the address has a domain literal",
        [VERIMAIL_ADDRESS_LOCAL] = "the address has no valid local part",
        [VERIMAIL_ADDRESS_DOMAIN] = "the address has no valid domain",
        [VERIMAIL_ADDRESS_OCTET] = "there is an octet that is not allowed, or not UTF-8",
        [VERIMAIL_ADDRESS_ALONE] = "there is a name, a comment or a space around the address",
        [VERIMAIL_ADDRESS_SYNTAX] = "this is not a mailbox",
        [VERIMAIL_RESOLVER] = "the resolver or a trust anchor is not one",
        [VERIMAIL_NETWORK] = "an allowed network is not a range of addresses",
        [VERIMAIL_PEER] = "a peer is not a domain, an address with a port, and a key or none",
};

const char *verimail_result_text(enum verimail_result result)
{
    return (size_t)result < sizeof texts / sizeof *texts ? texts[result] : "no such result";
}

const char *verimail_version(void)
{
    return VERIMAIL_VERSION;
}

/* libsodium takes a lock, and says 1 when it was ready before. */
enum verimail_result verimail_init(void)
{
    return sodium_init() >= 0 ? VERIMAIL_OK : VERIMAIL_INIT;
}
