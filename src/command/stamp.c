// SPDX-License-Identifier: ISC
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/charset.h"
#include "base/clock.h"
#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "command/arguments.h"
#include "command/read_message.h"
#include "command/spool.h"
#include "filter/stamper.h"

#define HEAD_MAX (STAMP_FIELD_MAX + STAMPER_MESSAGE_ID_MAX + DATE_TEXT_MAX + 64)

/* What it takes to stamp a message. */
struct job {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config;
    struct stamper *stamper;
    struct receiving *receiving;
    bool has_from; /* --from was given */
    struct address from;
    uint64_t now;
    char date[DATE_TEXT_MAX];
    char message_id[STAMPER_MESSAGE_ID_MAX];
};

/* The message on its way through. `pending` was read and could not be spooled. */
struct passage {
    struct spool spool;
    struct text pending;
    bool ended;
    char buffer[SPOOL_CHUNK];
};

static enum status stamp_out_of_memory(const struct job *job)
{
    command_complain(job->invocation, "out of memory");
    return STATUS_FAILURE;
}

/* DOMAIN[:COUNT] */
static bool stamp_add_receiving(struct receiving *receiving, const char *value)
{
    struct text domain = text_of(value);
    const char *colon = strrchr(value, ':');
    char ascii[DOMAIN_MAX + 1] = "*";
    uint64_t count = 1;

    if (colon != NULL) {
        domain.len = (size_t)(colon - value);
        if (!text_decimal(text_of(colon + 1), RECEIVING_RECIPIENTS_MAX, &count))
            return false;
    }
    if (!text_equal(domain, text_of("*")) && !domain_to_ascii(domain, ascii))
        return false;
    return receiving_add(receiving, text_of(ascii), (uint32_t)count);
}

static enum status stamp_take_receiving(struct job *job, const struct arguments_values *to)
{
    job->receiving = receiving_init();
    if (job->receiving == NULL)
        return stamp_out_of_memory(job);
    for (size_t i = 0; i < to->count; i++) {
        if (!stamp_add_receiving(job->receiving, to->at[i])) {
            command_complain(job->invocation,
                    "--to %s: expected DOMAIN or DOMAIN:COUNT, at most %d recipients in all",
                    to->at[i], RECEIVING_RECIPIENTS_MAX);
            return STATUS_DATA;
        }
    }
    if (to->count == 0 && !receiving_add(job->receiving, text_of("*"), 1))
        return stamp_out_of_memory(job);
    return STATUS_OK;
}

static enum status stamp_take_from(struct job *job, const char *from)
{
    job->has_from = from != NULL;
    if (from == NULL)
        return STATUS_OK;
    const enum from_result result = from_parse(text_of(from), &job->from);
    if (result == FROM_OK)
        return STATUS_OK;
    command_complain(job->invocation, "--from %s: %s", from, from_result_text(result));
    return STATUS_DATA;
}

static enum status stamp_read_config(struct job *job)
{
    job->config = command_read_config(job->invocation, &job->problems);
    if (job->config == NULL)
        return STATUS_CONFIG;
    if (job->config->stamp_count > 0)
        return STATUS_OK;
    command_complain(job->invocation, "%s: no stamp section", job->invocation->config_path);
    return STATUS_CONFIG;
}

static enum status stamp_open_key(struct job *job)
{
    const struct config_text *option = &job->config->stamp->key;
    struct keyfolder list = {0};
    unsigned char *secret = sodium_malloc(KEY_OCTETS);
    enum status status = STATUS_CONFIG;
    const char *error = NULL;

    if (secret == NULL)
        return stamp_out_of_memory(job);
    if (!keyfolder_list(option->at, KEY_HOST_SECRET, &list, &error)) {
        command_complain(job->invocation, "the host's key %s: %s", option->at, error);
    } else if (!keyfile_read(list.paths[0], KEY_HOST_SECRET, secret, &error)) {
        command_complain(job->invocation, "the host's key %s: %s", list.paths[0], error);
    } else {
        job->stamper = stamper_init(job->config->stamp, secret, &error);
        if (job->stamper == NULL)
            command_complain(job->invocation, "service_key %s", error);
        else
            status = STATUS_OK;
    }
    keyfolder_free(&list);
    sodium_free(secret);
    return status;
}

static enum status stamp_prepare(
        struct job *job, const char *from, const struct arguments_values *to)
{
    enum status status = stamp_take_receiving(job, to);

    if (status == STATUS_OK)
        status = stamp_take_from(job, from);
    if (status == STATUS_OK)
        status = stamp_read_config(job);
    if (status == STATUS_OK)
        status = stamp_open_key(job);
    if (status == STATUS_OK)
        stamper_make_missing(job->stamper, job->now, job->date, job->message_id);
    return status;
}

/* Where the author is not certain: whether it is at none of our domains whatever a reader makes of
 * the message. */
static bool stamp_is_foreign(const struct job *job, const struct message_parser *parser)
{
    struct candidates candidates = {0};

    message_parser_candidates(parser, charset_decode, &candidates);
    if (candidates.is_unreadable || candidates.more || candidates.lacks_domain ||
            candidates.is_out_of_memory)
        return false;
    for (size_t i = 0; i < candidates.count; i++) {
        struct address user;
        if (address_make(text_of("any"), text_of(candidates.domains[i]), &user) &&
                stamper_is_ours(job->stamper, &user))
            return false;
    }
    return true;
}

/* The user to stamp for; NULL with a sentence in `error_r`. */
static const struct address *stamp_find_user(const struct job *job,
        const struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX])
{
    const struct address *author = read_message_author(parser, error_r);

    return message_parser_digest(parser)[0] != '\0' && job->has_from ? &job->from : author;
}

static void stamp_put_field(struct writer *w, const char *name, const char *value, const char *eol)
{
    writer_string(w, name);
    writer_string(w, ": ");
    writer_string(w, value);
    writer_string(w, eol);
}

/* What stands above the message: its stamp, and the fields it lacks. Nothing above one that is not
 * ours: in a mail server's pipe that is no error. */
static enum status stamp_make_head(const struct job *job, struct read_message *reading,
        const struct message_parser *parser, struct writer *w)
{
    char error[READ_MESSAGE_ERROR_MAX];
    enum status status = read_message_end(reading, error);
    const struct address *user = status == STATUS_OK ? stamp_find_user(job, parser, error) : NULL;

    if (user == NULL && status == STATUS_OK)
        status = STATUS_DATA;
    if (status == STATUS_DATA && !job->has_from && stamp_is_foreign(job, parser))
        return STATUS_OK;
    if (status != STATUS_OK) {
        command_complain(job->invocation, "not stamped: %s", error);
        return status;
    }
    if (!stamper_is_ours(job->stamper, user))
        return STATUS_OK;
    const char *eol = read_message_is_crlf(reading) ? "\r\n" : "\n";
    writer_string(w, STAMP_NAME ":");
    if (stamper_seal(job->stamper, user, job->receiving, job->now,
                text_of(message_parser_digest(parser)), eol, w) != SEALER_OK) {
        command_complain(job->invocation,
                "not stamped: %s: the stamp would be longer than %d octets", user->text,
                STAMP_FIELD_MAX);
        return STATUS_DATA;
    }
    writer_string(w, eol);
    if (message_parser_lacks_date(parser))
        stamp_put_field(w, "Date", job->date, eol);
    if (message_parser_lacks_message_id(parser))
        stamp_put_field(w, "Message-ID", job->message_id, eol);
    return STATUS_OK;
}

/* `intake` may be NULL: then the message is only kept. */
static enum status stamp_take_in(
        const struct job *job, struct passage *in, struct read_message *reading)
{
    if (!spool_open(&in->spool)) {
        command_complain(job->invocation, "not stamped: no file to keep the message in: %s",
                strerror(errno));
        return STATUS_FAILURE;
    }
    while (!in->ended) {
        const ssize_t got = spool_read(STDIN_FILENO, in->buffer, sizeof in->buffer);
        if (got < 0)
            command_complain(job->invocation, "standard input: %s", strerror(errno));
        in->ended = got <= 0;
        if (in->ended)
            return got < 0 ? STATUS_INPUT : STATUS_OK;
        const struct text chunk = {in->buffer, (size_t)got};
        const size_t taken = spool_add(&in->spool, chunk);
        if (taken < chunk.len) {
            in->pending = (struct text){chunk.at + taken, chunk.len - taken};
            command_complain(job->invocation, "not stamped: the message cannot be kept: %s",
                    strerror(errno));
            return STATUS_FAILURE;
        }
        if (reading != NULL)
            read_message_feed(reading, chunk);
    }
    return STATUS_OK;
}

/* The message as it came, what has not been read yet included. */
static bool stamp_write_unchanged(struct passage *in)
{
    bool ok = spool_copy(&in->spool, 0, in->spool.len, STDOUT_FILENO) &&
              spool_write(STDOUT_FILENO, in->pending);

    while (ok && !in->ended) {
        const ssize_t got = spool_read(STDIN_FILENO, in->buffer, sizeof in->buffer);
        in->ended = got == 0;
        ok = got == 0 ||
             (got > 0 && spool_write(STDOUT_FILENO, (struct text){in->buffer, (size_t)got}));
    }
    return ok;
}

/* The mbox line, the head, and the message without the earlier stamps of our own domains. */
static bool stamp_write_stamped(const struct job *job, const struct passage *in,
        const struct read_message *reading, const struct message_parser *parser, struct text head)
{
    const uint64_t start = read_message_mbox_len(reading);
    size_t count;
    const struct message_parser_stamp *stamps = message_parser_stamps(parser, &count);
    uint64_t from = start;
    bool ok = spool_copy(&in->spool, 0, start, STDOUT_FILENO) && spool_write(STDOUT_FILENO, head);

    for (size_t i = 0; ok && i < count; i++) {
        if (!stamper_is_ours(job->stamper, &stamps[i].stamp.user))
            continue;
        const uint64_t offset = start + stamps[i].offset;
        ok = spool_copy(&in->spool, from, offset - from, STDOUT_FILENO);
        from = offset + stamps[i].len;
    }
    return ok && spool_copy(&in->spool, from, in->spool.len - from, STDOUT_FILENO);
}

/* `status`: of what was prepared. Whatever it is, the message passes. */
static enum status stamp_pass(const struct job *job, enum status status, struct passage *in)
{
    const struct message_parser_missing missing = {
            .date = job->date, .message_id = job->message_id};
    struct message_parser *parser = status == STATUS_OK ? message_parser_init(&missing) : NULL;
    struct read_message *reading = parser != NULL ? read_message_init(parser) : NULL;
    char buffer[HEAD_MAX];
    struct writer head = writer_of(buffer, sizeof buffer);

    if (status == STATUS_OK && reading == NULL)
        status = stamp_out_of_memory(job);
    const enum status taken = stamp_take_in(job, in, reading);
    if (status == STATUS_OK)
        status = taken;
    if (status == STATUS_OK)
        status = stamp_make_head(job, reading, parser, &head);
    const bool is_stamped = status == STATUS_OK && writer_text(&head).len > 0;
    const bool written = is_stamped
                                 ? stamp_write_stamped(job, in, reading, parser, writer_text(&head))
                                 : stamp_write_unchanged(in);
    if (!written) {
        command_complain(job->invocation, "the message cannot be written: %s", strerror(errno));
        status = STATUS_FAILURE;
    }
    read_message_free(&reading);
    message_parser_free(&parser);
    spool_close(&in->spool);
    return status;
}

static enum status stamp_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation, .now = unix_now()};
    const char *from = NULL;
    struct arguments_values to = {0};
    const struct arguments_option options[] = {
            {"--from", .value = &from},
            {"--to", .values = &to},
            {NULL},
    };
    struct passage *in = calloc(1, sizeof *in);
    enum status status = STATUS_USAGE;

    /* Mail servers limit the size of files: that must be an error like others, not the end. */
    (void)signal(SIGXFSZ, SIG_IGN);
    if (in == NULL)
        status = stamp_out_of_memory(&job);
    else if (arguments_read(invocation, options, 0, 0, NULL))
        status = stamp_pass(&job, stamp_prepare(&job, from, &to), in);
    free(in);
    free(to.at);
    stamper_free(&job.stamper);
    receiving_free(&job.receiving);
    config_free(&job.config);
    problems_free(&job.problems);
    return status;
}

const struct command command_stamp = {
        .name = "stamp",
        .synopsis = "[--from ADDRESS] [--to DOMAIN[:COUNT]]... <MESSAGE",
        .summary = "stamp a message on its way from standard input to standard output",
        .help = "  --from ADDRESS        stamp for this user, not for the author in From\n"
                "  --to DOMAIN[:COUNT]   a receiving domain and its recipients (1); `*` for any;\n"
                "                        may be repeated. Without it: *:1\n"
                "\n"
                "Earlier stamps of our own domains are removed; a missing Date and Message-ID are\n"
                "added. A message of another domain is written unchanged, with status 0. So is "
                "one\n"
                "that cannot be stamped, and the exit status tells: 65 for what is wrong with the\n"
                "message, 78 with the configuration.\n",
        .run = stamp_run,
};
