// SPDX-License-Identifier: ISC
#include "filter/policy.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* The count stands beside what everybody may see. */
struct counted {
    struct snapshot is; /* first: one pointer is both */
    atomic_uint count;
};

static bool make_networks(const struct config_list *list, struct networks *networks_r)
{
    networks_r->at = calloc(list->count + 1, sizeof *networks_r->at);
    networks_r->count = list->count;
    if (networks_r->at == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (!network_parse(list->at[i].at, &networks_r->at[i]))
            return false;
    return true;
}

static void add_unusable_key(
        const struct config_stamp *stamp, const char *why, struct problems *problems)
{
    char what[256];

    snprintf(what, sizeof what, "unusable host key (%s)", why);
    problems_add(problems, stamp->key.line, what, stamp->key.at,
            "the secret key that `verimail keygen host` made");
}

static bool make_stamper(
        struct snapshot *snapshot, const struct bundle *material, struct problems *problems)
{
    const struct config_stamp *stamp = snapshot->config->stamp;
    const struct text content = {material->key, material->key_len};
    unsigned char *secret = sodium_malloc(KEY_OCTETS);
    const char *error = "out of memory";

    if (secret != NULL) {
        const enum key_result result = key_parse_file(content, KEY_HOST_SECRET, secret);
        error = key_result_text(result);
        if (result == KEY_OK)
            snapshot->stamper = stamper_init(stamp, secret, &error);
    }
    sodium_free(secret);
    if (snapshot->stamper == NULL)
        add_unusable_key(stamp, error, problems);
    return snapshot->stamper != NULL;
}

/* NULL without a problem where its file could not be read: whoever tried has said so. */
static struct sender_logins *make_logins(const struct config_milter *milter,
        const struct bundle *material, struct problems *problems)
{
    if (strcmp(milter->logins.at, "same") == 0)
        return sender_logins_same();
    if (strcmp(milter->logins.at, "any") == 0)
        return sender_logins_any();
    if (material->logins == NULL)
        return NULL;
    return sender_logins_table(material->logins, material->logins_len, milter->logins.at, problems);
}

/* All that can be made is, so that all that is wrong is said in one go. */
static bool snapshot_fill(
        struct snapshot *snapshot, const struct bundle *material, struct problems *problems)
{
    const struct config *config = snapshot->config;
    bool ok = true;

    if (config->milter_count == 0) {
        problems_add(problems, 0, "no section", "milter", "milter { ... }");
        return false;
    }
    snapshot->milter = config->milter;
    if (config->stamp_count > 0)
        ok = material->key != NULL && make_stamper(snapshot, material, problems);
    snapshot->logins = make_logins(config->milter, material, problems);
    if (config->verify_count > 0)
        snapshot->verifier = verifier_init(config->verify);
    ok = ok && (config->verify_count == 0 || snapshot->verifier != NULL);
    ok = make_networks(&config->milter->trusted_networks, &snapshot->trusted) && ok;
    ok = make_networks(&config->milter->stamp_relayed, &snapshot->relayed) && ok;
    return snapshot->logins != NULL && ok;
}

struct snapshot *snapshot_init(const struct bundle *material, struct problems *problems)
{
    struct counted *counted = calloc(1, sizeof *counted);

    if (counted == NULL) {
        problems_add(problems, 0, "out of memory", NULL, NULL);
        return NULL;
    }
    struct snapshot *snapshot = &counted->is;
    atomic_init(&counted->count, 1);
    snapshot->config = config_read_text(material->config, material->config_len, problems);
    if (snapshot->config != NULL && snapshot_fill(snapshot, material, problems))
        return snapshot;
    if (problems_count(problems) == 0)
        problems_add(problems, 0, "out of memory", NULL, NULL);
    snapshot_release(&snapshot);
    return NULL;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
    struct counted *counted = (struct counted *)(void *)snapshot;

    atomic_fetch_add(&counted->count, 1);
    return snapshot;
}

void snapshot_release(struct snapshot **snapshot)
{
    struct counted *counted = (struct counted *)(void *)*snapshot;

    *snapshot = NULL;
    if (counted == NULL || atomic_fetch_sub(&counted->count, 1) > 1)
        return;
    sender_logins_free(&counted->is.logins);
    stamper_free(&counted->is.stamper);
    verifier_free(&counted->is.verifier);
    free(counted->is.trusted.at);
    free(counted->is.relayed.at);
    config_free(&counted->is.config);
    free(counted);
}
