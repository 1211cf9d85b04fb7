// SPDX-License-Identifier: ISC
#include <string.h>

#include "report/bars.h"
#include "report/lines.h"
#include "report/phrase.h"
#include "report/section.h"

#define WIDTH_LEAST 40
#define WIDTH_MOST 120
#define ENTRIES 5     /* of each list */
#define NUMBER 9      /* columns */
#define NAMES_MOST 60 /* columns of the names in a list; a longer one has a line of its own */

static uint64_t print_number_at(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

static void put_bold(const char *text, const struct report_look *look, FILE *out)
{
    fprintf(out, look->colour ? "\033[1m%s\033[0m" : "%s", text);
}

/* A heading, in as many lines as it needs. */
static void put_heading(const char *text, const struct report_look *look, FILE *out)
{
    struct lines lines = {.width = look->width, .out = out};

    fputs(look->colour ? "\033[1m" : "", out);
    lines_put(&lines, text);
    fputs(look->colour ? "\033[0m" : "", out);
    lines_end(&lines);
}

static void print_period(const json_t *report, const struct report_look *look, FILE *out)
{
    const struct text domain = phrase_text(json_object_get(report, "domain"));
    char name[PHRASE_MAX];
    char since[PHRASE_MAX];
    char until[PHRASE_MAX];

    phrase_fit(domain, look->width - 14, name);
    phrase_date(phrase_text(json_object_get(report, "since")), since);
    phrase_date(phrase_text(json_object_get(report, "until")), until);
    put_bold("Verimail", look, out);
    fprintf(out, " for %s", domain.len > 0 ? name : "all domains");
    const bool one_line = look->width >= strlen(name) + 60;
    fprintf(out, "%s%s to %s UTC\n", one_line ? ", " : "\n", since, until);
}

/* `12,345 questions`, then each part with its share. */
static void print_sums(
        const struct bars *bars, const json_t *counted, const struct report_look *look, FILE *out)
{
    uint64_t values[BARS_PARTS_MAX];
    const uint64_t whole = bars_values(bars, counted, values);
    struct lines lines = {.width = look->width, .indent = 2, .out = out};
    char number[PHRASE_MAX];

    phrase_count(whole, number);
    lines_put(&lines, number);
    lines_put(&lines, whole == 1 ? bars->one : bars->whole);
    for (size_t i = 0; i < bars->count; i++) {
        char share[PHRASE_MAX];
        char sum[3 * PHRASE_MAX];
        phrase_count(values[i], number);
        phrase_share(values[i], whole, share);
        snprintf(sum, sizeof sum, "%s %s (%s)", bars->parts[i].name, number, share);
        lines.gap = 3;
        lines_put_whole(&lines, sum);
    }
    lines_end(&lines);
}

/* Prints why the counts may be too low. ISO times compare as texts. */
static void print_doubts(
        const json_t *report, const json_t *part, const struct report_look *look, FILE *out)
{
    const char *recorded = json_string_value(json_object_get(part, "recorded_since"));
    const char *since = json_string_value(json_object_get(report, "since"));
    const uint64_t lost = print_number_at(part, "lost");
    const uint64_t left_out = print_number_at(part, "left_out");
    struct lines lines = {.width = look->width, .out = out};
    char phrase[PHRASE_MAX];
    char line[2 * PHRASE_MAX];

    if (lost > 0) {
        phrase_count(lost, phrase);
        snprintf(line, sizeof line,
                "%s event%s lost, and counted nowhere: the recorder could not keep up, or its "
                "store failed.",
                phrase, lost == 1 ? " was" : "s were");
        lines_put(&lines, line);
        lines_end(&lines);
    }
    if (left_out > 0) {
        phrase_count(left_out, phrase);
        snprintf(line, sizeof line, "%s more %s not recorded one by one: too many like %s came.",
                phrase, left_out == 1 ? "was" : "were", left_out == 1 ? "it" : "them");
        lines_put(&lines, line);
        lines_end(&lines);
    }
    if (recorded != NULL && since != NULL && strcmp(recorded, since) > 0) {
        phrase_date(text_of(recorded), phrase);
        fprintf(out, "The record begins at %s.\n", phrase);
    }
}

/* The columns of the longest name that is not too long for a column. */
static unsigned print_names_width(
        const struct section *section, const json_t *part, const struct report_look *look)
{
    const unsigned half = look->width / 2;
    const unsigned most = half < NAMES_MOST ? half : NAMES_MOST;
    size_t width = 1;

    for (size_t i = 0; i < ENTRIES; i++) {
        const json_t *entry = section_entry(section, part, i);
        char name[PHRASE_MAX];
        if (entry == NULL)
            break;
        phrase_fit(section_name(section, entry), PHRASE_MAX - 1, name);
        if (strlen(name) <= most && strlen(name) > width)
            width = strlen(name);
    }
    return (unsigned)width;
}

static void print_entry(const struct section *section, const json_t *entry, unsigned names,
        const struct report_look *look, FILE *out)
{
    char number[PHRASE_MAX];
    char name[PHRASE_MAX];
    char note[SECTION_NOTE_MAX];
    struct lines lines = {.width = look->width, .indent = NUMBER + 1, .out = out};

    phrase_count(section_value(section, entry), number);
    phrase_fit(section_name(section, entry), PHRASE_MAX - 1, name);
    section_note(section, entry, note);
    lines.used = (unsigned)fprintf(out, "%*s", NUMBER, number);
    lines_put(&lines, name);
    if (note[0] != '\0') {
        lines.indent = NUMBER + 3;
        if (strlen(name) <= names) {
            lines.indent = NUMBER + 1 + names + 2;
            lines_pad(&lines, lines.indent);
        } else {
            lines_break(&lines);
        }
        lines_put(&lines, note);
    }
    lines_end(&lines);
}

static void print_section(const struct section *section, const json_t *part,
        const struct report_look *look, FILE *out)
{
    const char *advices[SECTION_ADVICES_MAX];
    const size_t count = section_advices(section, part, ENTRIES, advices);
    const unsigned names = print_names_width(section, part, look);
    struct lines lines = {.width = look->width, .indent = 2, .out = out};

    fputc('\n', out);
    put_heading(section->title, look, out);
    lines_pad(&lines, 2);
    lines_put(&lines, section->about);
    lines_end(&lines);
    for (size_t i = 0; i < ENTRIES; i++) {
        const json_t *entry = section_entry(section, part, i);
        if (entry != NULL)
            print_entry(section, entry, names, look, out);
    }
    for (size_t i = 0; i < count; i++) {
        lines.indent = 5;
        lines_pad(&lines, 2);
        lines_put(&lines, "->");
        lines_put(&lines, advices[i]);
        lines_end(&lines);
    }
}

/* Names the lists that are empty, in place of each one. */
static void print_empty_sections(const struct section_part *kind, const json_t *part,
        const struct report_look *look, FILE *out)
{
    const struct section *empty[SECTION_MOST];
    const size_t count = section_empty(kind, part, empty);
    struct lines lines = {.width = look->width, .indent = 2, .out = out};

    if (count > 0)
        fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        char title[128];
        snprintf(title, sizeof title, "%s%s%s", i == 0 ? "Nothing to report: " : "",
                empty[i]->title, i + 1 < count ? ";" : "");
        lines_put(&lines, title);
    }
    if (count > 0)
        lines_end(&lines);
    for (size_t i = 0; i < kind->count; i++) {
        const char *why = section_not_known(&kind->sections[i], part);
        if (why == NULL)
            continue;
        lines_put(&lines, why);
        lines_end(&lines);
    }
}

static void print_sections(const struct section_part *kind, const json_t *part,
        const struct report_look *look, FILE *out)
{
    for (size_t i = 0; i < kind->count; i++)
        if (section_entry(&kind->sections[i], part, 0) != NULL)
            print_section(&kind->sections[i], part, look, out);
    print_empty_sections(kind, part, look, out);
}

static void print_title(const char *title, const struct report_look *look, FILE *out)
{
    fputc('\n', out);
    put_heading(title, look, out);
    for (size_t i = 0; title[i] != '\0' && i < look->width; i++)
        fputc('=', out);
    fputc('\n', out);
}

static void print_out(const json_t *out_counts, const struct report_look *look, FILE *out)
{
    static const char *const members[][2] = {{"stamped", "stamped"}, {"passed", "not stamped"},
            {"rejected", "rejected"}, {"deferred", "deferred"}};
    struct lines lines = {.width = look->width, .out = out};
    char number[PHRASE_MAX];
    char item[2 * PHRASE_MAX];

    phrase_count(print_number_at(out_counts, "messages"), number);
    snprintf(item, sizeof item, "%s of your users:", number);
    lines_put(&lines, item);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        phrase_count(print_number_at(out_counts, members[i][0]), number);
        snprintf(item, sizeof item, "%s %s%s", number, members[i][1],
                i + 1 < sizeof members / sizeof *members ? "," : "");
        lines_put(&lines, item);
    }
    lines_end(&lines);
}

static void print_part(const struct section_part *kind, const json_t *report,
        const struct report_look *look, FILE *out)
{
    const json_t *part = json_object_get(report, kind->name);
    const bool is_mail = kind == &mail_sections;
    const struct bars *bars = is_mail ? &bars_messages : &bars_questions;
    const json_t *counted = is_mail ? json_object_get(part, "in") : part;
    const json_t *sent = is_mail ? json_object_get(part, "out") : NULL;
    const json_t *times = json_object_get(counted, "times");
    char number[PHRASE_MAX];

    if (!json_is_object(part))
        return;
    print_title(kind->title, look, out);
    if (print_number_at(counted, bars->whole) == 0 && print_number_at(counted, "none") == 0 &&
            print_number_at(sent, "messages") == 0) {
        fprintf(out, "No %s in this time, as far as it is recorded.\n", bars->whole);
        print_doubts(report, part, look, out);
        return;
    }
    print_sums(bars, counted, look, out);
    if (is_mail) {
        phrase_count(print_number_at(counted, "none"), number);
        fprintf(out, "%s more of domains that do not use Verimail\n", number);
        print_out(sent, look, out);
    }
    print_doubts(report, part, look, out);
    if (print_number_at(counted, bars->whole) > 0 && json_array_size(times) > 0) {
        fputc('\n', out);
        bars_print(bars, times, print_number_at(counted, "step_seconds"), look, out);
    }
    print_sections(kind, part, look, out);
}

void report_print(const json_t *report, const struct report_look *wanted, FILE *out)
{
    struct report_look look = *wanted;

    look.width = look.width < WIDTH_LEAST ? WIDTH_LEAST : look.width;
    look.width = look.width > WIDTH_MOST ? WIDTH_MOST : look.width;
    print_period(report, &look, out);
    print_part(&service_sections, report, &look, out);
    print_part(&mail_sections, report, &look, out);
}
