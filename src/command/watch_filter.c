// SPDX-License-Identifier: ISC
#include "command/watch_filter.h"

#include <stdio.h>
#include <string.h>

static void add_condition(struct watch_filter *filter, const char *condition)
{
    const size_t len = strlen(filter->conditions);

    snprintf(filter->conditions + len, sizeof filter->conditions - len, "%s", condition);
}

static void add_parameter(struct watch_filter *filter, const char *text)
{
    filter->parameters[filter->count++] =
            (struct eventstore_value){.is_text = true, .text = text_of(text)};
}

static const char *verdict_of(struct text word)
{
    for (unsigned v = VERDICT_YES; v <= VERDICT_ALLOW; v++)
        if (text_equal_fold(word, text_of(verdict_name((enum verdict)v))))
            return verdict_name((enum verdict)v);
    return NULL;
}

static bool take_verdicts(
        const struct invocation *invocation, const char *verdicts, struct watch_filter *filter)
{
    struct reader words = reader_of(text_of(verdicts != NULL ? verdicts : ""));
    bool wanted[VERDICT_ALLOW + 1] = {false};
    char condition[64];

    if (verdicts == NULL)
        return true;
    do {
        const char *verdict = verdict_of(reader_field(&words, ','));
        if (verdict == NULL) {
            command_complain(invocation,
                    "--verdict %s: expected YES, NO or ALLOW, several with commas between",
                    verdicts);
            return false;
        }
        for (unsigned v = VERDICT_YES; v <= VERDICT_ALLOW; v++)
            wanted[v] = wanted[v] || strcmp(verdict, verdict_name((enum verdict)v)) == 0;
    } while (words.rest.len > 0);
    snprintf(condition, sizeof condition, " AND verdict IN (%s,%s,%s)",
            wanted[VERDICT_YES] ? "'YES'" : "''", wanted[VERDICT_NO] ? "'NO'" : "''",
            wanted[VERDICT_ALLOW] ? "'ALLOW'" : "''");
    add_condition(filter, condition);
    return true;
}

static bool watch_filter_take_domain(
        const struct invocation *invocation, const char *domain, struct watch_filter *filter)
{
    char condition[32];

    if (domain == NULL)
        return true;
    if (!domain_to_ascii(text_of(domain), filter->domain)) {
        command_complain(invocation, "--domain %s: expected a domain", domain);
        return false;
    }
    add_parameter(filter, filter->domain);
    snprintf(condition, sizeof condition, " AND domain = $%zu", filter->count);
    add_condition(filter, condition);
    return true;
}

/* `local@domain`, or `local` at any domain; small and capital letters are the same. */
static bool watch_filter_take_user(
        const struct invocation *invocation, const char *user, struct watch_filter *filter)
{
    char condition[96];

    if (user == NULL)
        return true;
    const size_t len = strlen(user);
    if (len == 0 || len > ADDRESS_MAX) {
        command_complain(invocation, "--user %s: expected local@domain or local", user);
        return false;
    }
    const bool is_whole = strchr(user, '@') != NULL;
    for (size_t i = 0; i < len; i++)
        filter->user[i] = text_lower(user[i]);
    filter->user[len] = is_whole ? '\0' : '@';
    add_parameter(filter, filter->user);
    if (is_whole)
        snprintf(condition, sizeof condition, " AND lower(\"user\") = $%zu", filter->count);
    else
        snprintf(condition, sizeof condition, " AND lower(substr(\"user\", 1, %zu)) = $%zu",
                len + 1, filter->count);
    add_condition(filter, condition);
    return true;
}

bool watch_filter_take(const struct invocation *invocation, const char *verdicts,
        const char *domain, const char *user, struct watch_filter *filter_r)
{
    *filter_r = (struct watch_filter){.count = 2};
    return take_verdicts(invocation, verdicts, filter_r) &&
           watch_filter_take_domain(invocation, domain, filter_r) &&
           watch_filter_take_user(invocation, user, filter_r);
}
