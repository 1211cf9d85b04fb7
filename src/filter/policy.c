// SPDX-License-Identifier: ISC
#include "filter/policy.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/sender_logins.h"

/* Those of a list that are networks. */
static bool policy_read_networks(const struct config_list *list, struct policy_networks *networks_r)
{
    *networks_r = (struct policy_networks){.at = calloc(list->count + 1, sizeof *networks_r->at)};
    if (networks_r->at == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++)
        networks_r->count += network_parse(list->at[i].at, &networks_r->at[networks_r->count]);
    return true;
}

static void policy_add_unusable_key(
        unsigned line, const char *path, const char *error, struct problems *problems)
{
    char what[256];

    snprintf(what, sizeof what, "unusable host key (%s)", error);
    problems_add(problems, line, what, path, "the secret key that `verimail keygen host` made");
}

static struct stamper *policy_make_stamper(const struct config_stamp *stamp,
        const struct policy_files *files, struct problems *problems)
{
    unsigned char *secret = sodium_malloc(KEY_OCTETS);
    struct stamper *stamper = NULL;
    const char *error = "out of memory";

    if (files->key.at == NULL) {
        sodium_free(secret);
        return NULL;
    }
    if (secret != NULL) {
        const enum key_result result = key_parse_file(files->key, KEY_HOST_SECRET, secret);
        error = key_fault_text(result, files->key);
        if (result == KEY_OK)
            stamper = stamper_init(stamp, secret, &error);
    }
    sodium_free(secret);
    if (stamper == NULL)
        policy_add_unusable_key(stamp->key.line, files->key_path, error, problems);
    return stamper;
}

static struct sender_logins *policy_make_logins(
        const struct config_text *logins, struct text table, struct problems *problems)
{
    if (strcmp(logins->at, "same") == 0)
        return sender_logins_same();
    if (strcmp(logins->at, "any") == 0)
        return sender_logins_any();
    if (table.at == NULL)
        return NULL;
    return sender_logins_table(table.at, table.len, logins->at, problems);
}

/* Makes all that can be made, so that all problems are found in one go. */
static bool policy_fill(
        struct policy *policy, const struct policy_files *files, struct problems *problems)
{
    const struct config *config = policy->config;
    const struct config_milter *milter = policy->milter;

    if (config->stamp_count > 0)
        policy->stamper = policy_make_stamper(config->stamp, files, problems);
    if (config->verify_count > 0)
        policy->verifier = verifier_init(config->verify, config);
    policy->logins = policy_make_logins(&milter->logins, files->logins, problems);
    if (milter->relayed_mark.at != NULL)
        (void)!relayed_mark_parse(milter->relayed_mark.at, &policy->mark);
    const bool trusted = policy_read_networks(&milter->trusted_networks, &policy->trusted);
    const bool relayed = policy_read_networks(&milter->stamp_relayed, &policy->relayed);
    return trusted && relayed && policy->logins != NULL &&
           (config->stamp_count == 0 || policy->stamper != NULL) &&
           (config->verify_count == 0 || policy->verifier != NULL);
}

bool policy_init(const struct config *config, const struct config_milter *milter,
        const struct policy_files *files, struct problems *problems, struct policy *policy_r)
{
    const size_t before = problems_count(problems);

    *policy_r = (struct policy){.config = config, .milter = milter};
    if (policy_fill(policy_r, files, problems))
        return true;
    const bool all_read = (config->stamp_count == 0 || files->key.at != NULL) &&
                          (milter->logins.at[0] != '/' || files->logins.at != NULL);
    if (all_read && problems_count(problems) == before)
        problems_add_memory(problems);
    policy_clear(policy_r);
    return false;
}

void policy_clear(struct policy *policy)
{
    sender_logins_free(&policy->logins);
    stamper_free(&policy->stamper);
    verifier_free(&policy->verifier);
    free(policy->trusted.at);
    free(policy->relayed.at);
    *policy = (struct policy){0};
}
