// SPDX-License-Identifier: ISC
#include "base/charset.h"

#include <iconv.h>
#include <pthread.h>

static const struct {
    const char *name;
    const char *converter; /* of iconv(3) */
} charsets[] = {
        {"us-ascii", "ASCII"},
        {"utf-8", "UTF-8"},
        {"utf8", "UTF-8"},
        {"iso-8859-1", "ISO-8859-1"},
        {"iso-8859-2", "ISO-8859-2"},
        {"iso-8859-3", "ISO-8859-3"},
        {"iso-8859-4", "ISO-8859-4"},
        {"iso-8859-5", "ISO-8859-5"},
        {"iso-8859-6", "ISO-8859-6"},
        {"iso-8859-7", "ISO-8859-7"},
        {"iso-8859-8", "ISO-8859-8"},
        {"iso-8859-8-i", "ISO-8859-8"},
        {"iso-8859-9", "ISO-8859-9"},
        {"iso-8859-10", "ISO-8859-10"},
        {"iso-8859-11", "ISO-8859-11"},
        {"iso-8859-13", "ISO-8859-13"},
        {"iso-8859-14", "ISO-8859-14"},
        {"iso-8859-15", "ISO-8859-15"},
        {"iso-8859-16", "ISO-8859-16"},
        {"windows-874", "WINDOWS-874"},
        {"windows-1250", "CP1250"},
        {"windows-1251", "CP1251"},
        {"windows-1252", "CP1252"},
        {"windows-1253", "CP1253"},
        {"windows-1254", "CP1254"},
        {"windows-1255", "CP1255"},
        {"windows-1256", "CP1256"},
        {"windows-1257", "CP1257"},
        {"windows-1258", "CP1258"},
        {"windows-31j", "CP932"},
        {"windows-932", "CP932"},
        {"windows-936", "GB18030"},
        {"windows-949", "UHC"},
        {"windows-950", "BIG5-HKSCS"},
        {"koi8-r", "KOI8-R"},
        {"koi8-u", "KOI8-U"},
        {"koi8-ru", "KOI8-RU"},
        {"koi8-t", "KOI8-T"},
        {"gb2312", "GB18030"},
        {"gb_2312-80", "GB18030"},
        {"gbk", "GB18030"},
        {"gb18030", "GB18030"},
        {"big5", "BIG5-HKSCS"},
        {"big5-hkscs", "BIG5-HKSCS"},
        {"euc-cn", "GB18030"},
        {"euc-jp", "EUC-JP-MS"},
        {"euc-kr", "UHC"},
        {"euc-tw", "EUC-TW"},
        {"shift_jis", "CP932"},
        {"shift-jis", "CP932"},
        {"iso-2022-jp", "ISO-2022-JP-2"},
        {"iso-2022-jp-1", "ISO-2022-JP-2"},
        {"iso-2022-jp-2", "ISO-2022-JP-2"},
        {"iso-2022-jp-3", "ISO-2022-JP-3"},
        {"iso-2022-kr", "ISO-2022-KR"},
        {"iso-2022-cn", "ISO-2022-CN"},
        {"iso-2022-cn-ext", "ISO-2022-CN-EXT"},
};

#define CHARSETS (sizeof charsets / sizeof *charsets)
#define NONE ((iconv_t)-1) /* NOLINT(performance-no-int-to-ptr): it is iconv_open()'s */

/* A converter has a state: one thread may use it at a time. Short texts take no time worth more. */
static pthread_mutex_t charset_lock = PTHREAD_MUTEX_INITIALIZER;
static iconv_t converters[CHARSETS];

static void charset_open_all(void)
{
    for (size_t i = 0; i < CHARSETS; i++)
        converters[i] = iconv_open("UTF-8", charsets[i].converter);
}

void charset_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, charset_open_all);
}

static iconv_t charset_find(struct text charset)
{
    charset_load();
    for (size_t i = 0; i < CHARSETS; i++)
        if (text_equal_fold(charset, text_of(charsets[i].name)))
            return converters[i];
    return NONE;
}

bool charset_is_loaded(struct text charset)
{
    return charset_find(charset) != NONE;
}

bool charset_decode(struct text charset, struct text octets, struct writer *w)
{
    iconv_t converter = charset_find(charset);
    char *in = (char *)(uintptr_t)octets.at; /* which iconv() does not change */
    size_t in_left = octets.len;
    size_t room = (size_t)(w->end - w->at);

    if (converter == NONE || w->failed)
        return false;
    pthread_mutex_lock(&charset_lock);
    (void)iconv(converter, NULL, NULL, NULL, NULL);
    const bool good = iconv(converter, &in, &in_left, &w->at, &room) != (size_t)-1 &&
                      iconv(converter, NULL, NULL, &w->at, &room) != (size_t)-1;
    pthread_mutex_unlock(&charset_lock);
    return good && in_left == 0;
}
