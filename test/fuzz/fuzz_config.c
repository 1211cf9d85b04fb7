// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/network.h"
#include "config/config.h"
#include "config/problems.h"
#include "protocol/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static unsigned count_lines(const char *text, size_t len)
{
    unsigned lines = 1;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Every sentence is `f: ...` or `f:LINE: ...` with a line that there is, on a line of its own, in
 * printable ASCII. */
static void check_sentences(const char *sentences, size_t count, unsigned lines)
{
    struct reader r = reader_of(text_of(sentences));

    while (r.rest.len > 0) {
        struct reader sentence = reader_of(reader_until(&r, '\n'));
        uint64_t line = 0;
        require(text_equal(reader_until(&sentence, ':'), text_of("f")));
        require(sentence.rest.len > 1);
        if (sentence.rest.at[0] != ' ')
            require(text_decimal(reader_until(&sentence, ':'), lines, &line) && line > 0);
        for (size_t i = 0; i < sentence.rest.len; i++)
            require(sentence.rest.at[i] >= ' ' && sentence.rest.at[i] < 0x7f);
        count--;
    }
    require(!r.failed && count == 0);
}

static void check_text(const struct config_text *text, bool needed, unsigned lines)
{
    require(text->line <= lines);
    require(text->at != NULL || !needed);
    require(text->at == NULL || strlen(text->at) > 0);
}

static void check_list(const struct config_list *list, unsigned lines)
{
    for (size_t i = 0; i < list->count; i++)
        check_text(&list->at[i], true, lines);
}

static void check_verify(const struct config_verify *v, bool good, unsigned lines)
{
    check_text(&v->authserv_id, good, lines);
    check_text(&v->mode, good, lines);
    check_text(&v->on_no, good, lines);
    check_text(&v->on_permerror, good, lines);
    check_text(&v->on_temperror, good, lines);
    check_text(&v->resolver, false, lines);
    check_list(&v->trust_anchors, lines);
    require(v->trust_anchors_given || v->trust_anchors.count == 0);
    require(v->budget_per_domain > 0);
    for (size_t i = 0; i < v->allow_networks.count; i++) {
        struct network network;
        require(network_parse(v->allow_networks.at[i].at, &network));
    }
    for (size_t i = 0; i < v->allow_ports.count; i++) {
        uint64_t port;
        require(text_decimal(text_of(v->allow_ports.at[i].at), UINT16_MAX, &port) && port > 0);
    }
}

/* What a `sockaddr_un` takes, or a port and an address. */
static void check_socket(const char *socket)
{
    if (strncmp(socket, "unix:/", 6) == 0)
        require(strlen(socket + 5) < 108);
    else
        require(strncmp(socket, "inet", 4) == 0 && strchr(socket, '@') != NULL);
}

static void check_milter(const struct config_milter *m, bool good, unsigned lines)
{
    check_text(&m->socket, good, lines);
    if (m->socket.at != NULL)
        check_socket(m->socket.at);
    require(m->socket_mode >= 0600 && m->socket_mode <= 0777);
    check_text(&m->socket_group, false, lines);
    check_text(&m->run_as, good, lines);
    check_list(&m->trusted_networks, lines);
    check_list(&m->trusted_daemons, lines);
    check_list(&m->stamp_relayed, lines);
    check_text(&m->relayed_mark, false, lines);
    check_text(&m->logins, good, lines);
    check_text(&m->on_foreign_from, good, lines);
}

/* What is there is what config.h says of it; `good`: there were no problems. */
static void check_values(const struct config *config, bool good, unsigned lines)
{
    for (size_t i = 0; i < config->hosts_count; i++) {
        check_text(&config->hosts[i].name, good, lines);
        check_list(&config->hosts[i].keys, lines);
    }
    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_domain *d = &config->domains[i];
        check_text(&d->name, good, lines);
        check_list(&d->hosts, lines);
        require(d->policy.lifetime >= 60 && d->policy.ttl <= 3600);
        for (size_t u = 0; u < d->users_count; u++) {
            check_text(&d->users[u].local, good, lines);
            check_list(&d->users[u].hosts, lines);
            require(d->users[u].hosts_given || d->users[u].hosts.count == 0);
        }
    }
    for (size_t i = 0; i < config->service_count; i++) {
        check_text(&config->service[i].run_as, good, lines);
        check_list(&config->service[i].listen, lines);
        require(config->service[i].connections > 0);
    }
    for (size_t i = 0; i < config->log_count; i++) {
        check_text(&config->log[i].format, good, lines);
        check_text(&config->log[i].level, good, lines);
    }
    for (size_t i = 0; i < config->verify_count; i++)
        check_verify(&config->verify[i], good, lines);
    for (size_t i = 0; i < config->milter_count; i++)
        check_milter(&config->milter[i], good, lines);
    require(!good ||
            (config->service_count <= 1 && config->log_count <= 1 && config->stamp_count <= 1 &&
                    config->verify_count <= 1 && config->milter_count <= 1));
}

/* Reads it whole; `sentences_r`: what is wrong with it. */
static void read_text(const char *text, size_t len, char **sentences_r)
{
    struct problems *problems = problems_init("f");
    struct config *config = NULL;
    char *copy = malloc(len > 0 ? len : 1); /* of its very size */

    require(problems != NULL && copy != NULL);
    memcpy(copy, text, len);
    const unsigned lines = count_lines(text, len);
    config = config_parse(copy, len, problems);
    free(copy);
    if (config != NULL)
        config_check(config, problems);
    require(config != NULL || problems_count(problems) > 0);
    check_sentences(problems_text(problems), problems_count(problems), lines);
    if (config != NULL)
        check_values(config, problems_count(problems) == 0, lines);
    *sentences_r = strdup(problems_text(problems));
    config_free(&config);
    problems_free(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *once;
    char *again;

    read_text((const char *)data, size, &once);
    read_text((const char *)data, size, &again);
    require(strcmp(once, again) == 0);
    free(once);
    free(again);
    return 0;
}
