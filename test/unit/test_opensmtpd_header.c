// SPDX-License-Identifier: ISC
#include <string.h>

#include "header.h"
#include "unit.h"

static const struct complete_row {
    struct unit_row unit;
    const char *lines, *wanted;
} complete_rows[] = {
        {{"a user"}, "To: bob\n", "To: bob@h\n"},
        {{"in brackets"}, "From: Bob <bob>\n", "From: Bob <bob@h>\n"},
        {{"blanks in brackets"}, "From: Bob <bob >\n", "From: Bob <bob@h >\n"},
        {{"several"}, "cc: bob, carol@x,Dan <dan>\n", "cc: bob@h, carol@x,Dan <dan@h>\n"},
        {{"folded"}, "To: bob,\n\tcarol\n", "To: bob@h,\n\tcarol@h\n"},
        {{"a comment"}, "To: bob (her, x)\n", "To: bob@h (her, x)\n"},
        {{"a comment first"}, "To: (x) bob\n", "To: (x) bob@h\n"},
        {{"a quoted name"}, "To: \"Dan, D\" <dan>\n", "To: \"Dan, D\" <dan@h>\n"},
        {{"a quote in a quoted name"}, "To: \"D\\\"\" <dan>\n", "To: \"D\\\"\" <dan@h>\n"},
        {{"a quoted at sign"}, "To: \"a@b\" <dan>\n", "To: \"a@b\" <dan@h>\n"},
        {{"a group"}, "To: friends: bob, carol;\n", "To: friends: bob, carol;@h\n"},
        {{"an empty group"}, "To: undisclosed-recipients:;\n", "To: undisclosed-recipients:;\n"},
        {{"nothing"}, "To:\n", "To:\n"},
        {{"blanks"}, "To: \n , \n", "To: \n , \n"},
        {{"empty brackets"}, "To: <>\n", "To: <>\n"},
        {{"an open quote"}, "To: \"bob\n", "To: \"bob\n"},
        {{"an open bracket"}, "To: <bob\n", "To: <bob\n"},
        {{"an open comment"}, "To: bob (x\n", "To: bob (x\n"},
        {{"without a line end"}, "To: bob", "To: bob@h"},
        {{"another field"}, "Reply-To: bob\nSubject: x\n", "Reply-To: bob\nSubject: x\n"},
        {{"no field"}, "To\n bob\n", "To\n bob\n"},
        {{"nothing at all"}, "", ""},
};

TEST_EACH(completed, complete_rows)
{
    struct header header = {0};

    header_read(&header, row->lines, strlen(row->lines), "h");
    assert_false(header.is_out_of_memory);
    assert_int_equal(header.len, strlen(row->wanted));
    assert_memory_equal(header.text != NULL ? header.text : "", row->wanted, header.len);
    header_free(&header);
}

TEST(names)
{
    static const char lines[] = "Received: x\nverimail : y\n z: a\n";
    struct header header = {0};

    header_read(&header, lines, strlen(lines), NULL);
    assert_true(header_has(&header, "Verimail"));
    assert_false(header_has(&header, "Veri"));
    assert_false(header_has(&header, "z"));
    header_free(&header);
}
