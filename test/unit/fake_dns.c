// SPDX-License-Identifier: ISC
#include "fake_dns.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

struct fake_dns_name fake_dns_names[FAKE_DNS_NAMES];

static size_t fake_dns_count;

/* Never looked into. */
static char fake_dns_discovery;

struct discovery *discovery_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX])
{
    (void)options;
    error_r[0] = '\0';
    return (struct discovery *)(void *)&fake_dns_discovery;
}

bool discovery_start(struct discovery *discovery)
{
    return discovery != NULL;
}

void discovery_free(struct discovery **discovery)
{
    *discovery = NULL;
}

void discovery_find(struct discovery *discovery, struct text domain, struct text network,
        uint64_t deadline, struct discovery_answer *answer_r)
{
    assert_ptr_equal(discovery, &fake_dns_discovery);
    (void)network;
    *answer_r = (struct discovery_answer){.result = DISCOVERY_ERROR, .cause = "no such test"};
    for (size_t i = 0; i < fake_dns_count; i++) {
        if (!text_equal(domain, text_of(fake_dns_names[i].domain)))
            continue;
        *answer_r = fake_dns_names[i].answer;
        while (fake_dns_names[i].leaves > 0 && mono_ms() + fake_dns_names[i].leaves < deadline)
            usleep(1000);
    }
}

void discovery_find_exactly(struct discovery *discovery, struct text domain, struct text network,
        uint64_t deadline, struct discovery_answer *answer_r)
{
    discovery_find(discovery, domain, network, deadline, answer_r);
}

void discovery_keep(struct discovery *discovery, const struct discovery_answer *answer)
{
    assert_ptr_equal(discovery, &fake_dns_discovery);
    assert_int_equal(answer->result, DISCOVERY_FOUND);
}

static unsigned fake_dns_early;

void discovery_begin(struct discovery *discovery, struct text domain, struct text network)
{
    assert_ptr_equal(discovery, &fake_dns_discovery);
    (void)domain;
    (void)network;
    fake_dns_early++;
}

bool discovery_is_none(
        struct discovery *discovery, struct text domain, struct discovery_answer *answer_r)
{
    discovery_find(discovery, domain, text_of(""), 0, answer_r);
    return answer_r->result == DISCOVERY_NONE;
}

unsigned fake_dns_begun(void)
{
    return fake_dns_early;
}

void discovery_look_for(struct discovery *discovery, const struct text *domains, size_t count,
        struct text network, uint64_t deadline, enum discovery_result *results_r)
{
    struct discovery_answer answer;

    assert_in_range(count, 1, DISCOVERY_LOOKS_MAX);
    for (size_t i = 0; i < count; i++) {
        discovery_find(discovery, domains[i], network, deadline, &answer);
        results_r[i] = answer.result;
    }
}

void fake_dns_clear(void)
{
    fake_dns_count = 0;
    fake_dns_early = 0;
}

struct fake_dns_name *fake_dns_name(const char *domain, enum discovery_result result)
{
    struct fake_dns_name *named = &fake_dns_names[fake_dns_count++];

    *named = (struct fake_dns_name){.domain = domain, .answer = {.result = result, .secure = true}};
    return named;
}

void fake_dns_add_server(struct fake_dns_name *named, struct endpoint endpoint)
{
    struct discovery_server *server = &named->answer.servers[named->answer.count++];

    server->endpoint = endpoint;
    strcpy(server->target, "service.test");
}

struct fake_dns_name *fake_dns_service(const char *domain, const struct fake_service *service)
{
    struct fake_dns_name *named = fake_dns_name(domain, DISCOVERY_FOUND);

    fake_dns_add_server(named, fake_service_endpoint(service));
    return named;
}
