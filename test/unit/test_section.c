// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "config/section.h"
#include "unit.h"

static const struct section *section(const char *name)
{
    const struct section *found = section_within(&section_root, name);

    assert_non_null(found);
    return found;
}

static size_t size_of(const struct option *option)
{
    static const size_t sizes[] = {
            [OPTION_TYPE_TEXT] = sizeof(struct config_text),
            [OPTION_TYPE_NUMBER] = sizeof(uint64_t),
            [OPTION_TYPE_BOOL] = sizeof(bool),
    };

    return option->is_list ? sizeof(struct config_list) : sizes[option->type->value];
}

/* No two options share a place, and none reaches over its struct's end. */
static void check_places(const struct section *s)
{
    const size_t begin = s->name != NULL ? sizeof(unsigned) : 0;
    const size_t name_max = 31;

    for (const struct option *o = s->options; o->name != NULL; o++) {
        if (o->offset < begin || o->offset + size_of(o) > s->size || o->given >= s->size ||
                (o->is_list && o->type->value != OPTION_TYPE_TEXT) || strlen(o->name) > name_max) {
            print_error("%s in %s\n", o->name, s->name);
            fail();
        }
        for (const struct option *other = s->options; other != o; other++) {
            assert_string_not_equal(other->name, o->name);
            assert_int_not_equal(other->offset, o->offset);
        }
        assert_ptr_equal(section_option(s, o->name), o);
        assert_null(section_within(s, o->name));
        assert_true(o - s->options < SECTION_OPTIONS_MAX);
    }
    assert_null(section_option(s, "nothing"));
    assert_null(section_within(s, "nothing"));
    assert_true(s->title == NULL || s->title_offset + sizeof(struct config_text) <= s->size);
    for (const struct section *inner = s->within; inner != NULL && inner->name != NULL; inner++) {
        assert_ptr_equal(section_within(s, inner->name), inner);
        check_places(inner);
    }
}

TEST(tables_fit_their_structs)
{
    check_places(&section_root);
}

/* An option of the manual page: `.It Ic NAME No = ...` below `.Sh SECTION`. */
struct documented {
    char section[32];
    char name[32];
};

#define DOCUMENTED_MAX 200

static void add_documented(
        const char *section, const char *name, struct documented *list, size_t *count)
{
    assert_true(*count < DOCUMENTED_MAX);
    struct documented *d = &list[(*count)++];
    assert_true(strlen(section) < sizeof d->section && strlen(name) < sizeof d->name);
    strcpy(d->section, section);
    strcpy(d->name, name);
}

/* The names before `No =`; several have commas between. */
static void read_item(char *line, const char *section, struct documented *list, size_t *count)
{
    const size_t before = *count;
    char *rest = line;
    const char *word = strsep(&rest, " ");

    for (; word != NULL && strcmp(word, "No") != 0; word = strsep(&rest, " "))
        if (strcmp(word, ",") != 0)
            add_documented(section, word, list, count);
    if (word == NULL || rest == NULL || rest[0] != '=')
        *count = before; /* no option, as `user Dq Em local part` */
}

static size_t read_page(const char *path, struct documented *list)
{
    FILE *page = fopen(path, "r");
    char section[32] = "";
    char *line = NULL;
    size_t size = 0;
    size_t count = 0;

    assert_non_null(page);
    while (getline(&line, &size, page) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, ".Sh ", 4) == 0)
            snprintf(section, sizeof section, "%.31s", line + 4);
        else if (strcmp(line, ".Ss Users") == 0)
            strcpy(section, "user");
        else if (strncmp(line, ".It Ic ", 7) == 0)
            read_item(line + 7, section, list, &count);
    }
    free(line);
    fclose(page);
    return count;
}

static bool is_documented(
        const char *section, const char *name, const struct documented *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(list[i].section, section) == 0 && strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

/* Counts the options of a section and of those inside; each is in the page. */
static size_t check_documented(const struct section *s, const struct documented *list, size_t count)
{
    size_t options = 0;

    for (const struct option *o = s->options; o->name != NULL; o++, options++)
        if (!is_documented(s->name, o->name, list, count))
            fail_msg("%s in %s is not in verimail.conf(5)", o->name, s->name);
    for (const struct section *inner = s->within; inner != NULL && inner->name != NULL; inner++)
        options += check_documented(inner, list, count);
    return options;
}

TEST_IF(the_manual_page_has_these_options_and_no_others, "VERIMAIL_MAN")
{
    struct documented list[DOCUMENTED_MAX];
    char path[4096];

    snprintf(path, sizeof path, "%s/verimail.conf.5", getenv("VERIMAIL_MAN"));
    const size_t count = read_page(path, list);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(list[i].section, list[j].section) == 0)
                assert_string_not_equal(list[i].name, list[j].name);
    }
    const size_t options = check_documented(&section_root, list, count);
    if (options != count) {
        for (size_t i = 0; i < count; i++)
            print_error("%s: %s\n", list[i].section, list[i].name);
        fail_msg("verimail.conf(5) has %zu options, the tables have %zu", count, options);
    }
    print_message("# %zu options\n", options);
}

TEST(unknown_names_get_advice)
{
#define ANY "a name that verimail.conf(5) lists"
    static const struct {
        const char *section; /* NULL: the file itself */
        const char *name;
        const char *want;
    } table[] = {
            {"service", "staet", ANY "; did you mean state?"},
            {"service", "sttate", ANY "; did you mean state?"},
            {"service", "sate", ANY "; did you mean state?"},
            {"service", "stats", ANY "; did you mean state?"},
            {"service", "State", ANY "; did you mean state?"},
            {"service", "run-as", ANY "; did you mean run_as?"},
            {"service", "colour", ANY},
            {"service", "x", ANY},
            {"service", "", ANY},
            {"service", "an_option_whose_name_is_longer_than_any", ANY},
            /* spelled as in another section */
            {"service", "lifetme", ANY "; did you mean lifetime in a section domain?"},
            {"host", "key", "it in a section peer or in a section stamp; did you mean keys?"},
            {"milter", "authserv_id", "it in a section verify"},
            {"verify", "run_as", "it in a section service or in a section milter"},
            {"service", "hosts",
                    "it in a section domain or in a section user or in a section directory"},
            {"service", "domain", "it outside of all sections"},
            {"domain", "usr", ANY "; did you mean user?"},
            {NULL, "user", "it in a section domain"},
            {NULL, "state", "it in a section service or in a section milter"},
            {NULL, "servce", ANY "; did you mean service?"},
            {NULL, "paint", ANY},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char got[SECTION_ADVICE_MAX];
        section_advise(table[i].section != NULL ? section(table[i].section) : &section_root,
                table[i].name, got);
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%s: got %s, want %s", table[i].name, got, table[i].want);
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
    assert_int_equal(s.connections, 10000);
    assert_int_equal(s.connections_per_address, 100);
    section_clear(section("service"), &s);
}

TEST(domain_defaults)
{
    struct config_domain d = {0};

    assert_true(section_defaults(section("domain"), &d));
    assert_false(d.is_default);
    assert_int_equal(d.hosts.count, 0);
    assert_null(d.classic_key.at);
    assert_int_equal(d.policy.lifetime, 7 * 86400);
    assert_int_equal(d.policy.ttl, 300);
    assert_false(d.policy.subdomains || d.policy.testing);
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
    assert_string_equal(v.on_backscatter.at, "mark");
    assert_string_equal(v.on_temperror.at, "accept");
    assert_true(v.send_ip);
    assert_null(v.resolver.at);
    assert_int_equal(v.trust_anchors.count, 0);
    assert_false(v.trust_anchors_given);
    assert_int_equal(v.allow_networks.count, 0);
    assert_int_equal(v.allow_ports.count, 0);
    assert_int_equal(v.budget_per_domain, 6000);
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
    assert_string_equal(m.on_foreign_from.at, "reject");
    section_clear(section("milter"), &m);
}

/* As many as double their space several times, each with what it holds; all freed at the end. */
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
