// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture_service.h"
#include "unit.h"
#include "vectors.h"

static struct address user_of(const char *text)
{
    struct address address;

    assert_true(address_parse(text_of(text), (struct text){NULL, 0}, &address));
    return address;
}

/* Whether this host may stamp for this user. */
static bool permits(const struct fixture_service *fixture, const char *user, const char *host)
{
    const struct rules *rules = service_rules(fixture->service);
    const struct address address = user_of(user);
    const struct domain_policy *policy = rules_domain(rules, address_domain(&address));
    struct text matched;
    const struct rule *rule;

    return policy != NULL &&
           rules_user(rules, NULL, policy, &address, &rule, &matched) == RULES_FOUND &&
           rule_permits(rule, policy, text_of(host));
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(users_have_their_hosts)
{
    static const struct {
        const char *user;
        bool first; /* the domain's host may */
        bool other; /* the other host may */
    } table[] = {
            {"domains@example.org", true, false},
            {"more@example.org", true, true},
            {"only@example.org", false, true},
            {"none@example.org", false, false},
            {"anybody@example.org", false, false},
            {"one@example.net", false, true},
            {"nobody@example.net", false, false},
            {"one@example.com", false, false},
    };
    char key[KEY_TEXT_MAX + 1];
    char rest[2048];

    fixture_service_host_key(2, key);
    snprintf(rest, sizeof rest,
            "host other.example.net { keys = \"%s\" }\n"
            "domain example.org {\n hosts = mail.example.org\n user domains { }\n"
            " user more { more_hosts = other.example.net }\n"
            " user only { hosts = other.example.net }\n"
            " user none { hosts = {} }\n user \"*\" { hosts = {} }\n}\n"
            "domain example.net { hosts = other.example.net user one { } }\n",
            key);
    struct fixture_service fixture = fixture_service_open("", rest);
    assert_string_equal(problems_text(fixture.conf.problems), "");
    assert_int_equal(keyring_count(service_keyring(fixture.service)), 2);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const bool first = permits(&fixture, table[i].user, FIXTURE_SERVICE_HOST);
        const bool other = permits(&fixture, table[i].user, "other.example.net");
        if (first != table[i].first || other != table[i].other) {
            print_error("%s: got %d %d, want %d %d\n", table[i].user, first, other, table[i].first,
                    table[i].other);
            fail();
        }
    }
    fixture_service_close(&fixture);
}

TEST(domains_have_their_policy)
{
    struct fixture_service fixture = fixture_service_open("",
            "domain example.org { default = true lifetime = 1d\n"
            " ttl = 1h subdomains = yes testing = yes deny = {expired, redirected}\n"
            "}\ndomain example.net { deny = changed }\n");
    const struct rules *rules = service_rules(fixture.service);

    assert_true(text_equal(service_default_domain(fixture.service), text_of("example.org")));
    const struct domain_policy *policy = rules_domain(rules, text_of("Example.ORG"));
    assert_int_equal(policy->lifetime, 86400);
    assert_int_equal(policy->ttl, 3600);
    assert_true(policy->subdomains && policy->testing);
    assert_true(policy->deny_expired && policy->deny_redirected && !policy->deny_changed);
    policy = rules_domain(rules, text_of("example.net"));
    assert_int_equal(policy->lifetime, 7 * 86400);
    assert_int_equal(policy->ttl, 300);
    assert_false(policy->subdomains || policy->testing);
    assert_true(policy->deny_changed && !policy->deny_expired && !policy->deny_redirected);
    assert_null(service_classic_key(fixture.service, text_of("example.org")));
    assert_null(service_classic_key(fixture.service, text_of("nowhere.org")));
    service_after_fork(fixture.service);
    fixture_service_close(&fixture);
}

TEST(no_default_domain)
{
    struct fixture_service fixture = fixture_service_open("", "domain example.org { }\n");

    assert_int_equal(service_default_domain(fixture.service).len, 0);
    fixture_service_close(&fixture);
}

/* Writes the first key of the classic vectors. */
static void write_classic(const struct folder *folder, const char *name)
{
    struct vectors *vectors = vectors_open("classic.txt");

    while (vectors_next(vectors) && !vectors_has(vectors, "key"))
        continue;
    const struct text pem = vectors_get(vectors, "key");
    folder_write(folder, name, pem.at, pem.len, 0640);
    vectors_free(&vectors);
}

/* Hosts with keys are known by their names, and so are those of a domain without their keys. */
TEST(hosts_are_listed)
{
    static const struct {
        const char *name;
        bool listed;
    } table[] = {{"MAIL.example.org", true}, {"old.example.net", true}, {"example.org", false},
            {"more.example.org", false}};
    struct folder folder = folder_make();

    write_classic(&folder, "classic.key");
    struct fixture_service fixture = fixture_service_open_in(folder, "",
            "domain example.net { hosts = old.example.net classic_key = \"$/classic.key\" }\n"
            "domain example.org { user more { more_hosts = " FIXTURE_SERVICE_HOST " } }\n");
    assert_string_equal(problems_text(fixture.conf.problems), "");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (rules_has_host(service_rules(fixture.service), text_of(table[i].name)) !=
                table[i].listed)
            fail_msg("%s: want %d", table[i].name, table[i].listed);
    fixture_service_close(&fixture);
}

TEST(classic_keys_belong_to_their_domain)
{
    const struct folder folder = folder_make();

    write_classic(&folder, "classic.key");
    struct fixture_service fixture = fixture_service_open_in(folder, "",
            "domain example.net { }\ndomain example.org { classic_key = \"$/classic.key\" }\n");
    assert_string_equal(problems_text(fixture.conf.problems), "");
    assert_non_null(service_classic_key(fixture.service, text_of("example.org")));
    assert_non_null(service_classic_key(fixture.service, text_of("EXAMPLE.org")));
    assert_null(service_classic_key(fixture.service, text_of("sub.example.org")));
    assert_null(service_classic_key(fixture.service, text_of("example.net")));
    fixture_service_close(&fixture);
}

/* What is wrong with the keys, all of it in one go; `%s` in what is wanted is the folder. */
static void check_refused(struct folder folder, const char *rest, const char *want)
{
    char sentences[4096] = "";
    struct fixture_service fixture = fixture_service_open_in(folder, "", rest);

    for (const char *at = want; *at != '\0'; at++) {
        const size_t len = strlen(sentences);
        snprintf(sentences + len, sizeof sentences - len, *at == '$' ? "%s" : "%.1s",
                *at == '$' ? folder.path : at);
    }
    if (fixture.service != NULL || strcmp(problems_text(fixture.conf.problems), sentences) != 0) {
        print_error("got:\n%swant:\n%s", problems_text(fixture.conf.problems), sentences);
        fail();
    }
    fixture_service_close(&fixture);
}

TEST(bad_keys_are_named)
{
    struct folder folder = folder_make();

    folder_write(&folder, "open", "x", 1, 0644);
    folder_write(&folder, "none", "x", 1, 0600);
    check_refused(folder,
            "domain a.org {\n classic_key = \"$/nothing\"\n}\n"
            "domain b.org {\n classic_key = \"$/open\"\n}\n"
            "domain c.org {\n classic_key = \"$/none\"\n}\n",
            "f:3: unusable classic_key (No such file or directory): $/nothing: expected a key file "
            "that verimaild can read\n"
            "f:6: unusable classic_key (may be read by everybody: it should have mode 0600 or "
            "0640): $/open: expected a key file that verimaild can read\n"
            "f:9: unusable classic_key (is not a private key in PEM form): "
            "$/none: expected a key file that verimaild can read\n");
}

TEST(a_key_is_one_hosts)
{
    char key[KEY_TEXT_MAX + 1];
    char rest[512];
    char want[512];

    fixture_service_host_key(1, key);
    snprintf(rest, sizeof rest, "domain a.org { }\nhost other.example.net {\n keys = \"%s\"\n}\n",
            key);
    snprintf(want, sizeof want,
            "f:4: unusable host key: %s: expected a key of its own for each host\n", key);
    check_refused(folder_make(), rest, want);
}

/* A service key that is there in two files, or not at all. */
TEST(service_keys)
{
    struct folder folder = folder_make();
    char path[FOLDER_PATH_MAX];
    char key[KEY_TEXT_MAX + 1];
    char text[4096];

    fixture_service_service_key(102, key);
    folder_write(&folder, "second.key", key, strlen(key), 0600);
    folder_path(&folder, "second.key", path);
    fixture_service_host_key(1, key);
    snprintf(text, sizeof text,
            "service { keys = {\"%s\",\n\"%s/x\",\n\"/nothing\"} replay = none }\n"
            "host h.org { keys = \"%s\" }\ndomain a.org { }\n",
            path, folder.path, key);
    struct conf conf = conf_of(text);
    assert_string_equal(problems_text(conf.problems), "");
    assert_null(service_init(conf.config, conf.problems));
    snprintf(text, sizeof text,
            "f:2: unusable service key (No such file or directory): %s/x: expected a file that "
            "`verimail keygen service` made, and that verimaild can read\n"
            "f:3: unusable service key (No such file or directory): /nothing: expected a file that "
            "`verimail keygen service` made, and that verimaild can read\n",
            folder.path);
    assert_string_equal(problems_text(conf.problems), text);
    conf_free(&conf);
    folder_remove(&folder);
}

/* Every service key with every host's. */
TEST(several_service_keys)
{
    struct folder folder = folder_make();
    char text[4096];
    char hosts[3][KEY_TEXT_MAX + 1];

    for (unsigned char i = 0; i < 3; i++) {
        char name[8];
        fixture_service_service_key((unsigned char)(50 + i), text);
        snprintf(name, sizeof name, "%u", i);
        folder_write(&folder, name, text, strlen(text), 0600);
        fixture_service_host_key((unsigned char)(10 + i), hosts[i]);
    }
    snprintf(text, sizeof text,
            "service { keys = {\"%s/0\", \"%s/1\", \"%s/2\"} replay = none }\n"
            "host h.org { keys = {\"%s\", \"%s\"} }\nhost i.org { keys = \"%s\" }\n"
            "domain a.org { }\n",
            folder.path, folder.path, folder.path, hosts[0], hosts[1], hosts[2]);
    struct conf conf = conf_of(text);
    assert_string_equal(problems_text(conf.problems), "");
    struct service *service = service_init(conf.config, conf.problems);
    assert_non_null(service);
    assert_int_equal(keyring_count(service_keyring(service)), 9);
    service_free(&service);
    assert_null(service);
    service_free(&service);
    conf_free(&conf);
    folder_remove(&folder);
}

TEST(many_users)
{
    enum { USERS = 3000 };
    const size_t size = USERS * 96;
    char *rest = malloc(size);
    size_t len = (size_t)snprintf(rest, size, "domain example.org {\n");

    for (int i = 0; i < USERS; i++)
        len += (size_t)snprintf(rest + len, size - len,
                "user \"u%d\" { hosts = {\"" FIXTURE_SERVICE_HOST "\"} allow_unauthorized = %s }\n",
                i, i % 2 == 0 ? "yes" : "no");
    snprintf(rest + len, size - len, "}\n");
    struct fixture_service fixture = fixture_service_open("", rest);
    free(rest);
    assert_non_null(fixture.service);
    for (int i = 0; i < USERS; i++) {
        char user[64];
        struct text matched;
        snprintf(user, sizeof user, "U%d@example.org", i);
        assert_true(permits(&fixture, user, FIXTURE_SERVICE_HOST));
        const struct address address = user_of(user);
        const struct rules *rules = service_rules(fixture.service);
        const struct rule *rule;
        assert_int_equal(rules_user(rules, NULL, rules_domain(rules, address_domain(&address)),
                                 &address, &rule, &matched),
                RULES_FOUND);
        assert_int_equal(rule->allow_unauthorized, i % 2 == 0);
    }
    fixture_service_close(&fixture);
}

/* Writes what a key file has, with a comment before it. */
static void write_key(const struct folder *folder, const char *name, const char *key, mode_t mode)
{
    char content[KEY_TEXT_MAX + 32];

    (void)snprintf(content, sizeof content, "# made\n%s\n", key);
    folder_write(folder, name, content, strlen(content), mode);
}

static struct folder folder_with_keys(void)
{
    struct folder folder = folder_make();
    char path[FOLDER_PATH_MAX];
    char key[KEY_TEXT_MAX + 1];

    folder_path(&folder, "keys", path);
    assert_int_equal(mkdir(path, 0750), 0);
    for (unsigned char i = 2; i < 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "keys/2026-1%d-01.pub", i);
        fixture_service_host_key(i, key);
        write_key(&folder, name, key, 0644);
        (void)snprintf(name, sizeof name, "keys/2026-1%d-01.key", i);
        fixture_service_service_key((unsigned char)(100 + i), key);
        write_key(&folder, name, key, 0640);
    }
    return folder;
}

#define FOLDER_HOST "domain example.org { }\nhost other.example.org { keys = {\"$/keys\"} }\n"

TEST(keys_lie_in_folders)
{
    char copy[FOLDER_PATH_MAX];
    char key[KEY_TEXT_MAX + 1];
    struct folder folder = folder_with_keys();

    fixture_service_host_key(9, key);
    folder_path(&folder, "keys/.2026-19-01.pub", copy);
    write_key(&folder, "keys/.2026-19-01.pub", key, 0644);
    write_key(&folder, "keys/2026-12-01.pub~", key, 0644);
    struct fixture_service fixture = fixture_service_open_in(folder, "", FOLDER_HOST);
    assert_string_equal(problems_text(fixture.conf.problems), "");
    /* The fixture's service key, and its host and three more. */
    assert_int_equal(keyring_count(service_keyring(fixture.service)), 4);
    fixture_service_close(&fixture);
}

static const struct {
    struct unit_row row;
    const char *name;
    const char *content; /* "$": a key of the wrong half */
    mode_t mode;
    const char *said;
} broken_keys[] = {
        {{"half written"}, "keys/2026-12-24.pub", "# made\nhost-public:KuXk54zNpa0nj6n5otT_egBN",
                0644, "unusable host key (is not the text of a key)"},
        {{"empty"}, "keys/2026-12-24.pub", "", 0644,
                "unusable host key (is not the text of a key)"},
        {{"mistyped"}, "keys/2026-12-24.pub",
                "host-public:KuXk54zNpa0nj6n5otT_egBNRiPkIRdLLPHpmLa1Ln7j-THj", 0644,
                "unusable host key (is mistyped: its check does not fit)"},
        {{"of another kind"}, "keys/2026-12-24.pub", "$", 0644,
                "unusable host key (is a key of another kind: the secret half of a service's)"},
        {{"anybody may write it"}, "keys/2026-12-24.pub", "", 0646,
                "unusable host key (may be written by everybody: it should have mode 0644)"},
};

/* The file is named, and all others are read. */
TEST_EACH(a_key_file_that_is_broken, broken_keys)
{
    struct folder folder = folder_with_keys();
    char key[KEY_TEXT_MAX + 1];
    char path[FOLDER_PATH_MAX];
    char wanted[FOLDER_PATH_MAX + 256];

    fixture_service_service_key(7, key);
    const char *content = row->content;
    content = strcmp(content, "$") == 0 ? key : content;
    folder_write(&folder, row->name, content, strlen(content), row->mode);
    folder_path(&folder, row->name, path);
    struct fixture_service fixture = fixture_service_open_in(folder, "", FOLDER_HOST);
    assert_null(fixture.service);
    (void)snprintf(wanted, sizeof wanted, "f:3: %s: %s: ", row->said, path);
    if (strncmp(problems_text(fixture.conf.problems), wanted, strlen(wanted)) != 0)
        fail_msg("got %s, want %s", problems_text(fixture.conf.problems), wanted);
    assert_int_equal(problems_count(fixture.conf.problems), 1);
    fixture_service_close(&fixture);
}
