// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>

#include "replay/redis_slotmap.h"
#include "unit.h"

static char found[1024];

static void on_range(void *context, const struct redis_slotmap_range *range)
{
    const size_t len = strlen(found);

    (void)context;
    snprintf(found + len, sizeof found - len, "[%u-%u %.*s/%.*s %u]", range->first, range->last,
            (int)range->host.len, range->host.len > 0 ? range->host.at : "",
            (int)range->address.len, range->address.len > 0 ? range->address.at : "", range->port);
}

TEST(maps)
{
    static const struct {
        const char *reply;
        const char *wanted; /* NULL: it is none */
    } table[] = {
            {"*0\r\n", ""},
            {"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n",
                    "[0-16383 127.0.0.1/ 6379]"},
            {"*2\r\n*4\r\n:0\r\n:5\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n*2\r\n$1\r\nb\r\n:2\r\n"
             "*3\r\n:6\r\n:6\r\n*2\r\n$-1\r\n:3\r\n",
                    "[0-5 a/ 1][6-6 / 3]"},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*4\r\n$1\r\nh\r\n:1\r\n$2\r\nid\r\n*4\r\n$1\r\nx\r\n$"
             "1\r\ny\r\n"
             "$2\r\nip\r\n$7\r\n1.2.3.4\r\n",
                    "[0-1 h/1.2.3.4 1]"},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:1\r\n", "[0-1 / 1]"},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$0\r\n\r\n:0\r\n", "[0-1 / 0]"},
            {":1\r\n", NULL},
            {"$-1\r\n", NULL},
            {"*1\r\n:1\r\n", NULL},
            {"*1\r\n*2\r\n:0\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:1\r\n:0\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n$1\r\n0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n$1\r\na\r\n", NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct redis_reply_reader *reader = redis_reply_init();
        redis_reply_feed(reader, text_of(table[i].reply));
        redisReply *reply = redis_reply_next(reader);
        assert_non_null(reply);
        found[0] = '\0';
        const bool good = redis_slotmap_read(reply, on_range, NULL);
        if (good != (table[i].wanted != NULL) || (good && strcmp(found, table[i].wanted) != 0))
            fail_msg("%s: got %d %s, want %s", table[i].reply, good, found, table[i].wanted);
        freeReplyObject(reply);
        redis_reply_free(&reader);
    }
}
