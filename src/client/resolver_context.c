// SPDX-License-Identifier: ISC
#include "client/resolver_context.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_ANCHOR "/usr/share/dns/root.key" /* Debian's dns-root-data */
#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_DEFAULT "127.0.0.1" /* where it names no server: resolv.conf(5) */
#define FORWARDERS_MAX 8
#define ANCHORS_MAX 16 /* in ROOT_ANCHOR */
#define LINE_MAX_OCTETS 4096
#define PORTS_PER_QUERY 2 /* a look-up asks for keys and addresses of name servers as well */

struct resolver_source {
    char *forwarders[FORWARDERS_MAX]; /* none of them: it asks the root's name servers itself */
    size_t forwarders_count;
    bool is_named; /* the resolver, by an option */
    char **anchors;
    size_t anchors_count;
    bool has_given_anchors; /* by an option */
};

/* Settings of one process that asks about mail: small caches, no word on standard error. */
static const char *const settings[][2] = {
        {"verbosity:", "0"},
        {"msg-cache-size:", "4m"},
        {"rrset-cache-size:", "8m"},
        {"key-cache-size:", "2m"},
        {"neg-cache-size:", "1m"},
        {"use-caps-for-id:", "no"},
        /* That a name server was down is known for so long: it would be left alone for up to 15
         * minutes after its return, and all mail pass unchecked for want of an answer. */
        {"infra-host-ttl:", "10"},
};

/* Adds a copy; false when out of memory. */
static bool resolver_source_add(char **texts, size_t *count, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return false;
    texts[(*count)++] = copy;
    return true;
}

/* Calls `take` for each line of a file, without its line end. A file that cannot be opened has
 * none: `error_r` is errno then, else 0. */
static bool resolver_source_read(struct resolver_source *source, const char *path,
        bool (*take)(struct resolver_source *source, char *line), int *error_r)
{
    FILE *file = fopen(path, "re");
    char line[LINE_MAX_OCTETS];
    bool ok = true;

    *error_r = file == NULL ? errno : 0;
    while (file != NULL && ok && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        ok = take(source, line);
    }
    if (file != NULL)
        fclose(file);
    return ok;
}

/* `nameserver ADDRESS` (resolv.conf(5)). */
static bool resolver_source_take_server(struct resolver_source *source, char *line)
{
    char address[256];

    if (sscanf(line, " nameserver %255s", address) != 1 ||
            source->forwarders_count == FORWARDERS_MAX)
        return true;
    return resolver_source_add(source->forwarders, &source->forwarders_count, address);
}

static bool resolver_source_take_anchor(struct resolver_source *source, char *line)
{
    line[strcspn(line, ";")] = '\0'; /* a comment */
    if (line[strspn(line, " \t")] == '\0' || source->anchors_count == ANCHORS_MAX)
        return true;
    return resolver_source_add(source->anchors, &source->anchors_count, line);
}

static bool resolver_source_read_forwarders(struct resolver_source *source, const char *resolver)
{
    int error = 0;

    source->is_named = resolver != NULL;
    if (source->is_named)
        return resolver_source_add(source->forwarders, &source->forwarders_count, resolver);
    const bool ok = resolver_source_read(source, RESOLV_CONF, resolver_source_take_server, &error);
    /* Without the file it asks the name servers of the root. */
    if (error == 0 && ok && source->forwarders_count == 0)
        return resolver_source_add(
                source->forwarders, &source->forwarders_count, RESOLV_CONF_DEFAULT);
    return ok;
}

static bool resolver_source_read_anchors(
        struct resolver_source *source, const struct discovery_options *options)
{
    const size_t max = options->trust_anchors != NULL ? options->trust_anchors_count : ANCHORS_MAX;
    int error;

    source->has_given_anchors = options->trust_anchors != NULL;
    source->anchors = calloc(max + 1, sizeof *source->anchors);
    if (source->anchors == NULL)
        return false;
    for (size_t i = 0; i < options->trust_anchors_count && source->has_given_anchors; i++)
        if (!resolver_source_add(
                    source->anchors, &source->anchors_count, options->trust_anchors[i]))
            return false;
    return source->has_given_anchors ||
           resolver_source_read(source, ROOT_ANCHOR, resolver_source_take_anchor, &error);
}

struct resolver_source *resolver_source_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    struct resolver_source *source = calloc(1, sizeof *source);

    snprintf(error_r, DISCOVERY_ERROR_MAX, "out of memory");
    if (source != NULL && (!resolver_source_read_forwarders(source, options->resolver) ||
                                  !resolver_source_read_anchors(source, options)))
        resolver_source_free(&source);
    return source;
}

void resolver_source_free(struct resolver_source **source)
{
    struct resolver_source *s = *source;

    if (s == NULL)
        return;
    for (size_t i = 0; i < s->forwarders_count; i++)
        free(s->forwarders[i]);
    for (size_t i = 0; i < s->anchors_count; i++)
        free(s->anchors[i]);
    free(s->anchors);
    free(s);
    *source = NULL;
}

static bool resolver_context_set(struct ub_ctx *context, const char *name, const char *value)
{
    return ub_ctx_set_option(context, name, value) == 0;
}

static bool resolver_context_set_number(struct ub_ctx *context, const char *name, size_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%zu", value);
    return resolver_context_set(context, name, text);
}

static bool resolver_context_configure(struct ub_ctx *context, size_t queries)
{
    bool ok = ub_ctx_async(context, 1) == 0 && ub_ctx_debugout(context, NULL) == 0 &&
              resolver_context_set_number(context, "num-queries-per-thread:", queries) &&
              resolver_context_set_number(context, "outgoing-range:", queries * PORTS_PER_QUERY);

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        ok = resolver_context_set(context, settings[i][0], settings[i][1]) && ok;
    return ok;
}

/* A resolver may be on this machine. Without one no name server that a stranger names may be. */
static bool resolver_context_forward(const struct resolver_source *source, struct ub_ctx *context,
        char error_r[DISCOVERY_ERROR_MAX])
{
    for (size_t i = 0; i < source->forwarders_count; i++) {
        const int error = ub_ctx_set_fwd(context, source->forwarders[i]);
        if (error == 0)
            continue;
        if (error != UB_NOMEM)
            snprintf(error_r, DISCOVERY_ERROR_MAX, "%s: expected %s",
                    source->is_named ? "resolver" : RESOLV_CONF,
                    source->is_named ? "ADDRESS or ADDRESS@PORT" : "addresses of name servers");
        return false;
    }
    return source->forwarders_count == 0 ||
           resolver_context_set(context, "do-not-query-localhost:", "no");
}

/* Ends the settings. libunbound knows zones of its own, as `test.`: a resolver that was named may
 * know them better. */
static bool resolver_context_finish(struct ub_ctx *context, bool is_named)
{
    static const char *const zones[] = {"test.", "home.arpa."};
    int error = ub_ctx_zone_add(context, "resolver.invalid.", "static");

    for (size_t i = 0; is_named && error == 0 && i < sizeof zones / sizeof *zones; i++)
        error = ub_ctx_zone_add(context, zones[i], "transparent");
    return error == 0;
}

/* libunbound reads them when it finishes, and does not say which one it refused: each alone. */
static bool resolver_context_is_anchor(const char *record)
{
    struct ub_ctx *context = ub_ctx_create();
    const bool good = context != NULL && ub_ctx_debugout(context, NULL) == 0 &&
                      ub_ctx_add_ta(context, record) == 0 &&
                      resolver_context_finish(context, false);

    if (context != NULL)
        ub_ctx_delete(context);
    return good;
}

static void resolver_context_explain(
        const struct resolver_source *source, char error_r[DISCOVERY_ERROR_MAX])
{
    for (size_t i = 0; i < source->anchors_count; i++) {
        if (resolver_context_is_anchor(source->anchors[i]))
            continue;
        if (source->has_given_anchors)
            snprintf(error_r, DISCOVERY_ERROR_MAX, "trust anchor %zu is no DS or DNSKEY record",
                    i + 1);
        else
            snprintf(error_r, DISCOVERY_ERROR_MAX,
                    "the resolver cannot be set up; is %s as it should be?", ROOT_ANCHOR);
        return;
    }
}

static bool resolver_context_complete(const struct resolver_source *source, struct ub_ctx *context,
        char error_r[DISCOVERY_ERROR_MAX])
{
    bool ok = true;

    for (size_t i = 0; ok && i < source->anchors_count; i++)
        ok = ub_ctx_add_ta(context, source->anchors[i]) == 0;
    if (ok && resolver_context_finish(context, source->is_named))
        return true;
    resolver_context_explain(source, error_r);
    return false;
}

struct ub_ctx *resolver_context_make(
        const struct resolver_source *source, size_t queries, char error_r[DISCOVERY_ERROR_MAX])
{
    struct ub_ctx *context = ub_ctx_create();

    snprintf(error_r, DISCOVERY_ERROR_MAX, "the resolver cannot be set up");
    if (context == NULL)
        return NULL;
    if (resolver_context_configure(context, queries) &&
            resolver_context_forward(source, context, error_r) &&
            resolver_context_complete(source, context, error_r))
        return context;
    ub_ctx_delete(context);
    return NULL;
}
