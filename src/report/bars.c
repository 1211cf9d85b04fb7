// SPDX-License-Identifier: ISC
#include "report/bars.h"

#include <string.h>

#include "report/phrase.h"

#define LINES_MOST 14 /* steps that get a line each; more get upright bars */
#define LABEL 12      /* columns: `24 Nov 13:00` */
#define WHOLE 11      /* at least */
#define NO 10
#define ROOM_LEAST 8
#define HEIGHT 8 /* lines */
#define THICK 4  /* columns of an upright bar and its gap, at most */

const struct bars bars_questions = {
        .whole = "questions",
        .one = "question",
        .count = 3,
        .parts = {{"YES", {"yes", NULL}, "yes", "\033[32m", "█", '#', "yours, as you sent it"},
                {"ALLOW", {"allow", NULL}, "allow", "\033[33m", "░", '.', "left to usual checks"},
                {"NO", {"no", NULL}, "no", "\033[31m", "▓", 'x', "not yours, or refused"}},
};

const struct bars bars_messages = {
        .whole = "messages",
        .one = "message",
        .count = 4,
        .parts = {{"YES", {"yes", NULL}, "yes", "\033[32m", "█", '#', "the domain sent it"},
                {"ALLOW", {"allow", NULL}, "allow", "\033[33m", "░", '.', "left to usual checks"},
                {"NO", {"no", NULL}, "no", "\033[31m", "▓", 'x', "the domain did not send it"},
                {"no verdict", {"temperror", "permerror"}, "unanswered", "\033[35m", "▒", '?',
                        "no answer, or not valid"}},
};

uint64_t bars_values(
        const struct bars *bars, const json_t *counted, uint64_t values_r[BARS_PARTS_MAX])
{
    uint64_t sum = 0;

    memset(values_r, 0, BARS_PARTS_MAX * sizeof *values_r);
    for (size_t i = 0; i < bars->count; i++) {
        for (size_t m = 0; m < 2 && bars->parts[i].members[m] != NULL; m++) {
            const json_int_t value =
                    json_integer_value(json_object_get(counted, bars->parts[i].members[m]));
            values_r[i] += value > 0 ? (uint64_t)value : 0;
        }
        sum += values_r[i];
    }
    return sum;
}

uint64_t bars_largest(const struct bars *bars, const json_t *times)
{
    uint64_t largest = 1;

    for (size_t i = 0; i < json_array_size(times); i++) {
        uint64_t values[BARS_PARTS_MAX];
        const uint64_t sum = bars_values(bars, json_array_get(times, i), values);
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

void bars_share(const uint64_t *values, size_t count, unsigned cells, unsigned *cells_r)
{
    double sum = 0;
    unsigned given = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    for (size_t i = 0; i < count; i++) {
        cells_r[i] = values[i] > 0 ? (unsigned)((double)values[i] / sum * cells) : 0;
        if (cells_r[i] == 0 && values[i] > 0)
            cells_r[i] = 1;
        given += cells_r[i];
    }
    /* Moves one cell at a time, where the error is smallest. */
    for (; count > 0 && sum > 0 && given != cells; given += given < cells ? 1 : -1U) {
        size_t chosen = 0;
        double most = -1e300;
        for (size_t i = 0; i < count; i++) {
            const double missing = (double)values[i] / sum * cells - cells_r[i];
            const double wrong = given < cells ? missing : -missing;
            const bool may =
                    given < cells ? values[i] > 0 : cells_r[i] > (cells >= count ? 1U : 0U);
            if (may && wrong > most) {
                most = wrong;
                chosen = i;
            }
        }
        cells_r[chosen] += given < cells ? 1 : -1U;
    }
}

static void bars_put_cells(
        const struct bars_part *part, unsigned count, const struct report_look *look, FILE *out)
{
    if (count > 0 && look->colour)
        fputs(part->colour, out);
    for (unsigned i = 0; i < count; i++) {
        if (look->utf8)
            fputs(part->block, out);
        else
            fputc(part->letter, out);
    }
    if (count > 0 && look->colour)
        fputs("\033[0m", out);
}

/* Returns the columns used. */
static unsigned bars_put_legend(const struct bars *bars, const struct report_look *look, FILE *out)
{
    unsigned columns = 0;

    for (size_t i = 0; i < bars->count; i++) {
        bars_put_cells(&bars->parts[i], 1, look, out);
        fprintf(out, " %s%s", bars->parts[i].name, i + 1 < bars->count ? "  " : "");
        columns += (unsigned)strlen(bars->parts[i].name) + (i + 1 < bars->count ? 4 : 2);
    }
    return columns;
}

static unsigned cells_of(uint64_t sum, uint64_t largest, unsigned cells)
{
    const unsigned found = (unsigned)((double)sum / (double)largest * cells + 0.5);

    return sum > 0 && found == 0 ? 1 : found;
}

static void label_of(const json_t *time, uint64_t step_seconds, char label_r[PHRASE_MAX])
{
    phrase_step(phrase_text(json_object_get(time, "begin")), step_seconds, label_r);
}

/* The columns of a line. */
struct columns {
    unsigned bar;
    unsigned whole;
    unsigned no;
};

#define NO_PART 2 /* its index, of which each line has the number */

static struct columns columns_of(const struct bars *bars, const json_t *times, uint64_t largest,
        const struct report_look *look)
{
    char number[PHRASE_MAX];
    uint64_t largest_no = 0;

    for (size_t i = 0; i < json_array_size(times); i++) {
        uint64_t values[BARS_PARTS_MAX];
        bars_values(bars, json_array_get(times, i), values);
        largest_no = values[NO_PART] > largest_no ? values[NO_PART] : largest_no;
    }
    phrase_count(largest, number);
    const unsigned whole = (unsigned)strlen(number) + 1;
    phrase_count(largest_no, number);
    const unsigned no = (unsigned)strlen(number) + 1;
    struct columns columns = {ROOM_LEAST, whole > WHOLE ? whole : WHOLE, no > NO ? no : NO};
    const unsigned taken = LABEL + 1 + columns.whole + columns.no;
    if (look->width > taken + ROOM_LEAST)
        columns.bar = look->width - taken;
    return columns;
}

static void print_line(const struct bars *bars, const json_t *time, uint64_t step_seconds,
        uint64_t largest, const struct columns *columns, const struct report_look *look, FILE *out)
{
    char label[PHRASE_MAX];
    char whole[PHRASE_MAX];
    char no[PHRASE_MAX];
    uint64_t values[BARS_PARTS_MAX];
    unsigned cells[BARS_PARTS_MAX] = {0};
    unsigned used = 0;
    const uint64_t sum = bars_values(bars, time, values);

    bars_share(values, bars->count, cells_of(sum, largest, columns->bar), cells);
    label_of(time, step_seconds, label);
    fprintf(out, "%*s ", LABEL, label);
    for (size_t i = 0; i < bars->count; i++) {
        bars_put_cells(&bars->parts[i], cells[i], look, out);
        used += cells[i];
    }
    phrase_count(sum, whole);
    phrase_count(values[NO_PART], no);
    fprintf(out, "%*s%*s%*s\n", (int)(columns->bar - used), "", (int)columns->whole, whole,
            (int)columns->no, no);
}

static void print_lines(const struct bars *bars, const json_t *times, uint64_t step_seconds,
        const struct report_look *look, FILE *out)
{
    const uint64_t largest = bars_largest(bars, times);
    const struct columns columns = columns_of(bars, times, largest, look);

    fprintf(out, "%*s ", LABEL, "");
    unsigned used = bars_put_legend(bars, look, out);
    if (used + 1 + strlen(bars->whole) > columns.bar + columns.whole) {
        fprintf(out, "\n%*s ", LABEL, "");
        used = 0;
    }
    fprintf(out, "%*s%*s\n", (int)(columns.bar + columns.whole - used), bars->whole,
            (int)columns.no, "NO");
    for (size_t i = 0; i < json_array_size(times); i++)
        print_line(bars, json_array_get(times, i), step_seconds, largest, &columns, look, out);
}

/* The part of an upright bar at this height; NULL: none. */
static const struct bars_part *part_at(
        const struct bars *bars, const json_t *time, uint64_t largest, unsigned height)
{
    uint64_t values[BARS_PARTS_MAX];
    unsigned cells[BARS_PARTS_MAX];
    const uint64_t sum = bars_values(bars, time, values);

    bars_share(values, bars->count, cells_of(sum, largest, HEIGHT), cells);
    for (size_t i = 0; i < bars->count; i++) {
        if (height < cells[i])
            return &bars->parts[i];
        height -= cells[i];
    }
    return NULL;
}

/* A line of the upright bars. */
static void bars_print_height(const struct bars *bars, const json_t *times, unsigned height,
        unsigned thick, const struct report_look *look, FILE *out)
{
    const uint64_t largest = bars_largest(bars, times);
    const unsigned wide = thick > 1 ? thick - 1 : 1;
    unsigned skipped = 0;

    for (size_t i = 0; i < json_array_size(times); i++) {
        const struct bars_part *part = part_at(bars, json_array_get(times, i), largest, height);
        if (part == NULL) {
            skipped += thick;
            continue;
        }
        fprintf(out, "%*s", (int)skipped, "");
        bars_put_cells(part, wide, look, out);
        skipped = thick - wide;
    }
    fputc('\n', out);
}

static void print_upright(const struct bars *bars, const json_t *times, uint64_t step_seconds,
        const struct report_look *look, FILE *out)
{
    const size_t count = json_array_size(times);
    const unsigned fitting = (look->width - LABEL - 1) / (unsigned)count;
    const unsigned thick = fitting < 1 ? 1 : fitting > THICK ? THICK : fitting;
    char first[PHRASE_MAX];
    char last[PHRASE_MAX];
    char label[PHRASE_MAX];

    fprintf(out, "%*s ", LABEL, "");
    bars_put_legend(bars, look, out);
    fputc('\n', out);
    phrase_count(bars_largest(bars, times), label);
    for (unsigned height = HEIGHT; height-- > 0;) {
        fprintf(out, "%*s ", LABEL, height == 0 ? "0" : height == HEIGHT - 1 ? label : "");
        bars_print_height(bars, times, height, thick, look, out);
    }
    label_of(json_array_get(times, 0), step_seconds, first);
    label_of(json_array_get(times, count - 1), step_seconds, last);
    fprintf(out, "%*s %s%*s\n", LABEL, "", first,
            (int)(thick * (unsigned)count) - (int)strlen(first), last);
}

void bars_print(const struct bars *bars, const json_t *times, uint64_t step_seconds,
        const struct report_look *look, FILE *out)
{
    if (json_array_size(times) <= LINES_MOST)
        print_lines(bars, times, step_seconds, look, out);
    else
        print_upright(bars, times, step_seconds, look, out);
}
