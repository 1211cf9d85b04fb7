// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* What was read is written as a text that reads as the same, and as itself. */
static void check_round(const struct endpoint *read)
{
    struct endpoint plain = endpoint_unmapped(read);
    struct endpoint back;
    char text[ENDPOINT_TEXT_MAX];
    char again[ENDPOINT_TEXT_MAX];
    char address[ENDPOINT_TEXT_MAX];

    plain.wildcard = false; /* is written as the address it is */
    endpoint_format(read, text);
    require(strlen(text) < sizeof text);
    require(endpoint_parse(text, &back));
    require(endpoint_equal(&back, &plain) && back.len == plain.len);
    endpoint_format(&back, again);
    require(strcmp(text, again) == 0);
    endpoint_format_address(read, address);
    const bool v6 = plain.address.any.sa_family == AF_INET6;
    require(strncmp(text + v6, address, strlen(address)) == 0);
    require(strncmp(text + v6 + strlen(address), v6 ? "]:" : ":", v6 ? 2 : 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct endpoint endpoint;
    char *text = malloc(size + 1);

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (endpoint_parse(text, &endpoint)) {
        require(endpoint.wildcard == (text[0] == '*'));
        require(endpoint_equal(&endpoint, &endpoint));
        check_round(&endpoint);
    }
    free(text);
    return 0;
}
