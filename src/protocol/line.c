// SPDX-License-Identifier: ISC
#include "protocol/line.h"

/* One SP between words of VCHAR, none at either end. Without a branch for each octet: a line may
 * have 4096. */
static bool line_is_words(struct text content)
{
    unsigned bad = content.len == 0 || content.at[0] == ' ' || content.at[content.len - 1] == ' ';

    for (size_t i = 0; i < content.len; i++)
        bad |= (unsigned char)(content.at[i] - ' ') > '~' - ' ';
    for (size_t i = 1; i < content.len; i++)
        bad |= (content.at[i] == ' ') & (content.at[i - 1] == ' ');
    return bad == 0;
}

void line_init(struct line *line, struct text content)
{
    line->failed = !line_is_words(content);
    line->words = reader_of(line->failed ? (struct text){NULL, 0} : content);
    line->words.failed = line->failed;
    line->names = 0; /* `name` beyond this is ignored */
}

struct text line_word(struct line *line)
{
    return reader_field(&line->words, ' ');
}

static bool line_remember(struct line *line, struct text name)
{
    if (line->names == LINE_NAMES_MAX)
        return false;
    for (size_t i = 0; i < line->names; i++)
        if (text_equal(line->name[i], name))
            return false;
    line->name[line->names++] = name;
    return true;
}

bool line_name(struct line *line, struct text *name_r, struct text *value_r)
{
    struct reader word = reader_of(line_word(line));

    if (line->failed || word.rest.len == 0)
        return false;
    *name_r = reader_until(&word, '=');
    *value_r = reader_rest(&word);
    line->failed = !text_is_token(*name_r) || value_r->len == 0 || !line_remember(line, *name_r);
    return !line->failed;
}
