// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/stamp.h"

/* What is read as a stamp and written again is read as the same stamp, with either line end; what
 * is written has no line over 78 octets unless the user has, and at most 900 octets. */

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return text_equal(address_text(&a->user), address_text(&b->user)) &&
           strcmp(a->payload, b->payload) == 0;
}

/* Octets of `field` with CRLF for each line end. */
static size_t check_lines(struct text field, size_t user_len)
{
    struct reader lines = reader_of(field);
    size_t octets = 0;

    while (lines.rest.len > 0) {
        struct text line = reader_field(&lines, '\n');
        if (line.at[line.len - 1] == '\r')
            line.len--;
        require(line.len <= STAMP_LINE_MAX || line.len == user_len + 1);
        require(octets == 0 || line.at[0] == ' ');
        octets += line.len + (lines.rest.len > 0 ? strlen("\r\n") : 0);
    }
    return octets;
}

static bool write_and_read(const struct stamp *stamp, const char *eol)
{
    char buffer[STAMP_FIELD_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct stamp back;

    writer_string(&w, STAMP_NAME ":");
    const size_t name_len = writer_text(&w).len;
    if (!stamp_format(&stamp->user, text_of(stamp->payload), eol, &w))
        return false;
    const struct text field = writer_text(&w);
    require(check_lines(field, stamp->user.len) <= STAMP_FIELD_MAX);
    const struct text value = {field.at + name_len, field.len - name_len};
    require(stamp_parse(value, &back) && is_same(stamp, &back));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    struct stamp stamp;

    if (!stamp_parse(value, &stamp))
        return 0;
    const size_t payload_len = strlen(stamp.payload);
    require(strlen(STAMP_NAME ":") + size <= STAMP_FIELD_MAX);
    require(stamp.user.len > 0 && payload_len > 0 && payload_len < size);
    const bool is_written = write_and_read(&stamp, "\r\n");
    require(write_and_read(&stamp, "\n") == is_written);
    /* No more than a fold for each 77 octets, and those at the user and at the end. */
    const size_t least = strlen(STAMP_NAME ": ") + stamp.user.len + payload_len;
    if (least + 3 * (payload_len / 77 + 3) <= STAMP_FIELD_MAX)
        require(is_written);
    return 0;
}
