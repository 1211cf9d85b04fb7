// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "protocol/message_parser.h"

/* A message cut into lines by LF: each is a field up to the first empty one, as a mail server might
 * hand them over. There is an author exactly if nothing is at fault, and then there was exactly one
 * From field; a stamp counts only if it is listed. There is no digest exactly if the fault says so.
 */

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
        struct message_parser *parser, struct text line, uint64_t number, struct seen *seen)
{
    struct reader r = reader_of(line);
    const struct text name = reader_field(&r, ':');
    struct field field = field_of(name, reader_rest(&r));

    field.offset = number;
    message_parser_field(parser, &field);
    seen->froms += field.known == FIELD_FROM;
    seen->stamps += field.known == FIELD_VERIMAIL;
}

static void check(struct message_parser *parser, const struct seen *seen)
{
    enum message_parser_error fault;
    size_t listed;
    size_t count = 0;
    const enum message_parser_error end = message_parser_end(parser);
    const struct address *author = message_parser_author(parser, &fault);

    require((author != NULL) == (fault == MESSAGE_PARSER_OK));
    require(end == MESSAGE_PARSER_OK || fault == end);
    require(author == NULL || seen->froms == 1 || message_parser_lacks_from(parser));
    const bool is_undigested = end != MESSAGE_PARSER_OK || fault == MESSAGE_PARSER_LONG_LINE ||
                               fault == MESSAGE_PARSER_BARE_CR || fault == MESSAGE_PARSER_SPACED;
    require(digest_is_text(text_of(message_parser_digest(parser))) != is_undigested);
    require(!is_undigested || message_parser_digest(parser)[0] == '\0');
    (void)message_parser_stamps(parser, &listed);
    require(listed <= seen->stamps);
    if (author == NULL)
        return;
    const struct stamp *stamp = message_parser_stamp_by(parser, author, &count);
    require(count <= listed && (stamp != NULL) == (count == 1));
    require(stamp == NULL || address_equal(&stamp->user, author));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct message_parser_missing missing = {"a date", "<an@id>", "a@b.example"};
    struct message_parser *parser = message_parser_init(size % 2 == 0 ? &missing : NULL);
    struct reader lines = reader_of((struct text){(const char *)data, size});
    struct seen seen = {0};

    if (parser == NULL)
        return 0;
    for (uint64_t number = 1; lines.rest.len > 0 && lines.rest.at[0] != '\n'; number++)
        give(parser, reader_field(&lines, '\n'), number, &seen);
    message_parser_header_end(parser);
    message_parser_body(parser, lines.rest);
    check(parser, &seen);
    message_parser_free(&parser);
    return 0;
}
