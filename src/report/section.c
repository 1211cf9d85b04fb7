// SPDX-License-Identifier: ISC
#include "report/section.h"

#include <stdio.h>
#include <string.h>

#include "report/phrase.h"

#define DAY_SECONDS 86400
#define WEEKDAY 4 /* octets: `Tue ` */

static const struct section all_sections[SECTIONS_COUNT] = {
        {.title = "Most forged users",
                .about = "Whose addresses were used without leave: mail that was answered NO.",
                .heading = "User",
                .within = "forgeries",
                .list = "users",
                .key = "user",
                .none = "none"},
        {.title = "Forgeries came from",
                .about = "Networks that the mail came from, as receiving servers say; where they "
                         "do not say it, the networks of these servers.",
                .heading = "Network",
                .within = "forgeries",
                .list = "networks",
                .key = "network",
                .none = "none"},
        {.title = "Forgeries went to",
                .about = "Receiving domains whose servers asked about them.",
                .heading = "Domain",
                .within = "forgeries",
                .list = "receiving",
                .key = "domain",
                .none = "none"},
        {.title = "Replayed",
                .about = "Users whose stamps came more often than they allow, with the host that "
                         "made them: a copied message, or a mailing list.",
                .heading = "User",
                .within = "replays",
                .list = "users",
                .key = "user",
                .none = "nothing was"},
        {.title = "Stamps with many texts",
                .about = "Stamps that came with several texts that they were not made for: a "
                         "mailing list, or forgeries. `not_before` in the user's rule takes a "
                         "stamp back.",
                .heading = "User",
                .list = "stamps",
                .key = "user"},
        {.title = "Why NO",
                .about = "What gave the forgeries away.",
                .heading = "Reason",
                .list = "reasons",
                .key = "reason",
                .verdict = "NO",
                .none = "nothing was"},
        {.title = "Why ALLOW",
                .about = "Why mail was left to the receiver's usual checks.",
                .heading = "Reason",
                .list = "reasons",
                .key = "reason",
                .verdict = "ALLOW",
                .none = "nothing was"},
        {.title = "Would be NO",
                .about = "Users of domains under test whose mail would be answered NO: forged, or "
                         "sent by a program of yours that does not stamp yet.",
                .heading = "User",
                .within = "testing",
                .list = "users",
                .key = "user"},
        {.title = "Would be NO, from",
                .about = "Networks that this mail came from.",
                .heading = "Network",
                .within = "testing",
                .list = "networks",
                .key = "network"},
        {.title = "New sending hosts",
                .about = "Hosts whose stamps came up in this period and not in the 90 days before.",
                .heading = "Host",
                .list = "new_hosts",
                .key = "host",
                .none = "none"},
        {.title = "Asked about, not listed",
                .about = "Users without a rule of their own that were asked about: invented by "
                         "forgers, or forgotten in the configuration.",
                .heading = "User",
                .within = "unlisted",
                .list = "users",
                .key = "user",
                .none = "none"},
};

static const json_t *list_of(const struct section *section, const json_t *report)
{
    const json_t *holder =
            section->within != NULL ? json_object_get(report, section->within) : report;

    return json_object_get(holder, section->list);
}

const json_t *section_entry(const struct section *section, const json_t *report, size_t i)
{
    const json_t *list = list_of(section, report);

    for (size_t at = 0; at < json_array_size(list); at++) {
        const json_t *entry = json_array_get(list, at);
        if (section->verdict != NULL && !text_equal(text_of(section->verdict),
                                                phrase_text(json_object_get(entry, "verdict"))))
            continue;
        if (i-- == 0)
            return entry;
    }
    return NULL;
}

size_t section_list(const json_t *report, const struct section *sections_r[SECTIONS_COUNT])
{
    size_t count = 0;

    for (size_t i = 0; i < SECTIONS_COUNT; i++) {
        const struct section *section = &all_sections[i];
        if (section->none != NULL || section_entry(section, report, 0) != NULL)
            sections_r[count++] = section;
    }
    return count;
}

struct text section_name(const struct section *section, const json_t *entry)
{
    const struct text name = phrase_text(json_object_get(entry, section->key));

    return name.len > 0 ? name : text_of("(unknown)");
}

uint64_t section_questions(const json_t *entry)
{
    return (uint64_t)json_integer_value(json_object_get(entry, "questions"));
}

void section_note(const struct section *section, const json_t *entry, char note_r[SECTION_NOTE_MAX])
{
    char phrase[PHRASE_MAX] = "";
    const json_t *first = json_object_get(entry, "first");
    const json_t *no = json_object_get(entry, "no");
    const json_t *would_be = json_object_get(entry, "would_be");
    const json_t *texts = json_object_get(entry, "texts");
    const bool is_replay = section->within != NULL && strcmp(section->within, "replays") == 0;

    note_r[0] = '\0';
    if (section->verdict != NULL) {
        snprintf(note_r, SECTION_NOTE_MAX, "%s",
                phrase_reason(text_of(section->verdict), section_name(section, entry)));
    } else if (first != NULL) {
        phrase_step(phrase_text(first), DAY_SECONDS, phrase);
        snprintf(note_r, SECTION_NOTE_MAX, "since %.40s",
                strlen(phrase) > WEEKDAY ? phrase + WEEKDAY : phrase);
    } else if (is_replay) {
        phrase_fit(phrase_text(json_object_get(entry, "host")), SECTION_NOTE_MAX - 8, phrase);
        snprintf(note_r, SECTION_NOTE_MAX, "via %.88s", phrase);
    } else if (would_be != NULL) {
        snprintf(note_r, SECTION_NOTE_MAX, "%s",
                phrase_reason(text_of("NO"), phrase_text(would_be)));
    } else if (texts != NULL) {
        phrase_count((uint64_t)json_integer_value(texts), phrase);
        const struct text stamp = phrase_text(json_object_get(entry, "stamp"));
        const struct text issued = phrase_text(json_object_get(entry, "issued"));
        snprintf(note_r, SECTION_NOTE_MAX, "%.20s texts, stamp %.*s of %.*s", phrase,
                (int)(stamp.len < 32 ? stamp.len : 32), stamp.len > 0 ? stamp.at : "",
                (int)(issued.len < 20 ? issued.len : 20), issued.len > 0 ? issued.at : "");
    } else if (no != NULL) {
        phrase_count((uint64_t)json_integer_value(no), phrase);
        snprintf(note_r, SECTION_NOTE_MAX, "%.40s NO", phrase);
    }
}

const char *section_none(const struct section *section, const json_t *report)
{
    return json_is_null(list_of(section, report)) ? "not known: no record before it"
                                                  : section->none;
}
