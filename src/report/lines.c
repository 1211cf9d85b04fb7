// SPDX-License-Identifier: ISC
#include "report/lines.h"

#include <string.h>

#include "protocol/text.h"

void lines_break(struct lines *lines)
{
    fprintf(lines->out, "\n%*s", (int)lines->indent, "");
    lines->used = lines->indent;
    lines->glued = true;
}

/* Writes a word, over several lines if it must be. */
static void lines_put_word(struct lines *lines, struct text word)
{
    const unsigned gap = lines->gap > 0 ? lines->gap : 1;
    const unsigned space = lines->used > 0 && !lines->glued ? gap : 0;

    if (lines->used + space + word.len > lines->width && lines->used > lines->indent)
        lines_break(lines);
    else
        lines->used += (unsigned)fprintf(lines->out, "%*s", (int)space, "");
    while (word.len > 0) {
        const size_t left = lines->width > lines->used ? lines->width - lines->used : 1;
        const size_t len = word.len < left ? word.len : left;
        fwrite(word.at, 1, len, lines->out);
        lines->used += (unsigned)len;
        word = (struct text){word.at + len, word.len - len};
        if (word.len > 0)
            lines_break(lines);
    }
    lines->glued = false;
}

void lines_put(struct lines *lines, const char *text)
{
    struct reader words = reader_of(text_of(text));

    while (words.rest.len > 0) {
        const struct text word = reader_field(&words, ' ');
        if (word.len > 0)
            lines_put_word(lines, word);
    }
}

void lines_put_whole(struct lines *lines, const char *text)
{
    lines_put_word(lines, text_of(text));
}

void lines_pad(struct lines *lines, unsigned column)
{
    const unsigned columns = column > lines->used ? column - lines->used : 1;

    lines->used += (unsigned)fprintf(lines->out, "%*s", (int)columns, "");
    lines->glued = true;
}

void lines_end(struct lines *lines)
{
    fputc('\n', lines->out);
    lines->used = 0;
    lines->glued = false;
}
