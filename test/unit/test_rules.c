// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "protocol/rules.h"
#include "unit.h"

static const unsigned char seed[RULES_SEED] = "sixteen octets.";
static const struct domain_policy org = {.name = "example.org"};
static const struct domain_policy net = {.name = "EXAMPLE.net"};
static const struct domain_policy deep = {.name = "deep.sub.example.org"};
static const struct rule plain = {.mode = RULE_HOSTS_DOMAIN};
static const struct rule lenient = {.mode = RULE_HOSTS_DOMAIN, .allow_unauthorized = true};

static struct rules *with_domains(void)
{
    struct rules *rules = rules_init(seed);

    assert_non_null(rules);
    assert_true(rules_add_domain(rules, &org));
    assert_true(rules_add_domain(rules, &net));
    assert_true(rules_add_domain(rules, &deep));
    return rules;
}

static bool add(struct rules *rules, const char *local, const char *domain, const struct rule *rule)
{
    const struct text local_copy = exact_copy(text_of(local));
    const struct text domain_copy = exact_copy(text_of(domain));
    const bool ok = rules_add_user(rules, domain_copy, local_copy, rule);

    exact_free(local_copy);
    exact_free(domain_copy);
    return ok;
}

static struct address address_of(const char *text)
{
    struct address address;

    assert_true(address_parse(text_of(text), text_of(""), &address));
    return address;
}

TEST(domains_and_parents)
{
    static const struct {
        const char *domain;
        const struct domain_policy *itself;
        const struct domain_policy *parent;
    } table[] = {
            {"example.org", &org, NULL},
            {"EXAMPLE.Org", &org, NULL},
            {"example.net", &net, NULL},
            {"sub.example.org", NULL, &org},
            {"Deep.Sub.Example.ORG", &deep, &org},
            {"very.deep.sub.example.org", NULL, &deep},
            {"a.b.c.d.e.example.net", NULL, &net},
            {"notexample.org", NULL, NULL},
            {"org", NULL, NULL},
            {"example.com", NULL, NULL},
            {"example.org.", NULL, NULL},
            {".example.org", NULL, &org},
            {"", NULL, NULL},
            {".", NULL, NULL},
            {"alice@example.org", NULL, NULL},
    };
    struct rules *rules = with_domains();

    assert_true(add(rules, "alice", "example.org", &plain));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].domain));
        const struct domain_policy *itself = rules_domain(rules, in);
        const struct domain_policy *parent = rules_parent(rules, in);
        if (itself != table[i].itself || parent != table[i].parent) {
            print_error("\"%s\": got %s below %s, want %s below %s\n", table[i].domain,
                    itself ? itself->name : "none", parent ? parent->name : "none",
                    table[i].itself ? table[i].itself->name : "none",
                    table[i].parent ? table[i].parent->name : "none");
            fail();
        }
        exact_free(in);
    }
    rules_free(&rules);
    assert_null(rules);
    rules_free(&rules);
}

TEST(domains_are_added_once)
{
    static const char *const bad[] = {"Example.ORG", "", "leg_it.com", "example.com.", "a@b"};
    struct rules *rules = with_domains();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct domain_policy policy = {.name = bad[i]};
        assert_false(rules_add_domain(rules, &policy));
    }
    rules_free(&rules);
}

TEST(users_are_added_once)
{
    static const struct {
        const char *local, *domain;
        bool ok;
    } table[] = {
            {"alice", "example.org", true},
            {"alice", "example.org", false},
            {"ALICE", "Example.Org", false},
            {"alice", "example.net", true},
            {"alice+news", "example.org", true},
            {"*", "example.org", true},
            {"*", "example.org", false},
            {"a%20b%40c", "example.org", true},
            {"bob", "example.com", false},
            {"bob", "sub.example.org", false},
            {"bob", "alice@example.org", false},
            {"*", "alice@example.org", false},
            {"", "example.org", false},
            {"+news", "example.org", false},
            {"a b", "example.org", false},
            {"bob@example.org", "example.org", false},
            {"%61lice", "example.org", false},
    };
    struct rules *rules = with_domains();

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const bool ok = add(rules, table[i].local, table[i].domain, &plain);
        if (ok != table[i].ok) {
            print_error("%s at %s: got %d, want %d\n", table[i].local, table[i].domain, ok,
                    table[i].ok);
            fail();
        }
    }
    rules_free(&rules);
}

/* NULL: none. */
static const struct rule *find(
        const struct rules *rules, const struct address *user, struct text *matched_r)
{
    const struct rule *rule = NULL;
    const struct domain_policy *policy = rules_domain(rules, address_domain(user));

    *matched_r = text_of("");
    if (policy == NULL)
        return NULL;
    const enum rules_found found = rules_user(rules, NULL, policy, user, &rule, matched_r);
    assert_int_equal(found, rule != NULL ? RULES_FOUND : RULES_ABSENT);
    return rule;
}

/* Design section 3, step 3. */
TEST(the_nearest_rule_is_found)
{
    static const struct {
        const char *user;
        const char *matched; /* "": none */
    } table[] = {
            {"alice@example.org", "alice"},
            {"Alice@EXAMPLE.ORG", "alice"},
            {"alice+x@example.org", "alice"},
            {"alice+news@example.org", "alice+news"},
            {"ALICE+News@example.org", "alice+news"},
            {"alice+news+x@example.org", "alice"},
            {"alic@example.org", "*"},
            {"alicee@example.org", "*"},
            {"nobody+alice@example.org", "*"},
            {"alice@example.net", ""},
            {"carol@example.net", "carol"},
            {"carol+x@example.net", "carol"},
            {"alice@sub.example.org", ""},
            {"alice@example.com", ""},
            {"constructor@example.org", "*"},
            {"__proto__@example.net", ""},
            {"toString@example.net", ""},
            {"hasownproperty@example.net", "hasownproperty"},
            {"only+detail@example.net", "only+detail"},
            {"only@example.net", ""},
    };
    struct rules *rules = with_domains();

    assert_true(add(rules, "alice", "example.org", &plain));
    assert_true(add(rules, "Alice+News", "example.org", &plain));
    assert_true(add(rules, "*", "example.org", &plain));
    assert_true(add(rules, "carol", "example.net", &plain));
    assert_true(add(rules, "hasOwnProperty", "example.net", &plain));
    assert_true(add(rules, "only+detail", "example.net", &plain));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct address user = address_of(table[i].user);
        struct text matched = text_of("not set");
        const struct rule *rule = find(rules, &user, &matched);
        if ((rule != NULL) != (table[i].matched[0] != '\0') ||
                !text_equal(matched, text_of(table[i].matched))) {
            print_error("%s: got \"%.*s\", want \"%s\"\n", table[i].user, (int)matched.len,
                    matched.at, table[i].matched);
            fail();
        }
    }
    rules_free(&rules);
}

/* With the longest address there is, and with domain names longer than any. */
TEST(names_up_to_their_length)
{
    char local[ADDRESS_LOCAL_MAX * 3 + 1] = "";
    char domain[DOMAIN_MAX + 3] = "";
    struct rules *rules = with_domains();
    struct address user;
    struct text matched;

    for (size_t i = 0; i < ADDRESS_LOCAL_MAX; i++)
        memcpy(local + 3 * i, "%FF", 3);
    for (size_t i = 0; i < DOMAIN_MAX + 2; i++)
        domain[i] = i % 2 == 0 ? 'a' : '.';
    assert_null(rules_domain(rules, text_of(domain)));
    assert_null(rules_parent(rules, text_of(domain)));
    domain[DOMAIN_MAX] = '\0';
    const struct domain_policy longest = {.name = domain};
    assert_true(rules_add_domain(rules, &longest));
    assert_true(add(rules, local, domain, &plain));
    assert_true(address_parse(text_of(local), text_of(domain), &user));
    assert_int_equal(user.len, ADDRESS_MAX);
    assert_non_null(find(rules, &user, &matched));
    assert_int_equal(matched.len, ADDRESS_LOCAL_MAX * 3);
    rules_free(&rules);
}

/* What was found before the table grew is where it was, and all of it is found again. */
TEST(ten_thousand_users)
{
    struct rules *rules = with_domains();
    const struct address first = address_of("user0@example.org");
    const struct rule *found = NULL;
    struct text matched;
    char text[64];

    for (unsigned i = 0; i < 10000; i++) {
        const struct rule rule = {.allow_unauthorized = i % 2 == 1};
        snprintf(text, sizeof text, "user%u", i);
        assert_true(add(rules, text, i % 3 == 0 ? "example.org" : "example.net", &rule));
        if (i == 0)
            found = find(rules, &first, &matched);
        /* A search for what is not there ends, however full the table is. */
        assert_null(rules_domain(rules, text_of("example.com")));
    }
    assert_non_null(found);
    assert_ptr_equal(found, find(rules, &first, &matched));
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "user%u@example.%s", i, i % 3 == 0 ? "org" : "net");
        const struct address user = address_of(text);
        const struct rule *rule = find(rules, &user, &matched);
        assert_non_null(rule);
        assert_int_equal(rule->allow_unauthorized, i % 2 == 1);
        snprintf(text, sizeof text, "user%u@example.%s", i, i % 3 == 0 ? "net" : "org");
        const struct address stranger = address_of(text);
        assert_null(find(rules, &stranger, &matched));
    }
    assert_ptr_equal(rules_domain(rules, text_of("example.org")), &org);
    rules_free(&rules);
}

TEST(one_lenient_user_ends_uniformity)
{
    struct rules *rules = with_domains();

    assert_true(rules_unstamped_is_uniform(rules, text_of("example.org")));
    assert_true(add(rules, "alice", "example.org", &plain));
    assert_true(rules_unstamped_is_uniform(rules, text_of("example.org")));
    assert_true(add(rules, "bob", "Example.org", &lenient));
    assert_true(add(rules, "carol", "example.org", &plain));
    assert_false(rules_unstamped_is_uniform(rules, text_of("example.org")));
    assert_false(rules_unstamped_is_uniform(rules, text_of("EXAMPLE.ORG")));
    assert_true(rules_unstamped_is_uniform(rules, text_of("example.net")));
    assert_true(rules_unstamped_is_uniform(rules, text_of("deep.sub.example.org")));
    assert_true(add(rules, "*", "example.net", &lenient));
    assert_false(rules_unstamped_is_uniform(rules, text_of("example.net")));
    /* A user who is refused changes nothing. */
    assert_true(add(rules, "dave", "deep.sub.example.org", &plain));
    assert_false(add(rules, "dave", "deep.sub.example.org", &lenient));
    assert_true(rules_unstamped_is_uniform(rules, text_of("deep.sub.example.org")));
    rules_free(&rules);
}

TEST(hosts_by_mode)
{
    static const char *const of_domain[] = {"mail.example.org", "mail2.example.org"};
    static const char *const of_user[] = {"Lists.example.net"};
    static const struct domain_policy policy = {.name = "example.org", .hosts = {of_domain, 2}};
    static const struct {
        enum rule_hosts mode;
        size_t count;
        const char *host;
        bool permitted;
    } table[] = {
            {RULE_HOSTS_DOMAIN, 0, "mail.example.org", true},
            {RULE_HOSTS_DOMAIN, 0, "MAIL2.example.org", true},
            {RULE_HOSTS_DOMAIN, 0, "lists.example.net", false},
            {RULE_HOSTS_DOMAIN, 0, "mail3.example.org", false},
            {RULE_HOSTS_DOMAIN, 0, "mail.example.or", false},
            {RULE_HOSTS_DOMAIN, 0, "", false},
            {RULE_HOSTS_DOMAIN, 1, "lists.example.net", false},
            {RULE_HOSTS_MORE, 1, "mail.example.org", true},
            {RULE_HOSTS_MORE, 1, "lists.example.NET", true},
            {RULE_HOSTS_MORE, 1, "mail3.example.org", false},
            {RULE_HOSTS_ONLY, 1, "lists.example.net", true},
            {RULE_HOSTS_ONLY, 1, "mail.example.org", false},
            {RULE_HOSTS_ONLY, 0, "mail.example.org", false},
            {RULE_HOSTS_ONLY, 0, "lists.example.net", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct rule rule = {.mode = table[i].mode, .hosts = {of_user, table[i].count}};
        const struct text host = exact_copy(text_of(table[i].host));
        const bool permitted = rule_permits(&rule, &policy, host);
        if (permitted != table[i].permitted) {
            print_error("mode %d, %s: got %d, want %d\n", (int)table[i].mode, table[i].host,
                    permitted, table[i].permitted);
            fail();
        }
        exact_free(host);
    }
}

/* A table of users: nearby has a rule there, `*` too where that is asked for. */
struct table {
    enum rules_found nearby;
    enum rules_found others;
    unsigned asked;
};

static enum rules_found find_in_table(void *context, const struct domain_policy *policy,
        struct text local, const struct rule **rule_r)
{
    struct table *table = context;
    const enum rules_found found = text_equal(local, text_of("*"))             ? table->others
                                   : text_equal_fold(local, text_of("nearby")) ? table->nearby
                                                                               : RULES_ABSENT;

    assert_true(policy->has_table);
    table->asked++;
    *rule_r = found == RULES_FOUND ? &lenient : NULL;
    return found;
}

TEST(rules_in_a_table)
{
    static const struct domain_policy tabled = {.name = "tabled.example", .has_table = true};
    static const struct {
        const char *user;
        enum rules_found nearby, others;
        enum rules_found want;
        const char *matched;
        unsigned asked;
    } rows[] = {
            {"nearby@tabled.example", RULES_FOUND, RULES_ABSENT, RULES_FOUND, "nearby", 1},
            {"nearby+x@tabled.example", RULES_FOUND, RULES_ABSENT, RULES_FOUND, "nearby", 2},
            {"other@tabled.example", RULES_FOUND, RULES_ABSENT, RULES_ABSENT, "", 2},
            {"other+x@tabled.example", RULES_FOUND, RULES_FOUND, RULES_FOUND, "*", 3},
            {"nearby@tabled.example", RULES_UNKNOWN, RULES_FOUND, RULES_UNKNOWN, "", 1},
            {"other@tabled.example", RULES_FOUND, RULES_UNKNOWN, RULES_UNKNOWN, "", 2},
            /* what is in memory comes first, and of other domains no table is asked */
            {"pinned@tabled.example", RULES_FOUND, RULES_FOUND, RULES_FOUND, "pinned", 0},
            {"nearby@example.org", RULES_FOUND, RULES_FOUND, RULES_ABSENT, "", 0},
    };
    struct rules *rules = with_domains();

    assert_true(rules_add_domain(rules, &tabled));
    assert_true(add(rules, "pinned", "tabled.example", &plain));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct table table = {rows[i].nearby, rows[i].others, 0};
        const struct rules_lookup lookup = {find_in_table, &table};
        const struct address user = address_of(rows[i].user);
        const struct rule *rule = NULL;
        struct text matched;
        const enum rules_found found = rules_user(
                rules, &lookup, rules_domain(rules, address_domain(&user)), &user, &rule, &matched);
        if (found != rows[i].want || table.asked != rows[i].asked ||
                !text_equal(matched, text_of(rows[i].matched)) ||
                (rule != NULL) != (found == RULES_FOUND))
            fail_msg("row %zu: got %d, asked %u, %.*s", i, (int)found, table.asked,
                    (int)matched.len, matched.at);
    }
    rules_free(&rules);
}

TEST(uniform_where_no_user_may_send_without)
{
    static const struct domain_policy tabled = {.name = "tabled.example", .has_table = true};
    struct rules *rules = with_domains();

    assert_true(rules_add_domain(rules, &tabled));
    assert_true(add(rules, "alice", "example.org", &plain));
    assert_true(add(rules, "bob", "example.net", &lenient));
    assert_true(rules_unstamped_is_uniform(rules, text_of("example.org")));
    assert_false(rules_unstamped_is_uniform(rules, text_of("example.net")));
    assert_false(rules_unstamped_is_uniform(rules, text_of("tabled.example")));
    assert_true(rules_unstamped_is_uniform(rules, text_of("example.com")));
    rules_free(&rules);
}

/* A host's name stands beside the domains, and may be one of them. */
TEST(hosts_have_names)
{
    static const struct domain_policy both = {.name = "mail.example.org"};
    static const struct {
        const char *name;
        bool added, domain;
    } table[] = {
            {"Mail.example.org", true, true},
            {"mx.example.net", true, false},
            {"example.org", true, true},
            {"deep.sub.example.org", false, true},
            {"other.example.org", false, false},
    };
    struct rules *rules = with_domains();

    assert_false(rules_add_host(rules, text_of("not_ldh.example.org"), 0));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_true(!table[i].added || (rules_add_host(rules, text_of(table[i].name), 0) &&
                                               rules_add_host(rules, text_of(table[i].name), 0)));
    assert_null(rules_domain(rules, text_of("mail.example.org")));
    assert_true(rules_unstamped_is_uniform(rules, text_of("mail.example.org")));
    assert_false(add(rules, "alice", "mx.example.net", &plain));
    assert_true(rules_add_domain(rules, &both));
    assert_false(rules_add_domain(rules, &both));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text name = text_of(table[i].name);
        if (rules_has_host(rules, name) != table[i].added ||
                (rules_domain(rules, name) != NULL) != table[i].domain)
            fail_msg("%s: a host %d, a domain %d", table[i].name, rules_has_host(rules, name),
                    rules_domain(rules, name) != NULL);
    }
    rules_free(&rules);
}

/* The rules of a domain serve users of other names. */
TEST(rules_of_another_domain)
{
    struct rules *rules = with_domains();
    const struct address daemon = address_of("MAILER-DAEMON@mail.example.org");
    const struct rule *rule = NULL;
    struct text matched;

    assert_true(add(rules, "mailer-daemon", "example.org", &lenient));
    assert_int_equal(rules_user(rules, NULL, &org, &daemon, &rule, &matched), RULES_FOUND);
    assert_true(rule->allow_unauthorized);
    assert_int_equal(rules_user(rules, NULL, &net, &daemon, &rule, &matched), RULES_ABSENT);
    rules_free(&rules);
}

/* No domain that was added is so long. */
TEST(names_that_are_too_long)
{
    char *name = malloc(ADDRESS_MAX + 1);
    struct rules *rules = with_domains();

    assert_non_null(name);
    memset(name, 'a', ADDRESS_MAX + 1);
    assert_null(rules_domain(rules, (struct text){name, ADDRESS_MAX + 1}));
    assert_null(rules_parent(rules, (struct text){name, ADDRESS_MAX + 1}));
    free(name);
    rules_free(&rules);
}
