// SPDX-License-Identifier: ISC
#include "mail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "header.h"

#define TIMEOUT_MS 30000
#define CHUNK 16384u
#define TOO_LONG "554 5.6.0 The mail filter cannot pass on a line that is so long"
#define NOT_EDITED "451 4.3.0 The header cannot be edited; try again later"

struct mail *mail_new(uint64_t session, uint64_t token)
{
    struct mail *mail = calloc(1, sizeof *mail);

    if (mail != NULL) {
        mail->session = session;
        mail->token = token;
    }
    return mail;
}

void mail_free(struct mail *mail)
{
    if (mail == NULL)
        return;
    if (mail->file != NULL)
        (void)fclose(mail->file);
    for (size_t i = 0; i < sizeof mail->strings / sizeof *mail->strings; i++)
        free(mail->strings[i]);
    free(mail->recipients);
    free(mail->header);
    free(mail);
}

void mail_set_envelope(struct mail *mail, const struct milter_client_mail *envelope,
        const char *hostname, char *recipients, size_t recipients_len)
{
    const char *const strings[] = {envelope->daemon_name, envelope->client_name,
            envelope->client_address, envelope->queue_id, envelope->login, envelope->sender,
            hostname};

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        mail->strings[i] = strings[i] != NULL ? strdup(strings[i]) : NULL;
        if (strings[i] != NULL && mail->strings[i] == NULL)
            mail->fault = MAIL_NOT_KEPT;
    }
    mail->envelope = *envelope;
    mail->envelope.daemon_name = mail->strings[0];
    mail->envelope.client_name = mail->strings[1];
    mail->envelope.client_address = mail->strings[2];
    mail->envelope.queue_id = mail->strings[3];
    mail->envelope.login = mail->strings[4];
    mail->envelope.sender = mail->strings[5];
    mail->hostname = mail->strings[6];
    if (envelope->sender == NULL)
        mail->fault = MAIL_NOT_KEPT;
    mail->recipients = recipients;
    mail->recipients_len = recipients_len;
}

/* A file without a name. */
static FILE *mail_file(void)
{
    const char *folder = getenv("TMPDIR");
    char path[256];
    int fd = -1;

    if (folder == NULL || folder[0] != '/')
        folder = "/tmp";
    if ((size_t)snprintf(path, sizeof path, "%s/verimail-XXXXXX", folder) < sizeof path)
        fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return NULL;
    (void)unlink(path);
    FILE *file = fdopen(fd, "w+");
    if (file == NULL)
        (void)close(fd);
    return file;
}

void mail_put(struct mail *mail, const char *line, size_t len)
{
    if (mail->fault != NULL)
        return;
    if (mail->file == NULL)
        mail->file = mail_file();
    if (mail->file == NULL || fwrite_unlocked(line, 1, len, mail->file) != len ||
            putc_unlocked('\n', mail->file) == EOF) {
        mail->fault = MAIL_NOT_KEPT;
        return;
    }
    if (len == 0 && mail->body_at == 0)
        mail->body_at = mail->len;
    if (len > mail->line_max)
        mail->line_max = len;
    mail->len += len + 1;
}

/* Octets at this place of the file; 0: its end, or an error. */
static size_t mail_read(const struct mail *mail, size_t at, char *to, size_t size)
{
    ssize_t n;

    if (at >= mail->len)
        return 0;
    do
        n = pread(fileno(mail->file), to, size, (off_t)at);
    while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

/* Lines with CRLF, without the dots that SMTP puts at their beginning. */
static size_t mail_to_wire(const char *at, size_t len, bool *is_line_begin, char *to)
{
    char *end = to;

    for (size_t i = 0; i < len; i++) {
        const bool is_begin = *is_line_begin;
        *is_line_begin = at[i] == '\n';
        if (is_begin && at[i] == '.')
            continue;
        if (at[i] == '\n')
            *end++ = '\r';
        *end++ = at[i];
    }
    return (size_t)(end - to);
}

/* False: the file cannot be read. */
static bool mail_send_body(const struct mail *mail, struct milter_client *client)
{
    char lines[CHUNK], wire[2 * CHUNK];
    bool is_line_begin = true, is_wanted = true;
    size_t at = mail->body_at + 1, n; /* behind the empty line */

    while (is_wanted && (n = mail_read(mail, at, lines, sizeof lines)) > 0) {
        const size_t len = mail_to_wire(lines, n, &is_line_begin, wire);
        is_wanted = milter_client_body(client, wire, len);
        at += n;
    }
    return !is_wanted || at >= mail->len;
}

static void mail_send_envelope(const struct mail *mail, struct milter_client *client)
{
    milter_client_mail(client, &mail->envelope);
    for (size_t at = 0; at < mail->recipients_len; at += strlen(mail->recipients + at) + 1)
        milter_client_recipient(client, mail->recipients + at);
}

/* NULL: out of memory, or it cannot be read. */
static char *mail_read_header(const struct mail *mail)
{
    char *lines = malloc(mail->body_at + 1);
    size_t len = 0, n;

    if (lines == NULL)
        return NULL;
    while (len < mail->body_at && (n = mail_read(mail, len, lines + len, mail->body_at - len)) > 0)
        len += n;
    if (len == mail->body_at)
        return lines;
    free(lines);
    return NULL;
}

/* A stamp that is there covers the header as it is; without one this is a submission, or unstamped
 * whatever its addresses are. */
static bool mail_read_fields(const struct mail *mail, const char *lines, struct header *header)
{
    header_read(header, lines, mail->body_at, NULL);
    if (!header->is_out_of_memory &&
            (mail->envelope.login != NULL || !header_has(header, "Verimail"))) {
        header_free(header);
        header_read(header, lines, mail->body_at, mail->hostname);
    }
    return !header->is_out_of_memory;
}

static size_t mail_longest_line(const char *lines, size_t len)
{
    size_t longest = 0;

    for (const char *at = lines, *end = lines + len, *line_end; at < end; at = line_end + 1) {
        line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL)
            line_end = end;
        if ((size_t)(line_end - at) > longest)
            longest = (size_t)(line_end - at);
    }
    return longest;
}

static const char *mail_ask(struct mail *mail, struct milter_client *client, struct header *header)
{
    mail_send_envelope(mail, client);
    header_send(header, client);
    if (!mail_send_body(mail, client))
        return MAIL_NOT_KEPT;
    if (milter_client_end(client) != MILTER_CLIENT_ACCEPT)
        return milter_client_reply(client);
    /* smtpd's own mark of what it puts into the folder Junk. */
    const bool is_quarantined = milter_client_quarantine(client) != NULL;
    if (!header_edit(header, client, is_quarantined ? "X-Spam: Yes\n" : NULL))
        return NOT_EDITED;
    if (mail_longest_line(header->text, header->len) > mail->line_limit)
        return TOO_LONG;
    mail->header = header->text;
    mail->header_len = header->len;
    header->text = NULL;
    return "";
}

static bool mail_is_complete(struct mail *mail)
{
    if (mail->fault == NULL && (mail->file == NULL || fflush_unlocked(mail->file) != 0))
        mail->fault = MAIL_NOT_KEPT;
    if (mail->fault == NULL && mail->line_max > mail->line_limit)
        mail->fault = TOO_LONG;
    if (mail->body_at == 0) /* it has no body, not even an empty one */
        mail->body_at = mail->len;
    return mail->fault == NULL;
}

void mail_refuse(struct mail *mail, const char *reply)
{
    (void)snprintf(mail->reply, sizeof mail->reply, "%s", reply);
}

void mail_judge(struct mail *mail, const char *socket)
{
    struct header header = {0};

    if (!mail_is_complete(mail)) {
        mail_refuse(mail, mail->fault);
        return;
    }
    char *lines = mail_read_header(mail);
    if (lines != NULL && mail_read_fields(mail, lines, &header)) {
        struct milter_client *client = milter_client_open(socket, TIMEOUT_MS);
        mail_refuse(mail, mail_ask(mail, client, &header));
        if (milter_client_error(client) != NULL)
            (void)fprintf(stderr, "%s\n", milter_client_error(client));
        milter_client_free(&client);
    } else {
        mail_refuse(mail, MAIL_NOT_KEPT);
    }
    free(lines);
    header_free(&header);
}

/* How much of these octets is whole lines. */
static size_t mail_whole_lines(const char *at, size_t len)
{
    const char *last = memrchr(at, '\n', len);

    return last != NULL ? (size_t)(last - at) + 1 : 0;
}

size_t mail_next(struct mail *mail, char *to, size_t size)
{
    size_t n = 0;

    if (mail->put_at < mail->header_len) {
        n = mail->header_len - mail->put_at;
        n = n < size ? n : size;
        memcpy(to, mail->header + mail->put_at, n);
    } else {
        const size_t at = mail->body_at + mail->put_at - mail->header_len;
        n = mail_read(mail, at, to, size);
        if (n == 0 && at < mail->len)
            mail_refuse(mail, MAIL_NOT_KEPT);
    }
    const size_t whole = mail_whole_lines(to, n);
    if (n > 0 && whole == 0) /* the milter's own fields have no limit of theirs */
        mail_refuse(mail, TOO_LONG);
    return whole;
}

void mail_taken(struct mail *mail, size_t len)
{
    mail->put_at += len;
}
