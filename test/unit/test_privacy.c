// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "events/privacy.h"
#include "exact.h"
#include "unit.h"

static void check_text(const char *about, struct text got, const char *want)
{
    if (!text_equal(got, text_of(want))) {
        print_error("%s: got `%.*s`, want `%s`\n", about, (int)got.len, got.at, want);
        fail();
    }
}

TEST(addresses_are_cut_to_networks)
{
    static const struct {
        const char *address;
        const char *network;
        const char *prefix;
    } cases[] = {
            {"192.0.2.77", "192.0.2.0", "192.0.2.0/24"},
            {"192.0.2.0", "192.0.2.0", "192.0.2.0/24"},
            {"0.0.0.1", "0.0.0.0", "0.0.0.0/24"},
            {"255.255.255.255", "255.255.255.0", "255.255.255.0/24"},
            {"2001:db8:7:8:9:a:b:c", "2001:db8:7::", "2001:db8:7::/48"},
            {"2001:db8::1", "2001:db8::", "2001:db8::/48"},
            {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff::", "ffff:ffff:ffff::/48"},
            {"::1", "::", "::/48"},
            {"::", "::", "::/48"},
            {"0:0:1::", "0:0:1::", "0:0:1::/48"},
            {"::ffff:192.0.2.77", "192.0.2.0", "192.0.2.0/24"},
            {"::ffff:c000:24d", "192.0.2.0", "192.0.2.0/24"},
            {"", "", ""},
            {"192.0.2", "", ""},
            {"192.0.2.77 ", "", ""},
            {"192.0.2.256", "", ""},
            {"[2001:db8::1]", "", ""},
            {"fe80::1%eth0", "", ""},
            {"mail.example.org", "", ""},
            {"2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8", "", ""},
    };
    char buffer[PRIVACY_TEXT_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct text address = exact_copy(text_of(cases[i].address));
        const uint64_t network = privacy_network(address);
        check_text(cases[i].address, privacy_text(network, buffer), cases[i].network);
        check_text(cases[i].address, privacy_prefix_text(network, buffer), cases[i].prefix);
        exact_free(address);
    }
    assert_int_equal(privacy_network((struct text){"192.0.2.1\0 ", 11}), 0);
}

TEST(events_tell_as_much_as_they_may)
{
    static const struct {
        const char *word;
        const char *ip;
        const char *asker;
        const char *wanted_ip;
        const char *wanted_asker;
    } cases[] = {
            {"full", "192.0.2.77", "2001:db8::1", "192.0.2.77", "2001:db8::1"},
            {"full", "", "who knows", "", "who knows"},
            {"network", "192.0.2.77", "2001:db8::1", "192.0.2.0", "2001:db8::"},
            {"network", "", "who knows", "", ""},
            {"none", "192.0.2.77", "2001:db8::1", "", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event event = {.ip = text_of(cases[i].ip),
                .asker = text_of(cases[i].asker),
                .user = text_of("alice@example.org")};
        struct privacy_buffer buffer;
        enum privacy privacy;
        assert_true(privacy_find(cases[i].word, &privacy));
        privacy_apply(privacy, &event, &buffer);
        check_text(cases[i].word, event.ip, cases[i].wanted_ip);
        check_text(cases[i].word, event.asker, cases[i].wanted_asker);
        check_text(cases[i].word, event.user, "alice@example.org");
    }
}

TEST(other_words_are_refused)
{
    enum privacy privacy;

    assert_false(privacy_find("", &privacy));
    assert_false(privacy_find("Full", &privacy));
    assert_false(privacy_find("networks", &privacy));
}
