// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "events/codec.h"
#include "events/event.h"
#include "events/mail_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void plain(struct text t, size_t max)
{
    must(t.len <= max && codec_is_plain(t));
}

static void in_bounds(const struct event *e)
{
    must(e->verdict <= VERDICT_ALLOW && e->reason <= REASON_REFUSED);
    must(e->would_be <= REASON_REFUSED && e->time <= INT64_MAX && e->issued <= INT64_MAX);
    plain(e->cause, EVENT_CAUSE_MAX);
    plain(e->user, ADDRESS_MAX);
    plain(e->host, DOMAIN_MAX);
    plain(e->receiving, EVENT_RECEIVING_MAX);
    plain(e->ip, 48);
    plain(e->asker, 48);
    plain(e->stamp, EVENT_STAMP);
    plain(e->digest, DIGEST_TEXT);
    const struct text domain = event_domain(e);
    must(domain.len < e->user.len || (domain.len == 0 && e->user.len == 0));
    must(domain.len == 0 || memchr(domain.at, '@', domain.len) == NULL);
}

static bool starts_with(struct text whole, struct text start)
{
    return start.len <= whole.len && (start.len == 0 || memcmp(whole.at, start.at, start.len) == 0);
}

/* What is an event is written in exactly one way, and nothing shorter or longer is one. */
static void read_it(struct text octets)
{
    char buffer[EVENT_OCTETS_MAX + 1];
    struct writer w = writer_of(buffer, EVENT_OCTETS_MAX);
    struct event event;
    struct event other;

    if (!event_decode(octets, &event))
        return;
    in_bounds(&event);
    must(event_encode(&event, &w));
    must(text_equal(writer_text(&w), octets));
    buffer[octets.len] = ' ';
    must(!event_decode((struct text){buffer, octets.len + 1}, &other));
    must(!event_decode((struct text){buffer, octets.len - 1}, &other));
}

static struct text cut(const uint8_t **data, size_t *size, size_t most)
{
    size_t len = 0;

    if (*size >= 2) {
        len = ((size_t)(*data)[0] << 8 | (*data)[1]) % (most + 1);
        *data += 2;
        *size -= 2;
    }
    if (len > *size)
        len = *size;
    const struct text t = {(const char *)*data, len};
    *data += len;
    *size -= len;
    return t;
}

/* Whatever an event is made of, it fits; what comes back is what was plain, cut at its end. */
static void write_it(const uint8_t *data, size_t size)
{
    char buffer[EVENT_OCTETS_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct event event = {.verdict = VERDICT_NO, .reason = REASON_FORGED};
    struct event back;

    event.cause = cut(&data, &size, 32);
    event.user = cut(&data, &size, 2 * ADDRESS_MAX);
    event.host = cut(&data, &size, 2 * DOMAIN_MAX);
    event.receiving = cut(&data, &size, 2 * EVENT_RECEIVING_MAX);
    event.ip = cut(&data, &size, 96);
    event.asker = cut(&data, &size, 96);
    event.stamp = cut(&data, &size, 2 * EVENT_STAMP);
    event.digest = cut(&data, &size, 2 * DIGEST_TEXT);
    must(event_encode(&event, &w));
    if (!event_decode(writer_text(&w), &back)) {
        must(!codec_is_plain(event.cause) || !codec_is_plain(event.user) ||
                !codec_is_plain(event.host) || !codec_is_plain(event.receiving) ||
                !codec_is_plain(event.ip) || !codec_is_plain(event.asker) ||
                !codec_is_plain(event.stamp) || !codec_is_plain(event.digest));
        return;
    }
    in_bounds(&back);
    must(starts_with(event.cause, back.cause) && starts_with(event.user, back.user) &&
            starts_with(event.host, back.host) && starts_with(event.receiving, back.receiving) &&
            starts_with(event.ip, back.ip) && starts_with(event.asker, back.asker) &&
            starts_with(event.stamp, back.stamp) && starts_with(event.digest, back.digest));
    must(back.receiving.len == event.receiving.len ||
            (event.receiving.len > EVENT_RECEIVING_MAX &&
                    (back.receiving.len == 0 || event.receiving.at[back.receiving.len] == ',')));
}

static void mail_in_bounds(const struct mail_event *e)
{
    must(e->direction <= MAIL_DIRECTION_OUT && e->verdict <= VERDICT_PERMERROR);
    must(e->action > MAIL_ACTION_NONE && e->action <= MAIL_ACTION_DEFERRED);
    must(e->would_be <= MAIL_ACTION_DEFERRED && e->source <= MAIL_SOURCE_PEER);
    must(e->time <= INT64_MAX);
    plain(e->reason, MAIL_EVENT_REASON_MAX);
    plain(e->queue, MAIL_EVENT_QUEUE_MAX);
    plain(e->message, MAIL_EVENT_MESSAGE_MAX);
    plain(e->author, ADDRESS_MAX);
    plain(e->login, MAIL_EVENT_LOGIN_MAX);
    plain(e->ip, MAIL_EVENT_IP_MAX);
    plain(e->receiving, MAIL_EVENT_RECEIVING_MAX);
    plain(e->service, MAIL_EVENT_SERVICE_MAX);
    plain(e->lookup, MAIL_EVENT_LOOKUP_MAX);
    plain(e->stamp, MAIL_EVENT_STAMP);
}

static void read_mail(struct text octets)
{
    char buffer[MAIL_EVENT_OCTETS_MAX + 1];
    struct writer w = writer_of(buffer, MAIL_EVENT_OCTETS_MAX);
    struct mail_event event;
    struct mail_event other;

    if (!mail_event_decode(octets, &event))
        return;
    mail_in_bounds(&event);
    must(mail_event_encode(&event, &w));
    must(text_equal(writer_text(&w), octets));
    buffer[octets.len] = ' ';
    must(!mail_event_decode((struct text){buffer, octets.len + 1}, &other));
    must(!mail_event_decode((struct text){buffer, octets.len - 1}, &other));
}

/* Strangers choose most of these texts. Whatever is in them, the event fits and comes back; only
 * domains are canonical before. */
static void write_mail(const uint8_t *data, size_t size)
{
    char buffer[MAIL_EVENT_OCTETS_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct mail_event event = {.action = MAIL_ACTION_PASSED, .verdict = VERDICT_NONE};
    struct mail_event back;
    struct text *const texts[] = {&event.reason, &event.queue, &event.message, &event.author,
            &event.login, &event.ip, &event.receiving, &event.service, &event.lookup, &event.stamp};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = cut(&data, &size, 2 * MAIL_EVENT_RECEIVING_MAX);
    must(mail_event_encode(&event, &w));
    if (!mail_event_decode(writer_text(&w), &back)) {
        must(!codec_is_plain(event.receiving));
        return;
    }
    mail_in_bounds(&back);
    if (codec_is_plain(event.author))
        must(starts_with(event.author, back.author));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text octets = {(const char *)data, size};

    read_it(octets);
    write_it(data, size);
    read_mail(octets);
    write_mail(data, size);
    return 0;
}
