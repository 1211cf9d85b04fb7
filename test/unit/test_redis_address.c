// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "replay/redis_address.h"
#include "unit.h"

/* What was read, as one line. */
static void describe(const struct redis_address *a, char *buffer, size_t size)
{
    size_t len = (size_t)snprintf(
            buffer, size, "%s%s@%s db%u", a->tls ? "tls " : "", a->user, a->path, a->database);

    for (size_t i = 0; i < a->count; i++)
        len += (size_t)snprintf(
                buffer + len, size - len, " %s %u", a->hosts[i].name, (unsigned)a->hosts[i].port);
}

TEST(addresses)
{
    static const struct {
        const char *text;
        const char *wanted; /* NULL: it is none */
    } table[] = {
            {"redis://localhost", "@ db0 localhost 6379"},
            {"redis://localhost/", "@ db0 localhost 6379"},
            {"redis://192.0.2.1:1/15", "@ db15 192.0.2.1 1"},
            {"rediss://redis-1.example.org:65535", "tls @ db0 redis-1.example.org 65535"},
            {"redis://counter@[2001:db8::1]:7000", "counter@ db0 2001:db8::1 7000"},
            {"redis://[::1]", "@ db0 ::1 6379"},
            {"redis://a:1,b,c_d:3/2", "@ db2 a 1 b 6379 c_d 3"},
            {"redis+unix:///run/redis/redis.sock", "@/run/redis/redis.sock db0"},
            {"redis+unix://me@/run/redis?db=7", "me@/run/redis db7"},
            {"redis://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p",
                    "@ db0 a 6379 b 6379 c 6379 d 6379 e 6379 f 6379 g 6379 h 6379 i 6379 j 6379 "
                    "k 6379 l 6379 m 6379 n 6379 o 6379 p 6379"},
            {"redis://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", NULL},
            {"", NULL},
            {"redis:", NULL},
            {"redis://", NULL},
            {"rediss://", NULL},
            {"redis:///0", NULL},
            {"redis://@localhost", NULL},
            {"redis://me:secret@localhost", NULL},
            {"redis://:secret@localhost", NULL},
            {"redis://localhost:0", NULL},
            {"redis://localhost:65536", NULL},
            {"redis://localhost:", NULL},
            {"redis://localhost:6379:6379", NULL},
            {"redis://local host", NULL},
            {"redis://a,", NULL},
            {"redis://,a", NULL},
            {"redis://a,,b", NULL},
            {"redis://2001:db8::1", NULL},
            {"redis://[2001:db8::1", NULL},
            {"redis://[]", NULL},
            {"redis://[192.0.2.1]", NULL},
            {"redis://[::g]", NULL},
            {"redis://localhost/x", NULL},
            {"redis://localhost/-1", NULL},
            {"redis://localhost/65536", NULL},
            {"redis://localhost/0/0", NULL},
            {"redis://localhost?password=x", NULL},
            {"redis+unix://run/redis", NULL},
            {"redis+unix:///", NULL},
            {"redis+unix:///x?", NULL},
            {"redis+unix:///x?db=", NULL},
            {"redis+unix:///x?password=y", NULL},
            {"redis+unix://", NULL},
            {"REDIS://localhost", NULL},
            {"http://localhost", NULL},
    };
    char got[2048];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text text = exact_copy(text_of(table[i].text));
        struct redis_address address;
        const bool good = redis_address_parse(text, &address);
        exact_free(text);
        describe(&address, got, sizeof got);
        if (good != (table[i].wanted != NULL) || (good && strcmp(got, table[i].wanted) != 0))
            fail_msg("%s: got %s %s, want %s", table[i].text, good ? "yes" : "no", got,
                    table[i].wanted);
    }
}

TEST(lengths_at_their_edges)
{
    char text[400];
    struct redis_address address;

    snprintf(text, sizeof text, "redis://%0253d", 0);
    assert_true(redis_address_parse(text_of(text), &address));
    snprintf(text, sizeof text, "redis://%0254d", 0);
    assert_false(redis_address_parse(text_of(text), &address));
    snprintf(text, sizeof text, "redis://%064d@x", 0);
    assert_true(redis_address_parse(text_of(text), &address));
    snprintf(text, sizeof text, "redis://%065d@x", 0);
    assert_false(redis_address_parse(text_of(text), &address));
    snprintf(text, sizeof text, "redis+unix:///%0106d", 0);
    assert_true(redis_address_parse(text_of(text), &address));
    snprintf(text, sizeof text, "redis+unix:///%0107d", 0);
    assert_false(redis_address_parse(text_of(text), &address));
    assert_false(redis_address_parse((struct text){"redis://a\0b", 11}, &address));
    assert_false(redis_address_parse((struct text){"redis+unix:///a\0b", 17}, &address));
}

TEST(names)
{
    struct redis_address address;

    assert_true(redis_address_parse(text_of("redis://192.0.2.1,[::1]"), &address));
    assert_false(redis_address_has_names(&address));
    assert_true(redis_address_parse(text_of("redis://192.0.2.1,localhost"), &address));
    assert_true(redis_address_has_names(&address));
    assert_true(redis_address_parse(text_of("redis+unix:///x"), &address));
    assert_false(redis_address_has_names(&address));
}
