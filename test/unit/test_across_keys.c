// SPDX-License-Identifier: ISC
#include "config/across_keys.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "folder.h"
#include "protocol/key.h"
#include "unit.h"

enum { OUR_SERVICE = 1, OTHER_SERVICE, OUR_HOST, OTHER_HOST };

static struct folder folder;

static void make(unsigned char number, unsigned char secret_r[KEY_OCTETS],
        unsigned char public_r[KEY_OCTETS])
{
    memset(secret_r, number, KEY_OCTETS);
    key_public(secret_r, public_r);
}

static void write_secret(const char *name, enum key_kind kind, unsigned char number)
{
    unsigned char secret[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];

    make(number, secret, public);
    key_format(kind, secret, text);
    folder_write(&folder, name, text, strlen(text), 0600);
}

static void public_text(enum key_kind kind, unsigned char number, char text_r[KEY_TEXT_MAX + 1])
{
    unsigned char secret[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];

    make(number, secret, public);
    key_format(kind, public, text_r);
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

BEFORE_EACH()
{
    folder = folder_make();
    write_secret("service", KEY_SERVICE_SECRET, OUR_SERVICE);
    write_secret("host", KEY_HOST_SECRET, OUR_HOST);
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static const struct {
    struct unit_row row;
    unsigned char service_key; /* of section `stamp` */
    unsigned char first;       /* the key of m.example.org */
    unsigned char second;      /* that of n.example.org */
    const char *stamped;
    bool lacks_service; /* its key cannot be read */
    const char *want;   /* "": nothing; else what the one line has */
} rows[] = {
        {{"all fit"}, OUR_SERVICE, OUR_HOST, OTHER_HOST, "example.org", false, ""},
        {{"another service's key for our domain"}, OTHER_SERVICE, OUR_HOST, OTHER_HOST,
                "example.org", false,
                "f:5: warning: the service_key of another service than that of this file, which "
                "answers for the stamped domain: example.org: expected service-public:"},
        {{"another service's key for its domain"}, OTHER_SERVICE, OTHER_HOST, OTHER_SERVICE,
                "example.com", false, ""},
        {{"a domain that is not served"}, OUR_SERVICE, OUR_HOST, OTHER_HOST, "example.com", false,
                "f:6: warning: a stamped domain that the service does not answer for: example.com: "
                "expected a section `domain` for it\n"},
        {{"a key that nobody lists"}, OUR_SERVICE, OTHER_HOST, OTHER_SERVICE, "example.org", false,
                "f:4: warning: a key that no host lists: "},
        {{"another host's key"}, OUR_SERVICE, OTHER_HOST, OUR_HOST, "example.org", false,
                "f:4: warning: the key of another host, n.example.org: "},
        {{"nothing can be compared"}, OTHER_SERVICE, OTHER_HOST, OTHER_SERVICE, "example.org", true,
                ""},
};

TEST_EACH(keys_belong_together, rows)
{
    char config[2048];
    char service[KEY_TEXT_MAX + 1];
    char first[KEY_TEXT_MAX + 1];
    char second[KEY_TEXT_MAX + 1];
    struct problems *warnings = problems_init("f");

    assert_non_null(warnings);
    public_text(KEY_SERVICE_PUBLIC, row->service_key, service);
    public_text(KEY_HOST_PUBLIC, row->first, first);
    public_text(KEY_HOST_PUBLIC, row->second, second);
    (void)snprintf(config, sizeof config,
            "service { keys = \"%s/service\" } domain example.org { user \"*\" { } }\n"
            "host m.example.org { keys = \"%s\" } host n.example.org { keys = \"%s\" }\n"
            "stamp { host = m.example.org\n key = \"%s/host\"\n service_key = \"%s\"\n"
            " domains = %s }\n",
            folder.path, first, second, folder.path, service, row->stamped);
    if (row->lacks_service)
        folder_write(&folder, "service", "", 0, 0600);
    struct conf conf = conf_of(config);
    assert_string_equal(problems_text(conf.problems), "");
    across_warn_keys(conf.config, warnings);
    const char *got = problems_text(warnings);
    if (strncmp(got, row->want, strlen(row->want)) != 0 ||
            problems_count(warnings) != (row->want[0] != '\0'))
        fail_msg("got %s, want %s", got, row->want);
    problems_free(&warnings);
    conf_free(&conf);
}

/* It says which line the service needs. */
TEST(the_public_half_is_said)
{
    char config[2048];
    char service[KEY_TEXT_MAX + 1];
    char public[KEY_TEXT_MAX + 1];
    char want[512];
    struct problems *warnings = problems_init("f");

    assert_non_null(warnings);
    public_text(KEY_SERVICE_PUBLIC, OUR_SERVICE, service);
    public_text(KEY_HOST_PUBLIC, OUR_HOST, public);
    (void)snprintf(config, sizeof config,
            "service { keys = \"%s/service\" } domain example.org { user \"*\" { } }\n"
            "stamp { host = m.example.org\n key = \"%s/host\" service_key = \"%s\"\n"
            " domains = example.org }\n",
            folder.path, folder.path, service);
    (void)snprintf(want, sizeof want,
            "f:3: warning: a key that no host lists: %s/host: expected host \"m.example.org\" { "
            "keys = {\"%s\"} }\n",
            folder.path, public);
    struct conf conf = conf_of(config);
    across_warn_keys(conf.config, warnings);
    assert_string_equal(problems_text(warnings), want);
    problems_free(&warnings);
    conf_free(&conf);
}
