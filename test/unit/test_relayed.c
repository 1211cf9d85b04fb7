// SPDX-License-Identifier: ISC
#include <string.h>

#include "config/relayed.h"
#include "unit.h"

#define X16 "0123456789abcdef"
#define X64 X16 X16 X16 X16

static const struct {
    struct unit_row row;
    const char *mark;
    const char *name; /* NULL: refused */
    const char *value;
} marks[] = {
        {{"the shortest"}, "X:" X16, "X", X16},
        {{"white space"}, "X-Our-Gateway:  " X16 "\t", "X-Our-Gateway", X16},
        {{"white space within"}, "X: one two three four", "X", "one two three four"},
        {{"a colon in the value"}, "X: 01234567:89abcdef", "X", "01234567:89abcdef"},
        {{"the longest"}, X64 ": " X64, X64, X64},
        {{"a longer name"}, X64 "0: " X64, NULL, NULL},
        {{"a longer value"}, "X: " X64 "0", NULL, NULL},
        {{"a value that is guessed"}, "X: 0123456789abcde", NULL, NULL},
        {{"one octet again and again"}, "X: aaaaaaaaaaaaaaaaaaaa", NULL, NULL},
        {{"five octets again and again"}, "X: abcdeabcdeabcdeabcde", NULL, NULL},
        {{"a signature"}, "DKIM-Signature: " X16, NULL, NULL},
        {{"a seal"}, "arc-seal: " X16, NULL, NULL},
        {{"a return path"}, "Return-Path: " X16, NULL, NULL},
        {{"hidden recipients"}, "BCC: " X16, NULL, NULL},
        {{"a mailing list"}, "List-Id: " X16, NULL, NULL},
        {{"a spam filter"}, "X-Spam-Status: " X16, NULL, NULL},
        {{"a name of one's own"}, "Example-Gateway: " X16, "Example-Gateway", X16},
        {{"no value"}, "X:", NULL, NULL},
        {{"no name"}, ": " X16, NULL, NULL},
        {{"no colon"}, X16, NULL, NULL},
        {{"nothing"}, "", NULL, NULL},
        {{"white space before the colon"}, "X : " X16, NULL, NULL},
        {{"a line end"}, "X: " X16 "\n" X16, NULL, NULL},
        {{"no ASCII"}, "X: " X16 "\xc3\xa9", NULL, NULL},
        {{"a name that is no ASCII"}, "\xc3\xa9: " X16, NULL, NULL},
        {{"a field of the digest"}, "Subject: " X16, NULL, NULL},
        {{"our own field"}, "VERIMAIL: " X16, NULL, NULL},
        {{"results"}, "Authentication-Results: " X16, NULL, NULL},
        {{"a trace field"}, "received: " X16, NULL, NULL},
};

TEST_EACH(mark, marks)
{
    struct relayed_mark mark;
    char value[128];

    assert_int_equal(relayed_mark_accept(row->mark), row->name != NULL);
    assert_int_equal(relayed_mark_parse(row->mark, &mark), row->name != NULL);
    if (row->name == NULL)
        return;
    assert_string_equal(mark.name, row->name);
    assert_in_range(mark.value.len, 16, 64);
    memcpy(value, mark.value.at, mark.value.len);
    value[mark.value.len] = '\0';
    assert_string_equal(value, row->value);
}
