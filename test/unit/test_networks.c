// SPDX-License-Identifier: ISC
#include "report/networks.h"
#include "unit.h"

TEST(networks)
{
    static const struct {
        const char *address;
        const char *want;
    } table[] = {
            {"192.0.2.7", "192.0.2.0/24"},
            {"192.0.2.0/24", "192.0.2.0/24"},
            {"::ffff:192.0.2.7", "192.0.2.0/24"},
            {"2001:db8:7:1::9", "2001:db8:7::/48"},
            {"2001:db8:7::/48", "2001:db8:7::/48"},
            {"2001:db8::1", "2001:db8::/48"},
            {"::1", "::/48"},
            {"", ""},
            {"192.0.2", ""},
            {"nonsense", ""},
            {"/24", ""},
            {"<script>", ""},
            {"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.", ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[NETWORKS_TEXT_MAX];
        const struct text got = networks_of(text_of(table[i].address), buffer);
        if (!text_equal(got, text_of(table[i].want)))
            fail_msg("%s: got `%.*s`, want `%s`", table[i].address, (int)got.len, got.at,
                    table[i].want);
    }
}
