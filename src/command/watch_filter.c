// SPDX-License-Identifier: ISC
#include "command/watch.h"

#include <stdio.h>
#include <string.h>

static const char *const watch_filter_verdicts[] = {"YES", "NO", "ALLOW", "temperror", "permerror"};
#define VERDICTS (sizeof watch_filter_verdicts / sizeof *watch_filter_verdicts)

/* The number of a verdict; VERDICTS: it is none. */
static size_t watch_filter_find(struct text word)
{
    size_t i = 0;

    while (i < VERDICTS && !text_equal_fold(word, text_of(watch_filter_verdicts[i])))
        i++;
    return i;
}

static bool take_verdicts(
        const struct invocation *invocation, const char *verdicts, struct watch_filter *filter)
{
    struct reader words = reader_of(text_of(verdicts != NULL ? verdicts : ""));
    bool wanted[VERDICTS + 1] = {false};
    struct writer w = writer_of(filter->verdicts, sizeof filter->verdicts - 1);

    if (verdicts == NULL)
        return true;
    do {
        const size_t which = watch_filter_find(reader_field(&words, ','));
        if (which == VERDICTS) {
            command_complain(invocation,
                    "--verdict %s: expected YES, NO, ALLOW, temperror or permerror, several with "
                    "commas between",
                    verdicts);
            return false;
        }
        wanted[which] = true;
    } while (words.rest.len > 0);
    writer_string(&w, " AND verdict IN (''");
    for (size_t i = 0; i < VERDICTS; i++) {
        if (!wanted[i])
            continue;
        writer_string(&w, ",'");
        writer_string(&w, watch_filter_verdicts[i]);
        writer_char(&w, '\'');
    }
    writer_string(&w, ") AND verdict <> ''");
    *w.at = '\0';
    return true;
}

static bool watch_filter_take_domain(
        const struct invocation *invocation, const char *domain, struct watch_filter *filter)
{
    if (domain == NULL || domain_to_ascii(text_of(domain), filter->domain))
        return true;
    command_complain(invocation, "--domain %s: expected a domain", domain);
    return false;
}

/* `local@domain`, or `local` at any domain. Case is ignored. */
static bool watch_filter_take_user(
        const struct invocation *invocation, const char *user, struct watch_filter *filter)
{
    if (user == NULL)
        return true;
    const size_t len = strlen(user);
    if (len == 0 || len > ADDRESS_MAX) {
        command_complain(invocation, "--user %s: expected local@domain or local", user);
        return false;
    }
    for (size_t i = 0; i < len; i++)
        filter->user[i] = text_lower(user[i]);
    filter->user[len] = strchr(user, '@') != NULL ? '\0' : '@';
    return true;
}

bool watch_filter_take(const struct invocation *invocation, const char *verdicts,
        const char *domain, const char *user, struct watch_filter *filter_r)
{
    *filter_r = (struct watch_filter){.verdicts = ""};
    return take_verdicts(invocation, verdicts, filter_r) &&
           watch_filter_take_domain(invocation, domain, filter_r) &&
           watch_filter_take_user(invocation, user, filter_r);
}

size_t watch_filter_conditions(const struct watch_filter *filter,
        const struct watch_line_kind *kind, char sql_r[WATCH_FILTER_SQL_MAX],
        struct eventstore_value parameters_r[2])
{
    const size_t len = strlen(filter->user);
    size_t count = 0;
    char domain[32] = "";
    char user[128] = "";

    if (filter->domain[0] != '\0') {
        parameters_r[count] =
                (struct eventstore_value){.is_text = true, .text = text_of(filter->domain)};
        snprintf(domain, sizeof domain, " AND domain = $%zu", 3 + count++);
    }
    if (len > 0) {
        parameters_r[count] =
                (struct eventstore_value){.is_text = true, .text = text_of(filter->user)};
        if (filter->user[len - 1] == '@')
            snprintf(user, sizeof user, " AND lower(substr(%s, 1, %zu)) = $%zu", kind->user, len,
                    3 + count++);
        else
            snprintf(user, sizeof user, " AND lower(%s) = $%zu", kind->user, 3 + count++);
    }
    snprintf(sql_r, WATCH_FILTER_SQL_MAX, "%s%s%s", filter->verdicts, domain, user);
    return count;
}
