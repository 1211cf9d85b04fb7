// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "client/client.h"

bool client_is_short(enum client_step step)
{
    return step >= CLIENT_SHORTAGE;
}

const char *client_source_word(const struct client_outcome *outcome)
{
    if (outcome->step == CLIENT_CACHED)
        return "cache";
    if (outcome->step == CLIENT_NO_SERVICE || outcome->step == CLIENT_DNS)
        return "";
    if (outcome->is_peer)
        return "peer";
    return outcome->discovery.result == DISCOVERY_FOUND && outcome->discovery.count > 0 ? "service"
                                                                                        : "";
}

const char *client_step_word(enum client_step step)
{
    static const char *const words[] = {
            [CLIENT_ANSWERED] = "answer",
            [CLIENT_CACHED] = "cache",
            [CLIENT_NO_SERVICE] = "no-service",
            [CLIENT_DNS] = "dns",
            [CLIENT_FORBIDDEN] = "forbidden",
            [CLIENT_RESTING] = "resting",
            [CLIENT_NO_ANSWER] = "no-answer",
            [CLIENT_SHORTAGE] = "shortage",
            [CLIENT_BUDGET] = "budget",
            [CLIENT_FAILURE] = "failure",
    };

    return words[step];
}

static const char *client_why_forbidden(const struct client_outcome *outcome)
{
    for (size_t i = 0; i < outcome->discovery.count; i++)
        if (outcome->acl_results[i] != TARGET_ACL_OK)
            return target_acl_result_text(outcome->acl_results[i]);
    return target_acl_result_text(TARGET_ACL_NETWORK);
}

static bool client_has_acl_result(
        const struct client_outcome *outcome, enum target_acl_result result)
{
    for (size_t i = 0; i < outcome->discovery.count; i++)
        if (outcome->acl_results[i] == result)
            return true;
    return false;
}

/* The part that had no room says more, unless it is the service's connections. */
static void client_describe_shortage(
        const struct client_outcome *outcome, char *text_r, size_t size)
{
    if (outcome->discovery.result == DISCOVERY_SHORTAGE)
        snprintf(text_r, size, "the DNS: %s", outcome->discovery.cause);
    else if (outcome->attempt.result == ATTEMPT_SHORTAGE)
        attempt_describe(&outcome->attempt, text_r, size);
    else if (client_has_acl_result(outcome, TARGET_ACL_SHORTAGE))
        snprintf(text_r, size, "%s", target_acl_result_text(TARGET_ACL_SHORTAGE));
    else
        snprintf(text_r, size, "the service is busy with our questions");
}

void client_outcome_text(const struct client_outcome *outcome, char *text_r, size_t size)
{
    switch (outcome->step) {
    case CLIENT_ANSWERED:
        snprintf(text_r, size, "the service answered");
        break;
    case CLIENT_CACHED:
        snprintf(text_r, size, "the service answered so a moment ago");
        break;
    case CLIENT_NO_SERVICE:
        snprintf(text_r, size, "the domain does not use Verimail: no SRV record _verimail._tcp.%s",
                outcome->discovery.domain);
        break;
    case CLIENT_DNS:
        snprintf(text_r, size, "the DNS: %s", outcome->discovery.cause);
        break;
    case CLIENT_FORBIDDEN:
        snprintf(text_r, size, "the service must not be asked: %s", client_why_forbidden(outcome));
        break;
    case CLIENT_RESTING:
        snprintf(text_r, size, "the service did not answer lately");
        break;
    case CLIENT_NO_ANSWER:
        attempt_describe(&outcome->attempt, text_r, size);
        break;
    case CLIENT_SHORTAGE:
        client_describe_shortage(outcome, text_r, size);
        break;
    case CLIENT_BUDGET:
        snprintf(text_r, size, "too many questions with another answer than YES");
        break;
    case CLIENT_FAILURE:
        snprintf(text_r, size, "the question does not fit into a line");
        break;
    }
}
