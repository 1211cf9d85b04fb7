// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "protocol/message_parser.h"

/* A message cut into lines by LF: each is a field up to the first empty one, as a mail server might
 * hand them over. There is an author exactly if nothing is at fault, and then there was exactly one
 * From field; a stamp counts only if it is listed. */

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct seen {
    size_t froms;
    size_t stamps;
};

static void give(
        struct message_parser *letter, struct text line, uint64_t number, struct seen *seen)
{
    struct reader r = reader_of(line);
    const struct text name = reader_field(&r, ':');
    struct text trimmed = name;

    while (trimmed.len > 0 && text_is_space(trimmed.at[trimmed.len - 1]))
        trimmed.len--;
    const struct field field = {trimmed, reader_rest(&r), number, line.len, trimmed.len < name.len};
    message_parser_field(letter, &field);
    seen->froms += text_equal_fold(trimmed, text_of("From"));
    seen->stamps += stamp_is_name(trimmed);
}

static void check(struct message_parser *letter, const struct seen *seen)
{
    enum message_parser_fault fault;
    size_t listed;
    size_t count = 0;
    const enum message_parser_fault end = message_parser_end(letter);
    const struct address *author = message_parser_author(letter, &fault);

    require((author != NULL) == (fault == MESSAGE_PARSER_OK));
    require(end == MESSAGE_PARSER_OK || fault == end);
    require(author == NULL || seen->froms == 1);
    (void)message_parser_stamps(letter, &listed);
    require(listed <= seen->stamps);
    if (author == NULL)
        return;
    const struct stamp *stamp = message_parser_stamp_by(letter, author, &count);
    require(count <= listed && (stamp != NULL) == (count == 1));
    require(stamp == NULL || address_equal(&stamp->user, author));
    require(digest_is_text(text_of(message_parser_digest(letter))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct message_parser_missing missing = {"a date", "<an@id>"};
    struct message_parser *letter = message_parser_init(size % 2 == 0 ? &missing : NULL);
    struct reader lines = reader_of((struct text){(const char *)data, size});
    struct seen seen = {0};

    if (letter == NULL)
        return 0;
    for (uint64_t number = 1; lines.rest.len > 0 && lines.rest.at[0] != '\n'; number++)
        give(letter, reader_field(&lines, '\n'), number, &seen);
    message_parser_header_end(letter);
    message_parser_body(letter, lines.rest);
    check(letter, &seen);
    message_parser_free(&letter);
    return 0;
}
