// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/section.h"
#include "unit.h"

static const struct section *section(const char *name)
{
    for (const struct section *s = sections; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    fail();
    return NULL;
}

/* No two options share a place, and none reaches over its struct's end. */
static void check_places(const struct section *s)
{
    for (const struct option *o = s->options; o->name != NULL; o++) {
        const size_t size = o->is_list                        ? sizeof(struct config_list)
                            : o->kind->is_text                ? sizeof(struct config_text)
                            : o->kind->min + o->kind->max > 0 ? sizeof(uint64_t)
                                                              : sizeof(bool);
        if (o->offset < sizeof(unsigned) || o->offset + size > s->size || o->given >= s->size ||
                (o->is_list && !o->kind->is_text)) {
            print_error("%s in %s\n", o->name, s->name);
            fail();
        }
        for (const struct option *other = s->options; other != o; other++) {
            assert_string_not_equal(other->name, o->name);
            assert_int_not_equal(other->offset, o->offset);
        }
        assert_ptr_equal(section_option(s, o->name), o);
    }
    assert_null(section_option(s, "nothing"));
    assert_true(s->title == NULL || s->title_offset + sizeof(struct config_text) <= s->size);
    for (const struct section *inner = s->within; inner != NULL && inner->name != NULL; inner++)
        check_places(inner);
}

TEST(tables_fit_their_structs)
{
    for (const struct section *s = sections; s->name != NULL; s++)
        check_places(s);
}

/* Sections of the same name at different depths would be taken for each other. */
TEST(names_are_unique)
{
    for (const struct section *s = sections; s->name != NULL; s++) {
        for (const struct section *t = sections; t->name != NULL; t++) {
            assert_true(s == t || strcmp(s->name, t->name) != 0);
            for (const struct section *i = t->within; i != NULL && i->name != NULL; i++)
                assert_string_not_equal(s->name, i->name);
        }
    }
}

TEST(service_defaults)
{
    struct config_service s = {0};

    assert_true(section_defaults(section("service"), &s));
    assert_int_equal(s.listen.count, 1);
    assert_string_equal(s.listen.at[0].at, "*:26");
    assert_int_equal(s.listen.at[0].line, 0);
    assert_string_equal(s.run_as.at, "verimail");
    assert_string_equal(s.state.at, "/var/lib/verimail");
    assert_int_equal(s.workers, 0);
    assert_int_equal(s.keys.count, 0);
    assert_null(s.replay.at);
    assert_string_equal(s.log_format.at, "text");
    assert_string_equal(s.log_level.at, "info");
    assert_int_equal(s.connections, 10000);
    assert_int_equal(s.connections_per_address, 100);
    assert_int_equal(s.connections_per_network, 400);
    assert_int_equal(s.classic_rate, 1000);
    assert_int_equal(s.classic_rate_per_source, 50);
    section_clear(section("service"), &s);
}

TEST(domain_defaults)
{
    struct config_domain d = {0};

    assert_true(section_defaults(section("domain"), &d));
    assert_false(d.is_default);
    assert_int_equal(d.hosts.count, 0);
    assert_null(d.classic_key.at);
    assert_int_equal(d.lifetime, 7 * 86400);
    assert_int_equal(d.ttl, 300);
    assert_true(d.subdomains);
    assert_int_equal(d.deny.count, 0);
    section_clear(section("domain"), &d);
}

TEST(verify_defaults)
{
    struct config_verify v = {0};

    assert_true(section_defaults(section("verify"), &v));
    assert_null(v.authserv_id.at);
    assert_string_equal(v.mode.at, "enforce");
    assert_string_equal(v.on_no.at, "reject");
    assert_string_equal(v.on_permerror.at, "reject");
    assert_string_equal(v.on_temperror.at, "accept");
    assert_int_equal(v.timeout, 5);
    assert_true(v.send_ip);
    assert_null(v.resolver.at);
    assert_int_equal(v.trust_anchors.count, 0);
    assert_false(v.trust_anchors_given);
    assert_int_equal(v.allow_networks.count, 0);
    assert_int_equal(v.allow_ports.count, 0);
    assert_int_equal(v.budget_per_domain, 600);
    assert_int_equal(v.budget_per_address, 6000);
    section_clear(section("verify"), &v);
}

TEST(milter_defaults)
{
    struct config_milter m = {0};

    assert_true(section_defaults(section("milter"), &m));
    assert_null(m.socket.at);
    assert_int_equal(m.socket_mode, 0660);
    assert_null(m.socket_group.at);
    assert_string_equal(m.run_as.at, "verimail");
    assert_int_equal(m.trusted_networks.count, 2);
    assert_string_equal(m.trusted_networks.at[0].at, "127.0.0.0/8");
    assert_string_equal(m.trusted_networks.at[1].at, "::1");
    assert_int_equal(m.trusted_networks.at[1].line, 0);
    assert_int_equal(m.trusted_daemons.count, 0);
    assert_int_equal(m.stamp_relayed.count, 0);
    assert_string_equal(m.logins.at, "same");
    assert_string_equal(m.on_foreign_from.at, "accept");
    assert_string_equal(m.stamp_errors.at, "accept");
    assert_string_equal(m.log_format.at, "text");
    assert_string_equal(m.log_level.at, "info");
    section_clear(section("milter"), &m);
}

/* As many as double their room several times, each with what it holds; all freed at the end. */
TEST(arrays_grow)
{
    struct config *config = calloc(1, sizeof *config);

    for (unsigned i = 0; i < 100; i++) {
        struct config_host host = {.line = i, .name = {strdup("h"), i}};
        assert_true(config_list_add(&host.keys, (struct config_text){strdup("k"), i}));
        assert_true(section_append(section("host"), &host, config));
        assert_int_equal(config->hosts_count, i + 1);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(config->hosts[i].line, i);
        assert_int_equal(config->hosts[i].keys.at[0].line, i);
    }
    assert_int_equal(config->domains_count, 0);
    config_free(&config);
    assert_null(config);
}
