// SPDX-License-Identifier: ISC
#include "setup/published.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>

#include "base/clock.h"
#include "client/pump.h"
#include "client/resolver_context.h"
#include "client/srv.h"

struct published_source {
    struct resolver_source *settings; /* NULL: it is a name server */
    struct pump *pump;
    pthread_mutex_t lock;
    pthread_cond_t heard;
};

/* Its waiter frees it, or, when the waiter has gone, the answer that came too late. */
struct published_answer {
    struct ub_result *result;
    int error;
    bool came;
    bool is_late;
};

static void published_on_answer(void *owner, void *lookup, int error, struct ub_result *result)
{
    struct published_source *source = owner;
    struct published_answer *answer = lookup;

    if (answer->is_late) {
        ub_resolve_free(result);
        free(answer);
        return;
    }
    *answer = (struct published_answer){result, error, true, false};
    pthread_cond_signal(&source->heard);
}

static struct published_source *published_init(void)
{
    struct published_source *source = calloc(1, sizeof *source);

    if (source != NULL) {
        pthread_mutex_init(&source->lock, NULL);
        clock_cond_init(&source->heard);
    }
    return source;
}

/* Takes over the context. */
static bool published_start(struct published_source *source, struct ub_ctx *context)
{
    source->pump = pump_init(context, &source->lock, published_on_answer, source);
    if (source->pump == NULL)
        ub_ctx_delete(context);
    return source->pump != NULL;
}

struct published_source *published_resolver(
        const struct config_verify *verify, char error_r[DISCOVERY_ERROR_MAX])
{
    const struct config_list none = {0};
    const struct config_list *anchors = verify != NULL ? &verify->trust_anchors : &none;
    struct published_source *source = published_init();
    const char **texts = calloc(anchors->count + 1, sizeof *texts);
    bool ok = false;

    snprintf(error_r, DISCOVERY_ERROR_MAX, "out of memory");
    if (source != NULL && texts != NULL) {
        for (size_t i = 0; i < anchors->count; i++)
            texts[i] = anchors->at[i].at;
        const struct discovery_options options = {
                .resolver = verify != NULL ? verify->resolver.at : NULL,
                .trust_anchors = verify != NULL && verify->trust_anchors_given ? texts : NULL,
                .trust_anchors_count = anchors->count,
        };
        source->settings = resolver_source_init(&options, error_r);
        struct ub_ctx *context = source->settings != NULL ? resolver_context_make(source->settings,
                                                                    PUBLISHED_VALUES_MAX, error_r)
                                                          : NULL;
        ok = context != NULL && published_start(source, context);
    }
    free(texts);
    if (!ok)
        published_free(&source);
    return source;
}

struct published_source *published_server(const char *zone, const char *address)
{
    static const char *const settings[][2] = {
            {"module-config:", "iterator"}, /* nothing validates: it is what the server says */
            {"do-not-query-localhost:", "no"},
            {"qname-minimisation:", "no"},
            {"outbound-msg-retry:", "2"},
            {"verbosity:", "0"},
    };
    static const char *const zones[] = {"resolver.invalid.", "test.", "home.arpa."};
    struct published_source *source = published_init();

    if (source == NULL)
        return NULL;
    struct ub_ctx *context = ub_ctx_create();
    bool ok =
            context != NULL && ub_ctx_async(context, 1) == 0 && ub_ctx_debugout(context, NULL) == 0;
    for (size_t i = 0; ok && i < sizeof settings / sizeof *settings; i++)
        ok = ub_ctx_set_option(context, settings[i][0], settings[i][1]) == 0;
    ok = ok && ub_ctx_set_stub(context, zone, address, 0) == 0;
    for (size_t i = 0; ok && i < sizeof zones / sizeof *zones; i++)
        ok = ub_ctx_zone_add(context, zones[i], i == 0 ? "static" : "transparent") == 0;
    if (!ok && context != NULL)
        ub_ctx_delete(context);
    if (!ok || !published_start(source, context))
        published_free(&source);
    return source;
}

void published_free(struct published_source **source)
{
    struct published_source *s = *source;

    *source = NULL;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    const bool is_idle = s->pump == NULL || pump_free(&s->pump);
    pthread_mutex_unlock(&s->lock);
    if (!is_idle)
        return; /* the thread that hangs has the lock's address */
    resolver_source_free(&s->settings);
    pthread_cond_destroy(&s->heard);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *published_type_name(enum published_type type)
{
    switch (type) {
    case PUBLISHED_A:
        return "A";
    case PUBLISHED_NS:
        return "NS";
    case PUBLISHED_AAAA:
        return "AAAA";
    case PUBLISHED_TXT:
        return "TXT";
    case PUBLISHED_SRV:
        break;
    }
    return "SRV";
}

/* A name of the wire without compression, as a text. False when it is none. */
static bool published_name(const unsigned char *octets, size_t len, char name_r[DOMAIN_MAX + 1])
{
    struct writer w = writer_of(name_r, DOMAIN_MAX);

    while (len > 0 && octets[0] > 0 && octets[0] < len) {
        if (writer_text(&w).len > 0)
            writer_char(&w, '.');
        for (size_t i = 1; i <= octets[0]; i++)
            writer_char(&w, text_lower((char)octets[i]));
        len -= octets[0] + 1U;
        octets += octets[0] + 1U;
    }
    name_r[writer_text(&w).len] = '\0';
    return !w.failed && len == 1 && octets[0] == 0 && domain_is_ldh(writer_text(&w));
}

static bool published_txt(
        const unsigned char *octets, size_t len, char value_r[PUBLISHED_VALUE_MAX])
{
    size_t filled = 0;

    while (len > 0 && octets[0] < len) {
        for (size_t i = 1; i <= octets[0] && filled < PUBLISHED_VALUE_MAX - 1; i++)
            value_r[filled++] = (char)(octets[i] != '\0' ? octets[i] : '?');
        len -= octets[0] + 1U;
        octets += octets[0] + 1U;
    }
    value_r[filled] = '\0';
    return len == 0;
}

static bool published_value(enum published_type type, const unsigned char *octets, size_t len,
        char value_r[PUBLISHED_VALUE_MAX])
{
    struct srv srv;

    switch (type) {
    case PUBLISHED_A:
        return len == 4 && inet_ntop(AF_INET, octets, value_r, PUBLISHED_VALUE_MAX) != NULL;
    case PUBLISHED_AAAA:
        return len == 16 && inet_ntop(AF_INET6, octets, value_r, PUBLISHED_VALUE_MAX) != NULL;
    case PUBLISHED_NS:
        return published_name(octets, len, value_r);
    case PUBLISHED_TXT:
        return published_txt(octets, len, value_r);
    case PUBLISHED_SRV:
        break;
    }
    if (!srv_parse(octets, len, &srv))
        return false;
    snprintf(value_r, PUBLISHED_VALUE_MAX, "%u %u %u %s.", srv.priority, srv.weight, srv.port,
            srv.target);
    return true;
}

static int published_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void published_take(
        const struct ub_result *result, enum published_type type, struct published *published)
{
    const char *canonical = result->canonname != NULL ? result->canonname : result->qname;
    const size_t len = strlen(canonical);

    if (strcasecmp(canonical, result->qname) != 0)
        snprintf(published->canonical, sizeof published->canonical, "%.*s",
                (int)(len > 0 && canonical[len - 1] == '.' ? len - 1 : len), canonical);
    for (size_t i = 0; type == PUBLISHED_TXT && result->data[i] != NULL; i++)
        policy_record_add(
                &published->policy, (struct text){result->data[i], (size_t)result->len[i]});
    for (size_t i = 0; result->data[i] != NULL && published->count < PUBLISHED_VALUES_MAX; i++)
        if (published_value(type, (const unsigned char *)result->data[i], (size_t)result->len[i],
                    published->values[published->count]))
            published->count++;
    qsort(published->values, published->count, sizeof *published->values, published_compare);
    published->result = published->count > 0 ? PUBLISHED_FOUND : PUBLISHED_FAILED;
    if (published->count == 0)
        snprintf(published->error, sizeof published->error, "no record of it can be read");
}

/* Waits for the answer, until the time is over or libunbound hangs. */
static void published_ask(struct published_source *source, const char *name,
        enum published_type type, struct published_answer *answer_r)
{
    const uint64_t deadline = mono_ms() + UINT64_C(1000) * PUBLISHED_TIMEOUT;
    struct published_answer *answer = calloc(1, sizeof *answer);

    *answer_r = (struct published_answer){.error = UB_NOMEM};
    pthread_mutex_lock(&source->lock);
    if (answer != NULL && pump_ask(source->pump, name, (int)type, answer)) {
        pump_probe(source->pump);
        for (uint64_t now = mono_ms(); !answer->came && now < deadline && !pump_hangs(source->pump);
                now = mono_ms())
            (void)clock_cond_wait(&source->heard, &source->lock, now + 1000);
        *answer_r = *answer;
        answer->is_late = !answer->came;
        if (answer->is_late && pump_hangs(source->pump))
            answer_r->error = UB_PIPE;
        if (answer->is_late)
            answer = NULL;
    }
    pthread_mutex_unlock(&source->lock);
    free(answer);
}

void published_look(struct published_source *source, const char *name, enum published_type type,
        struct published *published_r)
{
    struct published_answer answer;

    *published_r = (struct published){.result = PUBLISHED_FAILED};
    published_ask(source, name, type, &answer);
    if (answer.error != 0)
        snprintf(published_r->error, sizeof published_r->error, "%s", ub_strerror(answer.error));
    if (answer.error == 0 && !answer.came) {
        published_r->result = PUBLISHED_LATE;
        snprintf(published_r->error, sizeof published_r->error, "no answer in %d seconds",
                PUBLISHED_TIMEOUT);
    }
    if (answer.result == NULL)
        return;
    published_r->secure = answer.result->secure != 0;
    if (answer.result->bogus) {
        published_r->result = PUBLISHED_BOGUS;
        snprintf(published_r->error, sizeof published_r->error, "%s",
                answer.result->why_bogus != NULL ? answer.result->why_bogus
                                                 : "not signed as it is");
    } else if (answer.result->rcode != 0 && answer.result->rcode != 3) {
        snprintf(published_r->error, sizeof published_r->error, "the answer is %s",
                answer.result->rcode == 2   ? "SERVFAIL"
                : answer.result->rcode == 5 ? "REFUSED"
                                            : "an error");
    } else if (answer.result->havedata) {
        published_take(answer.result, type, published_r);
    } else {
        published_r->result = PUBLISHED_NONE;
    }
    ub_resolve_free(answer.result);
}

static size_t published_addresses(struct published_source *resolver, const char *name,
        struct published_ns *servers_r, size_t room)
{
    static const enum published_type types[] = {PUBLISHED_A, PUBLISHED_AAAA};
    struct published found;
    size_t count = 0;

    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        published_look(resolver, name, types[t], &found);
        for (size_t i = 0; i < found.count && count < room; i++) {
            snprintf(servers_r[count].name, sizeof servers_r->name, "%s", name);
            snprintf(servers_r[count].address, sizeof servers_r->address, "%.45s", found.values[i]);
            count++;
        }
    }
    return count;
}

size_t published_servers(struct published_source *resolver, const char *name,
        char zone_r[DOMAIN_MAX + 1], struct published_ns servers_r[PUBLISHED_SERVERS_MAX])
{
    struct published found = {0};
    size_t count = 0;

    /* The name itself, or the nearest one above it that has name servers; no top-level domain. */
    for (const char *zone = name; zone != NULL && strchr(zone, '.') != NULL;
            zone = strchr(zone, '.') != NULL ? strchr(zone, '.') + 1 : NULL) {
        snprintf(zone_r, DOMAIN_MAX + 1, "%s", zone);
        if (zone[0] == '_')
            continue;
        published_look(resolver, zone, PUBLISHED_NS, &found);
        if (found.result == PUBLISHED_FOUND && found.canonical[0] == '\0')
            break;
        found.count = 0;
    }
    for (size_t i = 0; i < found.count && count < PUBLISHED_SERVERS_MAX; i++)
        count += published_addresses(
                resolver, found.values[i], servers_r + count, PUBLISHED_SERVERS_MAX - count);
    if (count == 0)
        zone_r[0] = '\0';
    return count;
}
