// SPDX-License-Identifier: ISC
#include "fake_client.h"

#include <errno.h>
#include <stdio.h>

#include "unit.h"

struct client {
    char nothing;
};

struct fake_client fake_client;

struct client *fake_client_get(void)
{
    static struct client client;

    return &client;
}

struct client *client_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    struct writer w = writer_of(fake_client.made_with, sizeof fake_client.made_with);

    writer_string(&w, options->resolver != NULL ? options->resolver : "-");
    for (size_t i = 0; options->trust_anchors != NULL && i < options->trust_anchors_count; i++) {
        writer_char(&w, '|');
        writer_string(&w, options->trust_anchors[i]);
    }
    writer_string(&w, options->trust_anchors != NULL ? "." : "");
    writer_char(&w, '\0');
    error_r[0] = '\0';
    errno = EINVAL;
    return NULL;
}

void client_count(struct client *client, struct client_counts *counts)
{
    assert_ptr_equal(client, fake_client_get());
    assert_non_null(counts);
}

struct client_early *client_begin(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip)
{
    (void)policy;
    (void)ip;
    assert_ptr_equal(client, fake_client_get());
    assert_int_equal(question->digest.len, 0);
    fake_client.begun++;
    return (struct client_early *)&fake_client;
}

bool client_needs_digest(struct client *client, struct client_early *early)
{
    assert_ptr_equal(client, fake_client_get());
    assert_ptr_equal(early, &fake_client);
    return !fake_client.needs_no_digest;
}

void client_forget(struct client_early **early)
{
    if (*early == NULL)
        return;
    assert_ptr_equal(*early, &fake_client);
    fake_client.begun--;
    *early = NULL;
}

void client_ask_begun(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, struct client_early *early,
        struct client_outcome *outcome_r)
{
    fake_client.early = early;
    client_ask(client, policy, question, ip, outcome_r);
}

void client_ask(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, struct client_outcome *outcome_r)
{
    (void)ip;
    assert_ptr_equal(client, fake_client_get());
    fake_client.asked++;
    fake_client.policy = policy;
    fake_client.timeout = policy->timeout;
    snprintf(fake_client.question, sizeof fake_client.question,
            "%s payload=%.*s rcpt=%.*s digest=%zu ip=%.*s", question->user.text,
            (int)question->payload.len, question->payload.at, (int)question->rcpt.len,
            question->rcpt.at, question->digest.len, (int)question->ip.len, question->ip.at);
    *outcome_r = fake_client.has_later && fake_client.asked > 1 ? fake_client.later
                                                                : fake_client.outcome;
}

enum discovery_result client_find_service(struct client *client, const struct client_policy *policy,
        const struct text *domains, size_t count, struct text ip, size_t *which_r)
{
    struct writer w = writer_of(fake_client.looked_for, sizeof fake_client.looked_for - 1);

    (void)ip;
    assert_ptr_equal(client, fake_client_get());
    fake_client.policy = policy;
    for (size_t i = 0; i < count; i++) {
        writer_string(&w, i > 0 ? " " : "");
        writer_put(&w, domains[i]);
    }
    *w.at = '\0';
    *which_r = 0;
    return fake_client.found;
}

bool client_is_short(enum client_step step)
{
    return step >= CLIENT_SHORTAGE;
}

const char *client_step_word(enum client_step step)
{
    return step == CLIENT_DNS ? "dns" : "step";
}

void client_outcome_text(const struct client_outcome *outcome, char *text_r, size_t size)
{
    snprintf(text_r, size, "an error (%s)", client_step_word(outcome->step));
}
