// SPDX-License-Identifier: ISC
#include "base/charset.h"
#include "unit.h"

/* The ones that are decoded: a machine must have the converters of all of them. */
TEST(this_machine_has_every_charset)
{
    static const char *const names[] = {"us-ascii", "utf-8", "iso-8859-1", "iso-8859-2",
            "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8",
            "iso-8859-9", "iso-8859-10", "iso-8859-11", "iso-8859-13", "iso-8859-14", "iso-8859-15",
            "iso-8859-16", "windows-874", "windows-1250", "windows-1251", "windows-1252",
            "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257",
            "windows-1258", "windows-31j", "koi8-r", "koi8-u", "koi8-ru", "koi8-t", "gb2312", "gbk",
            "gb18030", "big5", "big5-hkscs", "euc-cn", "euc-jp", "euc-kr", "euc-tw", "shift_jis",
            "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "iso-2022-kr",
            "iso-2022-cn", "iso-2022-cn-ext"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!charset_is_loaded(text_of(names[i])))
            fail_msg("%s is missing", names[i]);
    assert_false(charset_is_loaded(text_of("utf-7")));
    assert_false(charset_is_loaded(text_of("iso-8859-12")));
    assert_false(charset_is_loaded(text_of("")));
}

TEST(octets_become_utf8)
{
    static const struct {
        const char *charset;
        const char *octets;
        const char *want; /* NULL: cannot be decoded */
    } table[] = {
            {"UTF-8", "a\xc3\xbc", "a\xc3\xbc"},
            {"us-ascii", "a", "a"},
            {"us-ascii", "\xfc", NULL},
            {"utf-8", "\xc3", NULL},
            {"utf-8", "\xc3", NULL},
            {"utf-8", "\xc0\xaf", NULL},
            {"utf-8", "", ""},
            {"ISO-8859-1", "\xfc", "\xc3\xbc"},
            {"windows-1252", "\x80", "\xe2\x82\xac"},
            {"windows-1252", "\x81", NULL},
            {"koi8-r", "\xe1", "\xd0\x90"},
            {"gb2312", "\xca\xd4", "\xe8\xaf\x95"},
            {"gb2312", "\xca", NULL},
            {"big5", "\xa4@", "\xe4\xb8\x80"},
            {"shift_jis", "\x83\x5c", "\xe3\x82\xbd"},
            {"euc-jp", "\xc6\xfc", "\xe6\x97\xa5"},
            {"euc-kr", "\xb0\xa1", "\xea\xb0\x80"},
            {"iso-2022-jp", "\x1b$BF|\x1b(B", "\xe6\x97\xa5"},
            {"iso-2022-jp", "\x1b$BF|", "\xe6\x97\xa5"},
            {"iso-2022-jp", "F|", "F|"}, /* the state of the one before is gone */
            {"iso-2022-kr", "\x1b$)C\x0e\x30\x21\x0f", "\xea\xb0\x80"},
            {"utf-7", "a", NULL},
            {"utf-16", "a", NULL},
            {"x-unknown", "a", NULL},
            {"UTF-8//IGNORE", "\xc3", NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[16];
        struct writer w = writer_of(buffer, sizeof buffer);
        const bool good = charset_decode(text_of(table[i].charset), text_of(table[i].octets), &w);
        if (good != (table[i].want != NULL) ||
                (good && !text_equal(writer_text(&w), text_of(table[i].want))))
            fail_msg("%s, row %zu: got %d %.*s", table[i].charset, i, good,
                    (int)writer_text(&w).len, buffer);
    }
}

TEST(a_full_writer_is_no_text)
{
    char buffer[2];
    struct writer w = writer_of(buffer, sizeof buffer);

    assert_false(charset_decode(text_of("iso-8859-1"), text_of("\xfc\xfc"), &w));
    w = writer_of(buffer, sizeof buffer);
    assert_true(charset_decode(text_of("iso-8859-1"), text_of("\xfc"), &w));
}
