// SPDX-License-Identifier: ISC
#include "command/ruling.h"

#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "command/escape.h"
#include "command/user_rule.h"
#include "config/section.h"

#define SHOWN_MAX 120 /* octets of a line of the configuration */

/* What a trace works with. */
struct trace {
    const struct ruling *ruling;
    struct edit *edit; /* NULL: the file cannot be read again */
    void (*each)(void *context, const char *sentence, bool is_change);
    void *context;
};

/* The first line, without what follows. */
static struct text ruling_first_line(struct text t)
{
    const char *end = t.len > 0 ? memchr(t.at, '\n', t.len) : NULL;
    struct text line = {t.at, end != NULL ? (size_t)(end - t.at) : t.len};

    if (line.len > SHOWN_MAX)
        line.len = SHOWN_MAX;
    return text_trim(line);
}

/* The default of an option as the file would have it; NULL: none. */
static const char *ruling_default(const struct edit_step *steps, const char *option)
{
    const struct section *section = &section_root;

    for (; section != NULL && steps->section != NULL; steps++)
        section = section_within(section, steps->section);
    const struct option *found = section != NULL ? section_option(section, option) : NULL;
    return found != NULL ? found->fallback : NULL;
}

bool ruling_print_place(FILE *out, const struct edit *edit, const char *path,
        const struct edit_step *steps, const char *option)
{
    struct edit_place place;
    const bool has_option = option != NULL && edit_find_option(edit, steps, option, &place);

    if (!has_option && !edit_find_section(edit, steps, &place))
        return false;
    const struct text whole = edit_text_at(edit, &place);
    const struct text line = ruling_first_line(whole);
    escape_controls(out, text_of(path));
    fprintf(out, ":%u: ", place.line);
    escape_controls(out, line);
    if (line.len < text_trim(whole).len)
        fputs(" ...", out);
    if (option == NULL || has_option)
        return true;
    const char *fallback = ruling_default(steps, option);
    fprintf(out, " does not set %s", option);
    if (fallback != NULL && fallback[0] != '\0')
        fprintf(out, ", and the default is %s", fallback);
    return true;
}

static void trace_place(const struct trace *t, const struct edit_step *steps, const char *option)
{
    char *sentence = NULL;
    size_t len;
    FILE *out = t->edit != NULL ? open_memstream(&sentence, &len) : NULL;

    if (out == NULL)
        return;
    const bool there = ruling_print_place(out, t->edit, t->ruling->path, steps, option);
    if (memstream_close(out, &sentence) && there)
        t->each(t->context, sentence, false);
    free(sentence);
}

static void trace_domain(
        const struct trace *t, const struct config_domain *domain, const char *option)
{
    const struct edit_step steps[] = {{"domain", domain->name.at}, {NULL, NULL}};

    trace_place(t, steps, option);
}

/* The option of the section `user`; for hosts the one of the two that it has. */
static void trace_user_section(const struct trace *t, const struct config_domain *domain,
        const struct config_user *user, const char *option)
{
    const struct edit_step steps[] = {
            {"domain", domain->name.at}, {"user", user->local.at}, {NULL, NULL}};
    const bool is_hosts = option != NULL && strcmp(option, "hosts") == 0;

    if (is_hosts && !user->hosts_given)
        option = user->more_hosts.count > 0 ? "more_hosts" : NULL;
    trace_place(t, steps, option);
}

static void trace_row(
        const struct trace *t, const struct config_domain *domain, const struct user_rule *rule)
{
    char *sentence = NULL;
    size_t len;
    FILE *out = open_memstream(&sentence, &len);

    if (out == NULL)
        return;
    escape_controls(out, text_of(user_rule_table(domain)));
    fputs(": ", out);
    if (rule->kind == USER_RULE_UNKNOWN) {
        escape_controls(out, text_of(rule->error));
    } else {
        escape_put(out, rule->local);
        fprintf(out, "@%s%s", domain->name.at, rule->row[0] != '\0' ? " " : "");
        escape_put(out, text_of(rule->row));
    }
    if (memstream_close(out, &sentence))
        t->each(t->context, sentence, false);
    free(sentence);
}

/* The rule of the user, and where it permits the domain's hosts, those. */
static void trace_rule(const struct trace *t, const struct config_domain *domain)
{
    const struct advice *advice = t->ruling->advice;
    struct user_rule rule;
    bool only_own = false;

    user_rule_find(domain, t->ruling->user, &rule);
    switch (rule.kind) {
    case USER_RULE_SECTION:
        trace_user_section(t, domain, rule.section, advice->option);
        only_own = rule.section->hosts_given;
        break;
    case USER_RULE_ROW:
        only_own = strncmp(rule.row, "hosts=", strlen("hosts=")) == 0;
        trace_row(t, domain, &rule);
        break;
    case USER_RULE_UNKNOWN:
        trace_row(t, domain, &rule);
        break;
    case USER_RULE_NONE:
        trace_domain(t, domain, NULL);
        return;
    }
    if (advice->place == ADVICE_HOSTS && !only_own)
        trace_domain(t, domain, "hosts");
}

static void trace_host(const struct trace *t, const char *option)
{
    for (size_t i = 0; i < t->ruling->config->hosts_count; i++) {
        const char *name = t->ruling->config->hosts[i].name.at;
        const struct edit_step steps[] = {{"host", name}, {NULL, NULL}};
        if (text_equal_fold(text_of(name), t->ruling->host))
            trace_place(t, steps, option);
    }
}

static void trace_advice(const struct trace *t, const struct config_domain *domain)
{
    static const struct edit_step service[] = {{"service", NULL}, {NULL, NULL}};
    const struct advice *advice = t->ruling->advice;

    switch (advice->place) {
    case ADVICE_NOWHERE:
        break;
    case ADVICE_SERVICE:
        trace_place(t, service, advice->option);
        break;
    case ADVICE_DOMAIN:
        if (domain != NULL)
            trace_domain(t, domain, advice->option);
        break;
    case ADVICE_USER:
    case ADVICE_HOSTS:
        if (domain != NULL)
            trace_rule(t, domain);
        break;
    case ADVICE_HOST:
        trace_host(t, advice->option);
        break;
    }
    if (advice->change[0] != '\0')
        t->each(t->context, advice->change, true);
}

void ruling_trace(const struct ruling *ruling,
        void (*each)(void *context, const char *sentence, bool is_change), void *context)
{
    const struct config_domain *domain =
            user_rule_domain(ruling->config, address_domain(ruling->user));
    struct trace t = {ruling, edit_load(ruling->path), each, context};

    if (ruling->is_testing && domain != NULL) {
        trace_domain(&t, domain, advice_testing()->option);
        each(context, advice_testing()->change, true);
    }
    if (ruling->advice != NULL)
        trace_advice(&t, domain);
    edit_free(&t.edit);
}
