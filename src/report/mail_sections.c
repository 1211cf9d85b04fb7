// SPDX-License-Identifier: ISC
#include "report/note.h"
#include "report/phrase.h"
#include "report/section.h"
#include "report/words.h"

/* The lists of the milter's part, in their order: what you have to do something about stands first.
 */

static void mail_put_mail_reason(FILE *out, const json_t *entry)
{
    const struct text reason = note_text(entry, "reason");

    note_put_word(out, words_mail(note_text(entry, "verdict"), reason), reason);
}

static void mail_put_example(const json_t *entry, FILE *out)
{
    note_put(out, "one is ", note_text(entry, "queue"));
    note_put_minute(out, "the last on ", entry, "last");
}

static void mail_note_unstamped(const json_t *entry, FILE *out)
{
    mail_put_mail_reason(out, entry);
    note_put(out, "login ", note_text(entry, "login"));
    note_put(out, "", note_text(entry, "action"));
    mail_put_example(entry, out);
}

static const char *mail_advise_unstamped(const json_t *entry)
{
    return words_unstamped_advice(note_text(entry, "reason"));
}

static void mail_note_refused(const json_t *entry, FILE *out)
{
    note_put(out, "", note_text(entry, "verdict"));
    mail_put_mail_reason(out, entry);
    note_put(out, "", note_text(entry, "action"));
    mail_put_example(entry, out);
}

static void mail_note_would_refuse(const json_t *entry, FILE *out)
{
    note_put(out, "", note_text(entry, "verdict"));
    mail_put_mail_reason(out, entry);
    note_put(out, "would be ", note_text(entry, "action"));
    mail_put_example(entry, out);
}

static void mail_note_unreached(const json_t *entry, FILE *out)
{
    char phrase[PHRASE_MAX];

    mail_put_mail_reason(out, entry);
    note_put(out, "", note_text(entry, "service"));
    note_put_minute(out, "from ", entry, "first");
    phrase_minute(note_text(entry, "last"), phrase);
    fprintf(out, " to %s", phrase);
}

static const char *mail_advise_unreached(const json_t *entry)
{
    return words_unreached_advice(note_text(entry, "reason"));
}

static void mail_note_slow(const json_t *entry, FILE *out)
{
    note_put_count(out, "on average, ", entry, "ms_most", " at most");
    note_put_count(out, "", entry, "messages", " messages");
}

static void mail_note_domain(const json_t *entry, FILE *out)
{
    static const char *const members[][2] = {{"yes", " YES"}, {"allow", " ALLOW"}, {"no", " NO"},
            {"temperror", " not answered"}, {"permerror", " not valid"}};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_integer_value(json_object_get(entry, members[i][0])) > 0)
            note_put_count(out, "", entry, members[i][0], members[i][1]);
}

#define MESSAGES .value = "messages", .unit = "Messages"

static const struct section mail_lists[] = {
        {.title = "Mail of your users that was not stamped",
                .about = "Receivers that ask cannot tell this mail from a forgery.",
                .heading = "Author",
                .path = "unstamped",
                .key = "author",
                .unnamed = "(no valid author)",
                .look = "no",
                MESSAGES,
                .note = mail_note_unstamped,
                .advice = mail_advise_unstamped,
                .next = "All about one: `verimail why QUEUE`"},
        {.title = "What `mode = enforce` would refuse",
                .about = "Now `mode = monitor` lets this mail pass.",
                .heading = "Author",
                .path = "would_refuse",
                .key = "author",
                .unnamed = "(no valid author)",
                .look = "no",
                MESSAGES,
                .note = mail_note_would_refuse,
                .next = "All about one: `verimail why QUEUE`. When you would miss none of it: "
                        "`verimail enforce receiver`"},
        {.title = "What was refused",
                .about = "Mail that was rejected, quarantined or deferred.",
                .heading = "Author",
                .path = "refused",
                .key = "author",
                .unnamed = "(no valid author)",
                .look = "no",
                MESSAGES,
                .note = mail_note_refused,
                .next = "If somebody misses a message: `verimail why QUEUE`"},
        {.title = "Services that were not reached",
                .about = "No valid answer came, so this mail had no verdict. The times are those "
                         "of the first and the last failure.",
                .heading = "Author domain",
                .path = "unreached",
                .key = "domain",
                .look = "unanswered",
                MESSAGES,
                .note = mail_note_unreached,
                .advice = mail_advise_unreached},
        {.title = "Slowest services",
                .about = "The mean time of their answers, in milliseconds. A message waits so "
                         "long.",
                .heading = "Service",
                .path = "slowest",
                .key = "service",
                .look = "other",
                .value = "ms",
                .unit = "ms",
                .note = mail_note_slow,
                .next = "Below a second there is nothing to do. Try a slow one: `verimail ask "
                        "--server SERVICE USER -`"},
        {.title = "Author domains",
                .about = "Domains that use Verimail, and the verdicts on mail in their names.",
                .heading = "Domain",
                .path = "domains",
                .key = "domain",
                .look = "other",
                MESSAGES,
                .note = mail_note_domain,
                .next = "Look at one: `verimail report --domain DOMAIN`"},
};

_Static_assert(sizeof mail_lists / sizeof *mail_lists <= SECTION_MOST, "room for all");

const struct section_part mail_sections = {
        .name = "mail",
        .title = "This mail server: what came in, and what your users sent",
        .sections = mail_lists,
        .count = sizeof mail_lists / sizeof *mail_lists,
};
