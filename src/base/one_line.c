// SPDX-License-Identifier: ISC
#include "base/one_line.h"

void one_line_put(const char *said, char *at_r, size_t size)
{
    size_t len = 0;

    for (; said[len] != '\0' && len < size - 1; len++)
        at_r[len] = said[len] == '\n' || said[len] == '\t' ? ' ' : said[len];
    while (len > 0 && at_r[len - 1] == ' ')
        len--;
    at_r[len] = '\0';
}
