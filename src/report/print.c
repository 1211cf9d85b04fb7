// SPDX-License-Identifier: ISC
#include <string.h>

#include "report/bars.h"
#include "report/phrase.h"
#include "report/section.h"

#define WIDTH_LEAST 40
#define WIDTH_MOST 120
#define WIDTH_OF_TWO 76 /* from this width on, two lists stand side by side */
#define GAP 2
#define ENTRIES 5 /* of each list */
#define NUMBER_MIN 7
#define BETWEEN "   "
#define NOTE_LEAST 8 /* columns of a shortened note, at least */

static uint64_t print_number_at(const json_t *report, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(report, key));

    return value > 0 ? (uint64_t)value : 0;
}

static void put_bold(const char *text, const struct report_look *look, FILE *out)
{
    fprintf(out, look->colour ? "\033[1m%s\033[0m" : "%s", text);
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

/* `YES 3,501,032 (70.0%)` */
static void phrase_verdict(
        const char *name, uint64_t count, uint64_t whole, char buffer_r[PHRASE_MAX])
{
    char number[PHRASE_MAX];
    char share[PHRASE_MAX];

    phrase_count(count, number);
    phrase_share(count, whole, share);
    snprintf(buffer_r, PHRASE_MAX, "%.16s %.64s (%.16s)", name, number, share);
}

/* Prints the sums in one line, in two, or in one line each. */
static void print_sums(const json_t *report, const struct report_look *look, FILE *out)
{
    const uint64_t questions = print_number_at(report, "questions");
    char number[PHRASE_MAX];
    char sums[3][PHRASE_MAX];

    phrase_count(questions, number);
    const size_t first = strlen(number) + strlen(" questions");
    phrase_verdict("YES", print_number_at(report, "yes"), questions, sums[0]);
    phrase_verdict("ALLOW", print_number_at(report, "allow"), questions, sums[1]);
    phrase_verdict("NO", print_number_at(report, "no"), questions, sums[2]);
    const size_t rest = strlen(sums[0]) + strlen(sums[1]) + strlen(sums[2]) + 2 * strlen(BETWEEN);
    const bool in_one = first + strlen(BETWEEN) + rest <= look->width;
    const char *between = rest <= look->width ? BETWEEN : "\n";

    fprintf(out, "%s question%s%s%s%s%s%s%s\n", number, questions == 1 ? "" : "s",
            in_one ? BETWEEN : "\n", sums[0], between, sums[1], between, sums[2]);
}

/* Prints why the counts may be too low. ISO times compare as texts. */
static void print_doubts(const json_t *report, FILE *out)
{
    const char *recorded = json_string_value(json_object_get(report, "recorded_since"));
    const char *since = json_string_value(json_object_get(report, "since"));
    const uint64_t lost = print_number_at(report, "lost");
    const uint64_t left_out = print_number_at(report, "left_out");
    char phrase[PHRASE_MAX];

    if (lost > 0) {
        phrase_count(lost, phrase);
        fprintf(out, "%s event%s lost and counted nowhere.\n", phrase,
                lost == 1 ? " was" : "s were");
    }
    if (left_out > 0) {
        phrase_count(left_out, phrase);
        fprintf(out, "%s more question%s not recorded: too many like them came.\n", phrase,
                left_out == 1 ? " was" : "s were");
    }
    if (recorded != NULL && since != NULL && strcmp(recorded, since) > 0) {
        phrase_date(text_of(recorded), phrase);
        fprintf(out, "The record begins at %s.\n", phrase);
    }
}

/* Returns the columns used. */
static unsigned print_put_title(
        const struct section *section, const struct report_look *look, FILE *out)
{
    put_bold(section->title, look, out);
    return (unsigned)strlen(section->title);
}

/* Prints the entry's number, name and note, as far as they fit. Returns the columns used. */
static unsigned print_put_entry(
        const struct section *section, const json_t *report, size_t i, unsigned width, FILE *out)
{
    const json_t *entry = section_entry(section, report, i);
    char number[PHRASE_MAX];
    char name[PHRASE_MAX];
    char note[SECTION_NOTE_MAX];

    if (entry == NULL) {
        const char *none = i == 0 ? section_none(section, report) : "";
        phrase_fit(text_of(none), width - 2, name);
        return (unsigned)fprintf(out, "  %s", name);
    }
    phrase_count(section_questions(entry), number);
    const unsigned number_width =
            strlen(number) > NUMBER_MIN ? (unsigned)strlen(number) : NUMBER_MIN;
    const unsigned space = width - number_width - 1;
    section_note(section, entry, note);
    const unsigned note_width = note[0] != '\0' ? (unsigned)strlen(note) + 2 : 0;
    phrase_fit(section_name(section, entry),
            note_width < space / 2 ? space - note_width : space - space / 2, name);
    unsigned used = (unsigned)fprintf(out, "%*s %s", (int)number_width, number, name);
    const unsigned left = width > used + 2 ? width - used - 2 : 0;
    if (note[0] != '\0' && strlen(note) <= left)
        used += (unsigned)fprintf(out, "  %s", note);
    else if (note[0] != '\0' && left > NOTE_LEAST)
        used += (unsigned)fprintf(out, "  %.*s..", (int)left - 2, note);
    return used;
}

static size_t lines_of(const struct section *section, const json_t *report)
{
    size_t lines = 0;

    while (lines < ENTRIES && section_entry(section, report, lines) != NULL)
        lines++;
    return lines > 0 ? lines : 1;
}

static void print_print_section(const struct section *section, const json_t *report,
        const struct report_look *look, FILE *out)
{
    fputc('\n', out);
    print_put_title(section, look, out);
    fputc('\n', out);
    for (size_t i = 0; i < lines_of(section, report); i++) {
        print_put_entry(section, report, i, look->width, out);
        fputc('\n', out);
    }
}

static void print_two(const struct section *left, const struct section *right, const json_t *report,
        const struct report_look *look, FILE *out)
{
    const unsigned width = (look->width - GAP) / 2;
    const size_t left_lines = lines_of(left, report);
    const size_t right_lines = lines_of(right, report);

    fputc('\n', out);
    const unsigned title = print_put_title(left, look, out);
    fprintf(out, "%*s", (int)(width + GAP - title), "");
    print_put_title(right, look, out);
    fputc('\n', out);
    for (size_t i = 0; i < left_lines || i < right_lines; i++) {
        const unsigned used = i < left_lines ? print_put_entry(left, report, i, width, out) : 0;
        if (i < right_lines) {
            fprintf(out, "%*s", (int)(width + GAP - used), "");
            print_put_entry(right, report, i, width, out);
        }
        fputc('\n', out);
    }
}

static void print_print_sections(const json_t *report, const struct report_look *look, FILE *out)
{
    const bool two = look->width >= WIDTH_OF_TWO;
    const struct section *sections[SECTIONS_COUNT];
    const size_t count = section_list(report, sections);

    for (size_t i = 0; i < count; i += two ? 2 : 1) {
        if (two && i + 1 < count)
            print_two(sections[i], sections[i + 1], report, look, out);
        else
            print_print_section(sections[i], report, look, out);
    }
}

void report_print(const json_t *report, const struct report_look *wanted, FILE *out)
{
    struct report_look look = *wanted;

    look.width = look.width < WIDTH_LEAST ? WIDTH_LEAST : look.width;
    look.width = look.width > WIDTH_MOST ? WIDTH_MOST : look.width;
    print_period(report, &look, out);
    if (print_number_at(report, "questions") == 0) {
        fputs("Nobody asked anything in this time, as far as it is recorded.\n", out);
        print_doubts(report, out);
        return;
    }
    print_sums(report, &look, out);
    print_doubts(report, out);
    fputc('\n', out);
    bars_print(
            json_object_get(report, "times"), print_number_at(report, "step_seconds"), &look, out);
    print_print_sections(report, &look, out);
}
