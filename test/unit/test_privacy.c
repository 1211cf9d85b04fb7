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

static const struct {
    struct unit_row row;
    const char *word;
    const char *address;
    const char *wanted;
} settings[] = {
        {{.name = "full"}, "full", "192.0.2.77", "192.0.2.77"},
        {{.name = "full, IPv6"}, "full", "2001:db8::1", "2001:db8::1"},
        {{.name = "full, none"}, "full", "", ""},
        {{.name = "full, no address"}, "full", "who knows", "who knows"},
        {{.name = "network"}, "network", "192.0.2.77", "192.0.2.0"},
        {{.name = "network, IPv6"}, "network", "2001:db8::1", "2001:db8::"},
        {{.name = "network, none"}, "network", "", ""},
        {{.name = "network, no address"}, "network", "who knows", ""},
        {{.name = "none"}, "none", "192.0.2.77", ""},
        {{.name = "none, IPv6"}, "none", "2001:db8::1", ""},
};

TEST_EACH(address_is_told_as_far_as_it_may, settings)
{
    char buffer[PRIVACY_TEXT_MAX];
    enum privacy privacy;

    assert_true(privacy_find(row->word, &privacy));
    check_text(row->word, privacy_apply(privacy, text_of(row->address), buffer), row->wanted);
}

TEST(other_words_are_refused)
{
    enum privacy privacy;

    assert_false(privacy_find("", &privacy));
    assert_false(privacy_find("Full", &privacy));
    assert_false(privacy_find("networks", &privacy));
}
