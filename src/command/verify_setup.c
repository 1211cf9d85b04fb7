// SPDX-License-Identifier: ISC
#include "command/verify_setup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/escape.h"
#include "config/section.h"

static enum status verify_setup_short_of_memory(const struct invocation *invocation)
{
    command_complain(invocation, "out of memory");
    return STATUS_FAILURE;
}

static enum status verify_setup_read_config(
        const struct invocation *invocation, struct verify_setup *receiver)
{
    const bool is_default = strcmp(invocation->config_path, CONFIG_PATH) == 0;

    if (!section_defaults(section_within(&section_root, "verify"), &receiver->defaults))
        return verify_setup_short_of_memory(invocation);
    receiver->verify = &receiver->defaults;
    if (is_default && access(CONFIG_PATH, F_OK) != 0)
        return STATUS_OK;
    receiver->config = command_read_config(invocation, &receiver->problems);
    if (receiver->config == NULL)
        return STATUS_CONFIG;
    if (receiver->config->verify_count > 0)
        receiver->verify = receiver->config->verify;
    return STATUS_OK;
}

static enum status make_discovery(
        const struct invocation *invocation, struct verify_setup *receiver)
{
    const struct config_verify *verify = receiver->verify;
    const char **anchors = calloc(verify->trust_anchors.count + 1, sizeof *anchors);
    char cause[DISCOVERY_ERROR_MAX];

    if (anchors == NULL)
        return verify_setup_short_of_memory(invocation);
    const struct discovery_options options = verifier_discovery(verify, anchors);
    receiver->discovery = discovery_init(&options, cause);
    free(anchors);
    if (receiver->discovery == NULL) {
        command_complain(invocation, "%s", cause);
        return STATUS_CONFIG;
    }
    return STATUS_OK;
}

enum status verify_setup_init(const struct invocation *invocation, struct verify_setup *receiver_r)
{
    *receiver_r = (struct verify_setup){0};
    enum status status = verify_setup_read_config(invocation, receiver_r);

    if (status == STATUS_OK)
        status = make_discovery(invocation, receiver_r);
    if (status != STATUS_OK)
        return status;
    receiver_r->verifier = verifier_init(receiver_r->verify);
    receiver_r->client = client_init(receiver_r->discovery);
    if (receiver_r->verifier == NULL || receiver_r->client == NULL)
        return verify_setup_short_of_memory(invocation);
    return STATUS_OK;
}

void verify_setup_clear(struct verify_setup *receiver)
{
    client_free(&receiver->client);
    discovery_free(&receiver->discovery);
    verifier_free(&receiver->verifier);
    section_clear(section_within(&section_root, "verify"), &receiver->defaults);
    config_free(&receiver->config);
    problems_free(&receiver->problems);
}

void verify_setup_print_source(FILE *out, const struct client_outcome *outcome)
{
    const struct asking *asking = &outcome->asking;
    char text[ENDPOINT_TEXT_MAX];

    if (!asking->connected)
        return;
    const struct discovery_server *server = &outcome->discovery.servers[asking->which];
    endpoint_format(&server->endpoint, text);
    fprintf(out, "%s (%s, by _verimail._tcp.%s; DNS %s)", text, server->target,
            outcome->discovery.domain, outcome->secure ? "secure" : "insecure");
}
