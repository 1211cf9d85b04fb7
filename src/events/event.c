// SPDX-License-Identifier: ISC
#include "events/event.h"

#include <string.h>

#define FORM 1 /* version of the form below */
#define IP_MAX 48

/* One octet each: version, verdict, reason, would_be, flags; then the time and `issued`, 8 octets
 * each, and the milliseconds, 4, least significant first; then eight texts, each behind its length,
 * 2 octets. */
#define FIXED 25
#define FLAG_LISTED 1
#define FLAG_CHANGED 2
#define FLAG_LEFT_OUT 4
#define FLAGS (FLAG_LISTED | FLAG_CHANGED | FLAG_LEFT_OUT)

static void put_number(struct writer *w, uint64_t number, size_t octets)
{
    char *buffer = writer_reserve(w, octets);

    for (size_t i = 0; buffer != NULL && i < octets; i++)
        buffer[i] = (char)(unsigned char)(number >> (8 * i));
}

static void event_put_text(struct writer *w, struct text t, size_t max)
{
    if (t.len > max)
        t.len = max;
    put_number(w, t.len, 2);
    writer_put(w, t);
}

/* Cuts the list between two domains. */
static struct text cut_list(struct text list)
{
    if (list.len <= EVENT_RECEIVING_MAX)
        return list;
    list.len = EVENT_RECEIVING_MAX + 1;
    while (list.len > 0 && list.at[list.len - 1] != ',')
        list.len--;
    list.len -= list.len > 0;
    return list;
}

bool event_encode(const struct event *event, struct writer *w)
{
    const uint64_t flags = (event->listed ? FLAG_LISTED : 0U) |
                           (event->changed ? FLAG_CHANGED : 0U) |
                           (event->left_out ? FLAG_LEFT_OUT : 0U);

    put_number(w, FORM, 1);
    put_number(w, event->verdict, 1);
    put_number(w, event->reason, 1);
    put_number(w, event->would_be, 1);
    put_number(w, flags, 1);
    put_number(w, event->time, 8);
    put_number(w, event->issued, 8);
    put_number(w, event->milliseconds, 4);
    event_put_text(w, event->cause, EVENT_CAUSE_MAX);
    event_put_text(w, event->user, ADDRESS_MAX);
    event_put_text(w, event->host, DOMAIN_MAX);
    event_put_text(w, cut_list(event->receiving), EVENT_RECEIVING_MAX);
    event_put_text(w, event->ip, IP_MAX);
    event_put_text(w, event->asker, IP_MAX);
    event_put_text(w, event->stamp, EVENT_STAMP);
    event_put_text(w, event->digest, DIGEST_TEXT);
    return !w->failed;
}

bool event_is_plain(struct text t)
{
    bool plain = true;

    for (size_t i = 0; i < t.len; i++)
        plain = plain && t.at[i] >= ' ' && t.at[i] <= '~';
    return plain;
}

size_t event_octets(const struct event *e)
{
    return e->cause.len + 2 * e->user.len + e->host.len + e->receiving.len + e->ip.len +
           e->asker.len + e->stamp.len + e->digest.len;
}

struct text event_domain(const struct event *event)
{
    const struct text user = event->user;
    const char *at = user.len > 0 ? memrchr(user.at, '@', user.len) : NULL;

    return at != NULL ? (struct text){at + 1, user.len - (size_t)(at + 1 - user.at)}
                      : (struct text){NULL, 0};
}

static uint64_t get_number(struct text *rest, size_t octets)
{
    uint64_t number = 0;

    for (size_t i = 0; i < octets; i++)
        number |= (uint64_t)(unsigned char)rest->at[i] << (8 * i);
    rest->at += octets;
    rest->len -= octets;
    return number;
}

static bool get_text(struct text *rest, size_t max, struct text *text_r)
{
    if (rest->len < 2)
        return false;
    const size_t len = get_number(rest, 2);
    if (len > max || len > rest->len)
        return false;
    *text_r = (struct text){rest->at, len};
    rest->at += len;
    rest->len -= len;
    return event_is_plain(*text_r);
}

bool event_decode(struct text octets, struct event *event_r)
{
    if (octets.len < FIXED || get_number(&octets, 1) != FORM)
        return false;
    const uint64_t verdict = get_number(&octets, 1);
    const uint64_t reason = get_number(&octets, 1);
    const uint64_t would_be = get_number(&octets, 1);
    const uint64_t flags = get_number(&octets, 1);
    if (verdict > VERDICT_ALLOW || reason > REASON_REFUSED || would_be > REASON_REFUSED ||
            flags > FLAGS)
        return false;
    event_r->verdict = (enum verdict)verdict;
    event_r->reason = (enum reason)reason;
    event_r->would_be = (enum reason)would_be;
    event_r->listed = (flags & FLAG_LISTED) != 0;
    event_r->changed = (flags & FLAG_CHANGED) != 0;
    event_r->left_out = (flags & FLAG_LEFT_OUT) != 0;
    event_r->time = get_number(&octets, 8);
    event_r->issued = get_number(&octets, 8);
    event_r->milliseconds = (uint32_t)get_number(&octets, 4);
    return event_r->time <= INT64_MAX && event_r->issued <= INT64_MAX &&
           get_text(&octets, EVENT_CAUSE_MAX, &event_r->cause) &&
           get_text(&octets, ADDRESS_MAX, &event_r->user) &&
           get_text(&octets, DOMAIN_MAX, &event_r->host) &&
           get_text(&octets, EVENT_RECEIVING_MAX, &event_r->receiving) &&
           get_text(&octets, IP_MAX, &event_r->ip) && get_text(&octets, IP_MAX, &event_r->asker) &&
           get_text(&octets, EVENT_STAMP, &event_r->stamp) &&
           get_text(&octets, DIGEST_TEXT, &event_r->digest) && octets.len == 0;
}
