// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_CHARSET_H
#define VERIMAIL_BASE_CHARSET_H

#include "protocol/text.h"

/* Opens the converters of all charsets: afterwards no file is read, and the process may enter its
 * sandbox. They stay open as long as the process runs. The first charset_decode() does it, too. */
void charset_load(void);

/* An encoded_word_charset: us-ascii, utf-8, iso-8859-*, windows-*, koi8-*, gb*, big5*, euc-*,
 * shift_jis and iso-2022-*, by iconv(3). Where readers take a charset for a larger one, it is that:
 * GB 18030 for gb2312. A charset whose converter the machine does not have cannot be decoded. */
bool charset_decode(struct text charset, struct text octets, struct writer *w);

/* Whether the charset is one of these, and the machine has its converter. */
bool charset_is_loaded(struct text charset);

#endif
