// SPDX-License-Identifier: ISC
#include "setup/plan.h"

#include <stdlib.h>
#include <string.h>

void plan_free(struct plan *plan)
{
    config_list_free(&plan->domains);
    config_list_free(&plan->addresses);
    config_list_free(&plan->networks);
    key_store_free(&plan->service_key);
    key_store_free(&plan->answer_key);
    key_store_free(&plan->host_key);
    conf_file_free(&plan->conf);
    config_free(&plan->config);
    postfix_free(&plan->postfix);
    free(plan->test_to);
    halves_free(&plan->imported);
}

void plan_socket(const struct plan *plan, char socket_r[POSTFIX_SOCKET_MAX])
{
    if (plan->config != NULL && plan->config->milter_count > 0)
        snprintf(socket_r, POSTFIX_SOCKET_MAX, "%s", plan->config->milter->socket.at);
    else
        snprintf(socket_r, POSTFIX_SOCKET_MAX, "unix:%s%s/milter.sock",
                plan->server == PLAN_POSTFIX ? plan->postfix.queue : "/run", "/verimail");
}

static bool plan_fail(char error_r[PLAN_ERROR_MAX], const char *what)
{
    snprintf(error_r, PLAN_ERROR_MAX, "%s", what);
    return false;
}

/* The keys that the configuration names, or the folders for them. */
static bool plan_keys(struct plan *plan, const struct config *now, char error_r[PLAN_ERROR_MAX])
{
    const char *service = now != NULL && now->service_count > 0 ? now->service->keys.at[0].at
                                                                : PLAN_KEYS "/service";
    const char *answer =
            now != NULL && now->service_count > 0 && now->service->answer_keys.count > 0
                    ? now->service->answer_keys.at[0].at
                    : PLAN_KEYS "/answer";
    const char *host = now != NULL && now->stamp_count > 0 ? now->stamp->key.at : PLAN_KEYS "/host";

    return ((plan->roles & PLAN_SERVICE) == 0 ||
                   (key_store_open(service, KEY_SERVICE_SECRET, &plan->service_key, error_r) &&
                           key_store_open(
                                   answer, KEY_ANSWER_SECRET, &plan->answer_key, error_r))) &&
           ((plan->roles & PLAN_HOST) == 0 ||
                   key_store_open(host, KEY_HOST_SECRET, &plan->host_key, error_r));
}

/* Reads the new text as the daemons will. */
static bool plan_read_conf(struct plan *plan, struct problems *problems)
{
    const struct text text = edit_text(plan->conf.edit);

    config_free(&plan->config);
    plan->config = config_read_text(text.at, text.len, problems);
    return plan->config != NULL;
}

bool plan_make(struct plan *plan, const struct config *now, struct problems *problems,
        char error_r[PLAN_ERROR_MAX])
{
    char socket[POSTFIX_SOCKET_MAX];

    error_r[0] = '\0';
    if (!plan_keys(plan, now, error_r))
        return false;
    if ((plan->roles & PLAN_HOST) != 0 && (plan->roles & PLAN_SERVICE) == 0 &&
            (now == NULL || now->stamp_count == 0) && plan->imported.service[0] == '\0')
        return plan_fail(error_r,
                "a sending host needs the public key of the service: run `verimail setup --export "
                "FILE` where the service runs, and give that file to --import");
    if (!plan_conf(plan, now))
        return plan_fail(error_r, "out of memory");
    if (!plan_read_conf(plan, problems))
        return false;
    if (plan->server != PLAN_POSTFIX || plan->config->milter_count == 0)
        return true;
    plan_socket(plan, socket);
    return postfix_plan(&plan->postfix, socket) || plan_fail(error_r, "out of memory");
}
