// SPDX-License-Identifier: ISC
#include "header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of the text, from `begin` to `end`, where the next one begins. */
struct header_field {
    size_t begin, end;
    bool is_own;     /* smtpd put it there: the client did not send it */
    bool is_removed; /* by the filter */
};

void header_free(struct header *header)
{
    free(header->text);
    free(header->fields);
    *header = (struct header){0};
}

static void header_put(struct header *header, const char *at, size_t len)
{
    if (header->is_out_of_memory || len == 0)
        return;
    if (header->size - header->len < len) {
        const size_t size = (header->len + len) * 2;
        char *larger = realloc(header->text, size);
        if (larger == NULL) {
            header->is_out_of_memory = true;
            return;
        }
        header->text = larger;
        header->size = size;
    }
    memcpy(header->text + header->len, at, len);
    header->len += len;
}

/* Octets of the name before the colon; 0: there is none. */
static size_t header_name_len(const char *at, size_t len)
{
    const char *colon = memchr(at, ':', len);
    const char *line_end = memchr(at, '\n', len);

    return colon != NULL && (line_end == NULL || colon < line_end) ? (size_t)(colon - at) : 0;
}

static bool header_is_named(const char *at, size_t len, const char *name)
{
    size_t name_len = header_name_len(at, len);

    while (name_len > 0 && (at[name_len - 1] == ' ' || at[name_len - 1] == '\t'))
        name_len--;
    return name_len == strlen(name) && strncasecmp(at, name, name_len) == 0;
}

/* Where the field ends that begins at `at`: before a line that goes on with no blank or tab. */
static size_t header_field_len(const char *at, size_t len)
{
    const char *end = at;

    do {
        const char *line_end = memchr(end, '\n', len - (size_t)(end - at));
        end = line_end != NULL ? line_end + 1 : at + len;
    } while (end < at + len && (*end == ' ' || *end == '\t'));
    return (size_t)(end - at);
}

/* Reads addresses as smtpd does. */
struct address_scan {
    bool is_escaped, is_quoted;
    unsigned comments;
};

/* True: the octet stands neither in a quoted string nor in a comment, and is not escaped. */
static bool address_scan_next(struct address_scan *scan, char c)
{
    const bool was_escaped = scan->is_escaped;
    const bool was_plain = !was_escaped && !scan->is_quoted && scan->comments == 0;

    scan->is_escaped = c == '\\' && !was_escaped;
    if (was_escaped)
        return false;
    if (c == '"' && scan->comments == 0)
        scan->is_quoted = !scan->is_quoted;
    else if (c == '(' && !scan->is_quoted)
        scan->comments++;
    else if (c == ')' && !scan->is_quoted && scan->comments > 0)
        scan->comments--;
    return was_plain && c != '"' && c != '(';
}

static bool header_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where a domain belongs in an address; -1: nowhere. */
static ptrdiff_t header_domain_place(const char *at, size_t len)
{
    struct address_scan scan = {0};
    ptrdiff_t last = -1;    /* octet that is no blank and no comment */
    ptrdiff_t bracket = -1; /* the last octet before '>' */
    bool is_bracketed = false;

    for (size_t i = 0; i < len; i++) {
        const bool is_plain = address_scan_next(&scan, at[i]);
        if (is_plain && (at[i] == '@' || at[i] == ':'))
            return -1;
        if (is_plain && at[i] == '<' && !is_bracketed)
            is_bracketed = true;
        else if (is_plain && at[i] == '>' && is_bracketed) {
            is_bracketed = false;
            bracket = last;
        }
        if (scan.comments == 0 && at[i] != ')' && !header_is_blank(at[i]))
            last = (ptrdiff_t)i;
    }
    if (scan.is_escaped || scan.is_quoted || scan.comments > 0 || is_bracketed)
        return -1;
    if (bracket >= 0)
        return at[bracket] == '<' ? -1 : bracket + 1;
    return last < 0 ? -1 : last + 1;
}

static void header_put_address(
        struct header *header, const char *at, size_t len, const char *hostname)
{
    const ptrdiff_t place = header_domain_place(at, len);

    if (place < 0) {
        header_put(header, at, len);
        return;
    }
    header_put(header, at, (size_t)place);
    header_put(header, "@", 1);
    header_put(header, hostname, strlen(hostname));
    header_put(header, at + place, len - (size_t)place);
}

static void header_put_addresses(
        struct header *header, const char *at, size_t len, const char *hostname)
{
    struct address_scan scan = {0};
    size_t begin = header_name_len(at, len) + 1;

    header_put(header, at, begin);
    for (size_t i = begin; i < len; i++)
        if (address_scan_next(&scan, at[i]) && at[i] == ',') {
            header_put_address(header, at + begin, i - begin, hostname);
            header_put(header, ",", 1);
            begin = i + 1;
        }
    header_put_address(header, at + begin, len - begin, hostname);
}

static bool header_has_addresses(const char *at, size_t len)
{
    return header_is_named(at, len, "From") || header_is_named(at, len, "To") ||
           header_is_named(at, len, "Cc");
}

/* The field is what was put since `begin`. */
static void header_note_field(struct header *header, size_t begin)
{
    if (header->count == header->fields_size && !header->is_out_of_memory) {
        const size_t size = header->fields_size > 0 ? header->fields_size * 2 : 32;
        struct header_field *larger = reallocarray(header->fields, size, sizeof *larger);
        header->is_out_of_memory = larger == NULL;
        header->fields = larger != NULL ? larger : header->fields;
        header->fields_size = larger != NULL ? size : header->fields_size;
    }
    if (!header->is_out_of_memory)
        header->fields[header->count++] = (struct header_field){.begin = begin, .end = header->len};
}

/* smtpd puts its Received on top, and `X-Spam: Yes` above it when other filters say so. */
static void header_find_own(struct header *header)
{
    static const char *const names[] = {"X-Spam", "Received"};
    size_t field = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && field < header->count; i++) {
        struct header_field *own = &header->fields[field];
        if (header_is_named(header->text + own->begin, own->end - own->begin, names[i])) {
            own->is_own = true;
            field++;
        }
    }
    /* Without a Received behind it, X-Spam is the client's. */
    if (field == 1 && header_is_named(header->text, header->fields[0].end, "X-Spam"))
        header->fields[0].is_own = false;
}

void header_read(struct header *header, const char *lines, size_t len, const char *hostname)
{
    for (size_t at = 0, field_len; at < len; at += field_len) {
        const size_t begin = header->len;
        field_len = header_field_len(lines + at, len - at);
        if (hostname != NULL && header_has_addresses(lines + at, field_len))
            header_put_addresses(header, lines + at, field_len, hostname);
        else
            header_put(header, lines + at, field_len);
        header_note_field(header, begin);
    }
    if (!header->is_out_of_memory)
        header_find_own(header);
}

bool header_has(const struct header *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        if (header_is_named(header->text + field->begin, field->end - field->begin, name))
            return true;
    }
    return false;
}

void header_send(const struct header *header, struct milter_client *client)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        const char *at = header->text + field->begin, *end = header->text + field->end;
        if (field->is_own)
            continue;
        if (end > at && end[-1] == '\n')
            end--;
        if (at < end && *at == '.')
            at++;
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *name_end = colon != NULL ? colon : end;
        const char *value = colon != NULL ? colon + 1 : end;
        milter_client_field(client, at, (size_t)(name_end - at), value, (size_t)(end - value));
    }
    milter_client_header_end(client);
}

/* False: there is no such field. */
static bool header_remove(struct header *header, const char *name, uint32_t number)
{
    for (size_t i = 0; i < header->count; i++) {
        struct header_field *field = &header->fields[i];
        if (field->is_own || field->is_removed ||
                !header_is_named(header->text + field->begin, field->end - field->begin, name))
            continue;
        if (--number == 0) {
            field->is_removed = true;
            return true;
        }
    }
    return false;
}

static void header_put_edit(struct header *header, const struct milter_client_edit *edit)
{
    header_put(header, edit->name, strlen(edit->name));
    header_put(header, ":", 1);
    header_put(header, edit->value, strlen(edit->value));
    header_put(header, "\n", 1);
}

static bool header_is_on_top(const struct milter_client_edit *edit)
{
    return edit->type == MILTER_CLIENT_INSERT && edit->index == 0;
}

bool header_edit(struct header *header, const struct milter_client *client, const char *more)
{
    const size_t edits = milter_client_edits(client);
    struct header edited = {0};

    for (size_t i = 0; i < edits; i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        if (edit.type == MILTER_CLIENT_REMOVE
                        ? !header_remove(header, edit.name, edit.index)
                        : edit.type != MILTER_CLIENT_ADD && !header_is_on_top(&edit))
            return false;
    }
    if (more != NULL)
        header_put(&edited, more, strlen(more));
    for (size_t i = edits; i > 0; i--) { /* each one stands above those before */
        const struct milter_client_edit edit = milter_client_edit(client, i - 1);
        if (header_is_on_top(&edit))
            header_put_edit(&edited, &edit);
    }
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        if (!field->is_removed)
            header_put(&edited, header->text + field->begin, field->end - field->begin);
    }
    for (size_t i = 0; i < edits; i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        if (edit.type == MILTER_CLIENT_ADD)
            header_put_edit(&edited, &edit);
    }
    const bool is_whole = !edited.is_out_of_memory && !header->is_out_of_memory;
    header_free(header);
    *header = edited;
    return is_whole;
}
