// SPDX-License-Identifier: ISC
#include "fake_client.h"

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

void client_ask(struct client *client, const struct client_policy *policy,
        const struct client_question *question, struct client_outcome *outcome_r)
{
    assert_ptr_equal(client, fake_client_get());
    fake_client.asked++;
    fake_client.policy = policy;
    snprintf(fake_client.question, sizeof fake_client.question,
            "%s payload=%.*s rcpt=%.*s digest=%zu ip=%.*s", question->author->text,
            (int)question->payload.len, question->payload.at, (int)question->rcpt.len,
            question->rcpt.at, question->digest.len, (int)question->ip.len, question->ip.at);
    *outcome_r = fake_client.outcome;
}

const char *client_step_word(enum client_step step)
{
    return step == CLIENT_DNS ? "dns" : "step";
}

void client_outcome_text(const struct client_outcome *outcome, char *text_r, size_t size)
{
    snprintf(text_r, size, "a cause (%s)", client_step_word(outcome->step));
}
