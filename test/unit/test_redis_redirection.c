// SPDX-License-Identifier: ISC
#include "exact.h"
#include "replay/redis_redirection.h"
#include "unit.h"

TEST(redirections)
{
    static const struct {
        const char *error;
        bool ask;
        uint16_t slot;
        const char *host; /* NULL: it is none */
        uint16_t port;
    } table[] = {
            {"MOVED 3999 127.0.0.1:6381", false, 3999, "127.0.0.1", 6381},
            {"ASK 3999 127.0.0.1:6381", true, 3999, "127.0.0.1", 6381},
            {"MOVED 0 ::1:1", false, 0, "::1", 1},
            {"MOVED 16383 redis.example.org:65535", false, 16383, "redis.example.org", 65535},
            {"MOVED 1 :6381", false, 1, "", 6381},
            {"MOVED 1 127.0.0.1:6381 and more", false, 1, "127.0.0.1", 6381},
            {"MOVED 16384 127.0.0.1:6381", false, 0, NULL, 0},
            {"MOVED -1 127.0.0.1:6381", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1:65536", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1:0", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1:", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1", false, 0, NULL, 0},
            {"MOVED 1 ", false, 0, NULL, 0},
            {"MOVED 1", false, 0, NULL, 0},
            {"MOVED", false, 0, NULL, 0},
            {"", false, 0, NULL, 0},
            {"moved 1 127.0.0.1:6381", false, 0, NULL, 0},
            {"ASKING 1 127.0.0.1:6381", false, 0, NULL, 0},
            {"ERR 1 127.0.0.1:6381", false, 0, NULL, 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text error = exact_copy(text_of(table[i].error));
        struct redis_redirection got;
        const bool good = redis_redirection_parse(error, &got);
        if (good != (table[i].host != NULL) ||
                (good && (got.ask != table[i].ask || got.slot != table[i].slot ||
                                 !text_equal(got.host, text_of(table[i].host)) ||
                                 got.port != table[i].port)))
            fail_msg("%s: got %d, slot %u at %.*s port %u", table[i].error, good, got.slot,
                    good ? (int)got.host.len : 0, good ? got.host.at : "", got.port);
        exact_free(error);
    }
}
