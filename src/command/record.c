// SPDX-License-Identifier: ISC
#include "command/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events/event.h"
#include "events/mail_event.h"

/* A database may have the records of daemons on other machines. */
static bool is_shared(const struct config *config)
{
    return strcmp(config->record->store.at, "sqlite") != 0;
}

static enum status command_record_find(const struct invocation *invocation,
        const struct config *config, struct record_addresses *addresses_r)
{
    const char *store = config->record->store.at;
    const bool has_service = config->service_count > 0;
    const bool has_milter = config->milter_count > 0;

    if (!has_service && !has_milter) {
        command_complain(invocation,
                "%s: no section service and no section milter, so nothing is recorded; see "
                "verimail.conf(5), EXAMPLES",
                invocation->config_path);
        return STATUS_CONFIG;
    }
    if (strcmp(store, "none") == 0) {
        command_complain(invocation,
                "%s: the section record has store = \"none\", so nothing is recorded; write "
                "record { store = \"sqlite\" } and reload the daemons",
                invocation->config_path);
        return STATUS_CONFIG;
    }
    const bool wants_events = has_service || is_shared(config);
    const bool wants_mail = has_milter || is_shared(config);
    if (wants_events)
        addresses_r->events = eventstore_address(
                store, has_service ? config->service->state.at : "", EVENTSTORE_SERVICE);
    if (wants_mail)
        addresses_r->mail = eventstore_address(
                store, has_milter ? config->milter->state.at : "", EVENTSTORE_MAIL);
    if ((!wants_events || addresses_r->events != NULL) &&
            (!wants_mail || addresses_r->mail != NULL))
        return STATUS_OK;
    command_complain(invocation, "out of memory");
    return STATUS_FAILURE;
}

enum status record_find(const struct invocation *invocation, struct record_addresses *addresses_r)
{
    struct problems *problems = NULL;
    enum status status = STATUS_CONFIG;

    *addresses_r = (struct record_addresses){NULL, NULL};
    struct config *config = command_read_config(invocation, &problems);
    if (config != NULL)
        status = command_record_find(invocation, config, addresses_r);
    config_free(&config);
    problems_free(&problems);
    return status;
}

void record_addresses_free(struct record_addresses *addresses)
{
    free(addresses->events);
    free(addresses->mail);
    *addresses = (struct record_addresses){NULL, NULL};
}

/* Opens one of them. False: that failed, or it was never made. */
static bool record_open_one(const char *address, const struct record_kind *kind,
        struct eventstore **store_r, bool *missing_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    *missing_r = address == NULL;
    if (address == NULL)
        return false;
    *store_r = eventstore_open(address, kind, EVENTSTORE_READ, error_r);
    *missing_r = *store_r == NULL && errno == ENOENT;
    return *store_r != NULL;
}

enum status record_open(const struct invocation *invocation,
        const struct record_addresses *addresses, struct record *record_r)
{
    char events_error[EVENTSTORE_ERROR_MAX] = "";
    char mail_error[EVENTSTORE_ERROR_MAX] = "";
    bool no_events = false;
    bool no_mail = false;

    *record_r = (struct record){NULL, NULL};
    const bool has_events = record_open_one(
            addresses->events, &event_kind, &record_r->events, &no_events, events_error);
    const bool has_mail = record_open_one(
            addresses->mail, &mail_event_kind, &record_r->mail, &no_mail, mail_error);
    if ((has_events || no_events) && (has_mail || no_mail) && (has_events || has_mail))
        return STATUS_OK;
    if (events_error[0] != '\0')
        command_complain(invocation, "the record of events: %s", events_error);
    if (mail_error[0] != '\0')
        command_complain(invocation, "the record of mail: %s", mail_error);
    record_close(record_r);
    return STATUS_INPUT;
}

void record_close(struct record *record)
{
    eventstore_close(&record->events);
    eventstore_close(&record->mail);
}
