// SPDX-License-Identifier: ISC
/* Exim's ${dlfunc{/usr/lib/exim4/verimail.so}{verimail}{SOCKET}{LISTENER}}, for the ACLs that see a
 * whole message. verimail-milter judges it; this module sends it there and edits its header.
 *
 * It expands to what the ACL is to do: nothing, to accept; an SMTP reply (`550 5.7.1 ...` or
 * `451 4.7.1 ...`); or `quarantine: ...`. */
#define DLFUNC_IMPL
#include <local_scan.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter_client.h"

#define TIMEOUT_MS 30000
#define REMOVED '*' /* the type of a field that Exim does not send */
/* Exim ends its process when one has more than 32 KiB. */
#define FIELD_MAX 8192

struct fields {
    header_line **at;
    size_t count, size;
};

/* What the filter knows by numbers. */
struct header {
    struct fields seen;  /* all fields that the filter has seen, in their order */
    struct fields named; /* those of them with the name `name` that are not removed */
    const char *name;    /* NULL: none yet */
};

__attribute__((visibility("default"))) exim_dlfunc_t verimail;

static const char *verimail_expand(const char *text)
{
    const uschar *value = expand_string((uschar *)(uintptr_t)text);

    return value != NULL && *value != '\0' ? (const char *)value : NULL;
}

/* Octets of the name, without blanks before the colon. */
static size_t verimail_name_len(const header_line *line)
{
    const char *colon = memchr(line->text, ':', (size_t)line->slen);
    size_t len = colon != NULL ? (size_t)(colon - (const char *)line->text) : 0;

    while (len > 0 && strchr(" \t\r\n", line->text[len - 1]) != NULL)
        len--;
    return len;
}

static bool verimail_has_name(const header_line *line, const char *name)
{
    return verimail_name_len(line) == strlen(name) &&
           strncasecmp((const char *)line->text, name, strlen(name)) == 0;
}

/* Exim's own field Received stands in the list before its text is known, and even if it is to have
 * none. A filter that saw it would take each message for one that was relayed. */
static const header_line *verimail_own_received(void)
{
    for (const header_line *line = header_list; line != NULL; line = line->next)
        if (line->text == NULL || verimail_has_name(line, "Received"))
            return line;
    return NULL;
}

static bool verimail_keep(struct fields *fields, header_line *line)
{
    if (fields->count == fields->size) {
        const size_t size = fields->size > 0 ? fields->size * 2 : 64;
        header_line **larger = reallocarray(fields->at, size, sizeof(header_line *));
        if (larger == NULL)
            return false;
        fields->at = larger;
        fields->size = size;
    }
    fields->at[fields->count++] = line;
    return true;
}

/* False: out of memory. */
static bool verimail_send_header(struct milter_client *client, struct fields *fields)
{
    const header_line *own = verimail_own_received();

    for (header_line *line = header_list; line != NULL; line = line->next) {
        if (line == own || line->type == REMOVED || line->text == NULL)
            continue;
        const char *text = (const char *)line->text;
        size_t len = (size_t)line->slen;
        const char *colon = memchr(text, ':', len);
        while (len > 0 && text[len - 1] == '\n')
            len--;
        if (colon == NULL || colon >= text + len)
            continue;
        if (!verimail_keep(fields, line))
            return false;
        milter_client_field(
                client, text, (size_t)(colon - text), colon + 1, (size_t)(text + len - colon) - 1);
    }
    milter_client_header_end(client);
    return true;
}

/* The file of the body, in a folder of the spool that has all messages or one for each of some
 * (split_spool_directory); -1: there is none. */
static int verimail_open_body(void)
{
    const char *folder =
            verimail_expand("$spool_directory/${if def:queue_name{$queue_name/}}input");
    char path[1024];

    if (folder == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/%s-D", folder, message_id);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        return fd;
    /* The last digit of the time. */
    snprintf(path, sizeof path, "%s/%.1s/%s-D", folder, message_id + 5, message_id);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* False: it cannot be read. */
static bool verimail_send_body(struct milter_client *client)
{
    static char chunk[65535];
    const int fd = verimail_open_body();
    /* The file's first line is its own name, whose length differs between versions of Exim. */
    const off_t begin = (off_t)(strlen((const char *)message_id) + strlen("-D\n"));
    ssize_t n = -1;

    if (fd >= 0 && lseek(fd, begin, SEEK_SET) == begin)
        do
            n = read(fd, chunk, sizeof chunk);
        while (n > 0 && milter_client_body(client, chunk, (size_t)n));
    if (fd >= 0)
        (void)close(fd);
    return n >= 0;
}

/* Has the fields of this name in `named`; false: out of memory. The filter removes many of one name
 * in a row, and a message may have tens of thousands: they are looked for once. */
static bool verimail_find(struct header *header, const char *name)
{
    if (header->name != NULL && strcmp(header->name, name) == 0)
        return true;
    header->name = name;
    header->named.count = 0;
    for (size_t i = 0; i < header->seen.count; i++) {
        header_line *line = header->seen.at[i];
        if (line->type != REMOVED && verimail_has_name(line, name) &&
                !verimail_keep(&header->named, line))
            return false;
    }
    return true;
}

static bool verimail_remove(struct header *header, const char *name, uint32_t number)
{
    struct fields *named = &header->named;

    if (!verimail_find(header, name) || number > named->count)
        return false;
    header_line **at = &named->at[number - 1];
    (*at)->type = REMOVED;
    memmove(at, at + 1, (named->count - number) * sizeof(header_line *));
    named->count--;
    return true;
}

static bool verimail_edit(struct header *header, const struct milter_client_edit *edit)
{
    const bool is_on_top = edit->type == MILTER_CLIENT_INSERT && edit->index == 0;

    if (edit->type == MILTER_CLIENT_REMOVE)
        return verimail_remove(header, edit->name, edit->index);
    if ((!is_on_top && edit->type != MILTER_CLIENT_ADD) ||
            strlen(edit->name) + strlen(edit->value) > FIELD_MAX)
        return false;
    header_add_at_position(!is_on_top, NULL, FALSE, ' ', "%s:%s\n", edit->name, edit->value);
    return true;
}

static bool verimail_edit_header(struct header *header, const struct milter_client *client)
{
    for (size_t i = 0; i < milter_client_edits(client); i++) {
        const struct milter_client_edit edit = milter_client_edit(client, i);
        if (!verimail_edit(header, &edit))
            return false;
    }
    return true;
}

static void verimail_send_envelope(struct milter_client *client, const char *listener)
{
    const char *host = (const char *)sender_host_address;
    const char *mechanism = (const char *)sender_host_authenticated;
    const struct milter_client_mail mail = {
            .daemon_name = listener,
            .client_name = host != NULL ? (const char *)sender_host_name : NULL,
            .client_address = host,
            .client_port = (uint16_t)sender_host_port,
            .queue_id = (const char *)message_id,
            .auth_type = mechanism,
            /* Of a message that was submitted locally it is the user who submitted it. */
            .login = mechanism != NULL ? verimail_expand("$authenticated_id") : NULL,
            .sender = (const char *)sender_address,
    };

    milter_client_mail(client, &mail);
    for (int i = 0; i < recipients_count; i++)
        milter_client_recipient(client, (const char *)recipients_list[i].address);
}

/* What the function expands to. `error_r`: for the log; stays as it is when there is none. */
static const char *verimail_judge(struct milter_client *client, const char *listener,
        struct header *header, const char **error_r)
{
    static const char unreadable[] = "451 4.3.0 The message cannot be read; try again later";
    static const char not_edited[] = "451 4.3.0 The header cannot be edited; try again later";

    verimail_send_envelope(client, listener);
    if (!verimail_send_header(client, &header->seen)) {
        *error_r = "out of memory";
        return unreadable;
    }
    if (milter_client_error(client) == NULL && !verimail_send_body(client)) {
        *error_r = "the message is not where the spool should have it";
        return unreadable;
    }
    const enum milter_client_verdict verdict = milter_client_end(client);
    if (milter_client_error(client) != NULL)
        *error_r = milter_client_error(client);
    if (verdict != MILTER_CLIENT_ACCEPT)
        return milter_client_reply(client);
    if (!verimail_edit_header(header, client)) {
        *error_r = "the filter wants an edit of the header that Exim cannot make";
        return not_edited;
    }
    return "";
}

int verimail(uschar **yield, int argc, uschar *argv[])
{
    char quarantine[MILTER_CLIENT_REPLY_MAX + sizeof "quarantine: "];
    const char *error = NULL;
    struct header header = {0};

    if (argc < 1 || argc > 2 || message_id == NULL ||
            strlen((const char *)message_id) < MESSAGE_ID_LENGTH) {
        *yield = string_copy(
                (const uschar *)"verimail: want {SOCKET} or {SOCKET}{LISTENER}, in acl_smtp_data "
                                "or acl_not_smtp");
        return ERROR;
    }
    const char *listener = argc > 1 && argv[1][0] != '\0' ? (const char *)argv[1] : NULL;
    struct milter_client *client = milter_client_open((const char *)argv[0], TIMEOUT_MS);
    const char *result = verimail_judge(client, listener, &header, &error);
    const char *reason = milter_client_quarantine(client);
    if (error != NULL)
        log_write(0, LOG_MAIN, "verimail: %s", error);
    if (result[0] == '\0' && reason != NULL) {
        (void)snprintf(quarantine, sizeof quarantine, "quarantine: %s", reason);
        result = quarantine;
    }
    *yield = string_copy((const uschar *)result);
    milter_client_free(&client);
    free(header.seen.at);
    free(header.named.at);
    return OK;
}
