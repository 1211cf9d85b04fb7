// SPDX-License-Identifier: ISC
#include "command/verify_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/escape.h"
#include "config/section.h"

/* A client stays: its end would wait for libunbound, which may hang. The program ends next.
 * Volatile, so that the address is written although nothing reads it: it shows that this is no
 * leak. */
static struct client *volatile kept_client;

static enum status verify_setup_out_of_memory(const struct invocation *invocation)
{
    command_complain(invocation, "out of memory");
    return STATUS_FAILURE;
}

static enum status verify_setup_read_config(
        const struct invocation *invocation, struct verify_setup *setup)
{
    const bool is_default = strcmp(invocation->config_path, CONFIG_PATH) == 0;

    if (!section_defaults(section_within(&section_root, "verify"), &setup->defaults))
        return verify_setup_out_of_memory(invocation);
    setup->verify = &setup->defaults;
    if (is_default && access(CONFIG_PATH, F_OK) != 0)
        return STATUS_OK;
    setup->config = command_read_config(invocation, &setup->problems);
    if (setup->config == NULL)
        return STATUS_CONFIG;
    if (setup->config->verify_count > 0)
        setup->verify = setup->config->verify;
    return STATUS_OK;
}

enum status verify_setup_init(const struct invocation *invocation, struct verify_setup *setup_r)
{
    char error[DISCOVERY_ERROR_MAX];

    *setup_r = (struct verify_setup){0};
    enum status status = verify_setup_read_config(invocation, setup_r);

    if (status != STATUS_OK)
        return status;
    setup_r->verifier = verifier_init(setup_r->verify, setup_r->config);
    if (setup_r->verifier == NULL)
        return verify_setup_out_of_memory(invocation);
    setup_r->client = verifier_client(setup_r->verify, NULL, NULL, error);
    if (setup_r->client != NULL)
        return STATUS_OK;
    status = errno == ENOMEM ? STATUS_FAILURE : STATUS_CONFIG;
    command_complain(invocation, "%s", error);
    return status;
}

void verify_setup_clear(struct verify_setup *setup)
{
    kept_client = setup->client;
    setup->client = NULL;
    verifier_free(&setup->verifier);
    section_clear(section_within(&section_root, "verify"), &setup->defaults);
    config_free(&setup->config);
    problems_free(&setup->problems);
}

void verify_setup_print_source(FILE *out, const struct client_outcome *outcome)
{
    const struct attempt *attempt = &outcome->attempt;
    char text[ENDPOINT_TEXT_MAX];

    if (!attempt->connected)
        return;
    const struct discovery_server *server = &outcome->discovery.servers[attempt->which];
    endpoint_format(&server->endpoint, text);
    if (outcome->is_peer)
        fprintf(out, "%s (the peer \"%s\" of the configuration)", text, outcome->discovery.domain);
    else
        fprintf(out, "%s (%s, by _verimail._tcp.%s; DNS %s)", text, server->target,
                outcome->discovery.domain, outcome->secure ? "secure" : "insecure");
}
