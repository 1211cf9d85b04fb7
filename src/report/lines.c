// SPDX-License-Identifier: ISC
#include "report/lines.h"

#include <string.h>

#include "protocol/text.h"

void lines_break(struct lines *lines)
{
    fprintf(lines->out, "\n%*s", (int)lines->indent, "");
    lines->used = lines->indent;
    lines->padded = true;
    lines->pad = 0;
}

/* The spaces in front of the next word. */
static unsigned lines_space(const struct lines *lines)
{
    if (lines->padded)
        return lines->pad;
    if (lines->used == 0)
        return 0;
    return lines->gap > 0 ? lines->gap : 1;
}

/* Writes a word, over several lines if it must be. */
static void lines_put_word(struct lines *lines, struct text word)
{
    const unsigned space = lines_space(lines);

    if (lines->used + space + word.len > lines->width && lines->used + space > lines->indent)
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
    lines->padded = false;
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
    lines->pad = column > lines->used ? column - lines->used : 1;
    lines->padded = true;
}

void lines_end(struct lines *lines)
{
    fputc('\n', lines->out);
    lines->used = 0;
    lines->padded = false;
}
