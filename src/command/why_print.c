// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/memstream.h"
#include "command/advice.h"
#include "command/escape.h"
#include "command/ruling.h"
#include "command/why_rows.h"

#define MILLISECONDS 1000

static void why_print_date(int64_t unix_milliseconds)
{
    char date[DATE_TEXT_MAX];

    date_format((uint64_t)unix_milliseconds / MILLISECONDS, date);
    fputs(date, stdout);
}

/* Words of ours, then a text of somebody; nothing if that is empty. */
static void why_put(const char *before, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    fputs(before, stdout);
    escape_put(stdout, text_of(text));
}

static void why_print_who(const struct why_row *mail)
{
    why_print_date(mail->numbers[WHY_TIME]);
    why_put("  queue id ", mail->texts[WHY_QUEUE]);
    why_put("  Message-ID ", mail->texts[WHY_MESSAGE]);
    putchar('\n');
    if (mail->texts[WHY_AUTHOR][0] != '\0')
        why_put("    from ", mail->texts[WHY_AUTHOR]);
    else
        fputs("    from an author that is not certain", stdout);
    why_put(" to ", mail->texts[WHY_RECEIVING]);
    why_put(", login ", mail->texts[WHY_LOGIN]);
    why_put(", client ", mail->texts[WHY_IP]);
    putchar('\n');
}

/* `FILE:LINE: option`, of the milter's own sections. */
static void why_print_line(const struct why_place *place, const char *section, const char *option)
{
    const struct edit_step path[] = {{section, NULL}, {NULL, NULL}};
    struct edit *edit = section != NULL ? edit_load(place->path) : NULL;
    char *sentence = NULL;
    size_t len;
    FILE *out = edit != NULL ? open_memstream(&sentence, &len) : NULL;

    if (out != NULL) {
        const bool there = ruling_print_place(out, edit, place->path, path, option);
        if (memstream_close(out, &sentence) && there)
            printf("    decided by %s\n", sentence);
        free(sentence);
    }
    edit_free(&edit);
}

static void why_print_advice(const struct why_place *place, const struct advice_mail *advice)
{
    if (advice == NULL)
        return;
    why_print_line(place, advice->section, advice->option);
    if (advice->change[0] != '\0')
        printf("    to change it: %s\n", advice->change);
}

static void why_print_sent(const struct why_place *place, const struct why_row *mail)
{
    const char *reason = mail->texts[WHY_REASON];
    const struct advice_mail *advice = advice_mail_find(reason);

    if (strcmp(mail->texts[WHY_ACTION], "stamped") == 0) {
        puts("    going out: it was stamped");
        return;
    }
    fputs("    going out: not stamped, and ", stdout);
    escape_put(stdout, text_of(mail->texts[WHY_ACTION]));
    printf(": %s", advice != NULL ? advice->why : "");
    if (advice == NULL)
        escape_put(stdout, text_of(reason));
    putchar('\n');
    why_print_advice(place, advice);
}

static void why_print_source(const struct why_row *mail)
{
    const char *source = mail->texts[WHY_SOURCE];

    if (strcmp(source, "cache") == 0)
        fputs("    the answer is one that the service gave earlier: it was still good", stdout);
    else if (mail->texts[WHY_SERVICE][0] != '\0')
        why_put(source[0] != '\0' ? "    answered by " : "    the service was ",
                mail->texts[WHY_SERVICE]);
    else
        fputs("    no service was asked", stdout);
    if (strcmp(source, "peer") == 0)
        fputs(", the peer of the configuration", stdout);
    why_put(", found by ", mail->texts[WHY_LOOKUP]);
    if (mail->numbers[WHY_SECURE] != 0)
        fputs(", which DNSSEC vouches for", stdout);
    putchar('\n');
}

/* What was done with a message from elsewhere. */
static void why_print_action(const struct why_place *place, const struct why_row *mail)
{
    const char *would_be = mail->texts[WHY_WOULD_BE];
    const char *option = advice_mail_action(mail->texts[WHY_VERDICT]);

    if (would_be[0] != '\0') {
        printf("    mode = monitor: it passed, and would have been ");
        escape_put(stdout, text_of(would_be));
        putchar('\n');
        why_print_line(place, "verify", "mode");
    } else if (option != NULL) {
        why_print_line(place, "verify", option);
    }
}

static void why_print_received(const struct why_place *place, const struct why_row *mail)
{
    const char *reason = mail->texts[WHY_REASON];
    const struct advice_mail *advice = advice_mail_find(reason);

    fputs("    coming in: ", stdout);
    escape_put(stdout, text_of(mail->texts[WHY_VERDICT]));
    why_put(" ", reason);
    why_put(", and ", mail->texts[WHY_ACTION]);
    if (advice != NULL)
        printf(": %s", advice->why);
    putchar('\n');
    why_print_source(mail);
    if (advice != NULL)
        why_print_advice(place, advice);
    else
        why_print_action(place, mail);
}

void why_print_mail(const struct why_place *place, const struct why_row *mail)
{
    why_print_who(mail);
    if (strcmp(mail->texts[WHY_DIRECTION], "out") == 0)
        why_print_sent(place, mail);
    else
        why_print_received(place, mail);
}

static void why_print_ruling(void *context, const char *sentence, bool is_change)
{
    (void)context;
    printf("    %s%s\n", is_change ? "to change it: " : "decided by ", sentence);
}

static enum verdict why_verdict(const char *word)
{
    enum verdict verdict = VERDICT_TEMPERROR;

    return verdict_from_wire(text_of(word), &verdict) ? verdict : VERDICT_TEMPERROR;
}

static enum reason why_reason(const char *word)
{
    enum reason reason = REASON_NONE;

    return reason_from_wire(text_of(word), &reason) ? reason : REASON_NONE;
}

/* The advice about the answer; under test, about what it would be. A cause that has no sentence of
 * its own is one of the log only. */
static const struct advice *why_find_advice(const struct why_row *event)
{
    const char *would_be = event->texts[WHY_EVENT_WOULD_BE];
    const bool is_testing = would_be[0] != '\0';
    const enum verdict verdict =
            is_testing ? VERDICT_NO : why_verdict(event->texts[WHY_EVENT_VERDICT]);
    const enum reason reason = why_reason(is_testing ? would_be : event->texts[WHY_EVENT_REASON]);
    const struct advice *advice = advice_find(verdict, reason, event->texts[WHY_EVENT_CAUSE]);

    return advice != NULL ? advice : advice_find(verdict, reason, "");
}

void why_print_event(const struct why_place *place, const struct why_row *event, int64_t cached_at)
{
    const struct advice *advice = why_find_advice(event);
    struct address user;

    fputs("  the service, at ", stdout);
    why_print_date(event->numbers[WHY_TIME]);
    fputs(": ", stdout);
    escape_put(stdout, text_of(event->texts[WHY_EVENT_VERDICT]));
    why_put(" ", event->texts[WHY_EVENT_REASON]);
    why_put(", would be NO ", event->texts[WHY_EVENT_WOULD_BE]);
    if (advice != NULL)
        printf(": %s", advice->why);
    putchar('\n');
    why_put("    about ", event->texts[WHY_EVENT_USER]);
    why_put(" stamped by ", event->texts[WHY_EVENT_HOST]);
    why_put(" for ", event->texts[WHY_EVENT_RECEIVING]);
    why_put(", asked by ", event->texts[WHY_EVENT_ASKER]);
    putchar('\n');
    if (cached_at > 0)
        puts("    the receiver kept this answer, and used it again");
    if (!address_parse(text_of(event->texts[WHY_EVENT_USER]), text_of(""), &user))
        return;
    const struct ruling ruling = {.config = place->config,
            .path = place->path,
            .user = &user,
            .advice = advice,
            .is_testing = event->texts[WHY_EVENT_WOULD_BE][0] != '\0'};
    ruling_trace(&ruling, why_print_ruling, NULL);
}
