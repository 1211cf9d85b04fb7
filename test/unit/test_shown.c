// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "config/shown.h"
#include "unit.h"

TEST(secrets_are_not_shown)
{
    static const struct {
        const char *value;
        const char *want;
    } table[] = {
            {"", ""},
            {"/etc/verimail/service.key", "/etc/verimail/service.key"},
            {"127.0.0.1:26", "127.0.0.1:26"},
            {"alice@example.org", "alice@example.org"},
            {"redis://h:6379", "redis://h:6379"},
            {"redis://u@[::1]:6379,h:2", "redis://u@[::1]:6379,h:2"},
            {"redis://u:word@h:6379", "redis://u:***@h:6379"},
            {"redis://:word@h", "redis://:***@h"},
            {"redis://u:w@rd/x@h", "redis://u:***@h"},
            {"redis://u:@h", "redis://u:***@h"},
            {"postgresql://u:word@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"},
            {"postgresql://u@h/d?password=word", "postgresql://u@h/d?password=***"},
            {"postgresql://u@h/d?PassWord=word&x=y", "postgresql://u@h/d?PassWord=***"},
            {"postgresql://u:word@h/d?password=word", "postgresql://u:***"},
            {"host-secret:AAAA", "host-secret:***"},
            {"x service-secret:AAAA@h", "x service-secret:***"},
            {"host-public:AAAA", "host-public:AAAA"},
    };
    char room[SHOWN_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *got = shown(table[i].value, room);
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%s: got %s, want %s", table[i].value, got, table[i].want);
    }
}

TEST(what_is_long_is_cut)
{
    char value[2 * SHOWN_MAX] = "redis://u:";
    char room[SHOWN_MAX];

    memset(value + strlen(value), 'x', SHOWN_MAX);
    strcat(value, "@h");
    assert_string_equal(shown(value, room), "redis://u:***@h");
    memset(value, 'x', SHOWN_MAX + 1);
    assert_int_equal(strlen(shown(value, room)), SHOWN_MAX - 1);
}
