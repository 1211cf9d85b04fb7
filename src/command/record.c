// SPDX-License-Identifier: ISC
#include "command/record.h"

#include <stdlib.h>
#include <string.h>

static enum status command_record_find(
        const struct invocation *invocation, const struct config *config, char **address_r)
{
    if (config->service_count == 0) {
        command_complain(invocation, "%s: no service section, so nothing is recorded",
                invocation->config_path);
        return STATUS_CONFIG;
    }
    if (strcmp(config->record->store.at, "none") == 0) {
        command_complain(invocation,
                "%s: the section record has store = \"none\", so nothing is recorded",
                invocation->config_path);
        return STATUS_CONFIG;
    }
    *address_r = eventstore_address(
            config->record->store.at, config->service->state.at, EVENTSTORE_SERVICE);
    if (*address_r != NULL)
        return STATUS_OK;
    command_complain(invocation, "out of memory");
    return STATUS_FAILURE;
}

enum status record_find(const struct invocation *invocation, char **address_r)
{
    struct problems *problems = NULL;
    enum status status = STATUS_CONFIG;

    *address_r = NULL;
    struct config *config = command_read_config(invocation, &problems);
    if (config != NULL)
        status = command_record_find(invocation, config, address_r);
    config_free(&config);
    problems_free(&problems);
    return status;
}

enum status record_open(
        const struct invocation *invocation, const char *address, struct eventstore **store_r)
{
    char error[EVENTSTORE_ERROR_MAX] = "";

    *store_r = eventstore_open(address, EVENTSTORE_READ, error);
    if (*store_r != NULL)
        return STATUS_OK;
    command_complain(invocation, "the record of events: %s", error);
    return STATUS_INPUT;
}
