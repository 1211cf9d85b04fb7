// SPDX-License-Identifier: ISC
#include "report/bars.h"

#include <string.h>

#include "report/phrase.h"

#define LINES_MOST 14 /* steps that get a line each; more get upright bars */
#define LABEL 10      /* columns */
#define QUESTIONS 11  /* at least */
#define NO 10
#define ROOM_LEAST 8
#define HEIGHT 8 /* lines */
#define THICK 4  /* columns of an upright bar and its gap, at most */

static const struct {
    const char *name;
    const char *member;
    const char *colour;
    const char *block;
    char letter;
} parts_look[BARS_PARTS] = {
        {"YES", "yes", "\033[32m", "█", '#'},
        {"ALLOW", "allow", "\033[33m", "░", '.'},
        {"NO", "no", "\033[31m", "▓", 'x'},
};

uint64_t bars_parts(const json_t *counted, uint64_t parts_r[BARS_PARTS])
{
    uint64_t sum = 0;

    for (size_t i = 0; i < BARS_PARTS; i++) {
        const json_int_t value = json_integer_value(json_object_get(counted, parts_look[i].member));
        parts_r[i] = value > 0 ? (uint64_t)value : 0;
        sum += parts_r[i];
    }
    return sum;
}

uint64_t bars_largest(const json_t *times)
{
    uint64_t largest = 1;

    for (size_t i = 0; i < json_array_size(times); i++) {
        uint64_t parts[BARS_PARTS];
        const uint64_t sum = bars_parts(json_array_get(times, i), parts);
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

void bars_share(const uint64_t parts[BARS_PARTS], unsigned cells, unsigned cells_r[BARS_PARTS])
{
    const double sum = (double)parts[0] + (double)parts[1] + (double)parts[2];
    unsigned given = 0;

    for (size_t i = 0; i < BARS_PARTS; i++) {
        cells_r[i] = parts[i] > 0 ? (unsigned)((double)parts[i] / sum * cells) : 0;
        if (cells_r[i] == 0 && parts[i] > 0)
            cells_r[i] = 1;
        given += cells_r[i];
    }
    /* Moves one cell at a time, where the error is smallest. */
    for (; sum > 0 && given != cells; given += given < cells ? 1 : -1U) {
        size_t chosen = 0;
        double most = -1e300;
        for (size_t i = 0; i < BARS_PARTS; i++) {
            const double missing = (double)parts[i] / sum * cells - cells_r[i];
            const double wrong = given < cells ? missing : -missing;
            const bool may =
                    given < cells ? parts[i] > 0 : cells_r[i] > (cells >= BARS_PARTS ? 1U : 0U);
            if (may && wrong > most) {
                most = wrong;
                chosen = i;
            }
        }
        cells_r[chosen] += given < cells ? 1 : -1U;
    }
}

static void put_cells(size_t part, unsigned count, const struct report_look *look, FILE *out)
{
    if (count > 0 && look->colour)
        fputs(parts_look[part].colour, out);
    for (unsigned i = 0; i < count; i++) {
        if (look->utf8)
            fputs(parts_look[part].block, out);
        else
            fputc(parts_look[part].letter, out);
    }
    if (count > 0 && look->colour)
        fputs("\033[0m", out);
}

/* Returns the columns used. */
static unsigned put_legend(const struct report_look *look, FILE *out)
{
    unsigned columns = 0;

    for (size_t i = 0; i < BARS_PARTS; i++) {
        put_cells(i, 1, look, out);
        fprintf(out, " %s  ", parts_look[i].name);
        columns += (unsigned)strlen(parts_look[i].name) + 4;
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
    unsigned questions;
    unsigned no;
};

static struct columns columns_of(
        const json_t *times, uint64_t largest, const struct report_look *look)
{
    char number[PHRASE_MAX];
    uint64_t largest_no = 0;

    for (size_t i = 0; i < json_array_size(times); i++) {
        uint64_t parts[BARS_PARTS];
        bars_parts(json_array_get(times, i), parts);
        largest_no = parts[2] > largest_no ? parts[2] : largest_no;
    }
    phrase_count(largest, number);
    const unsigned questions = (unsigned)strlen(number) + 1;
    phrase_count(largest_no, number);
    const unsigned no = (unsigned)strlen(number) + 1;
    struct columns columns = {
            ROOM_LEAST, questions > QUESTIONS ? questions : QUESTIONS, no > NO ? no : NO};
    const unsigned taken = LABEL + 1 + columns.questions + columns.no;
    if (look->width > taken + ROOM_LEAST)
        columns.bar = look->width - taken;
    return columns;
}

static void print_line(const json_t *time, uint64_t step_seconds, uint64_t largest,
        const struct columns *columns, const struct report_look *look, FILE *out)
{
    char label[PHRASE_MAX];
    char questions[PHRASE_MAX];
    char no[PHRASE_MAX];
    uint64_t parts[BARS_PARTS];
    unsigned cells[BARS_PARTS];
    unsigned used = 0;
    const uint64_t sum = bars_parts(time, parts);

    bars_share(parts, cells_of(sum, largest, columns->bar), cells);
    label_of(time, step_seconds, label);
    fprintf(out, "%*s ", LABEL, label);
    for (size_t i = 0; i < BARS_PARTS; i++) {
        put_cells(i, cells[i], look, out);
        used += cells[i];
    }
    phrase_count(sum, questions);
    phrase_count(parts[2], no);
    fprintf(out, "%*s%*s%*s\n", (int)(columns->bar - used), "", (int)columns->questions, questions,
            (int)columns->no, no);
}

static void print_lines(
        const json_t *times, uint64_t step_seconds, const struct report_look *look, FILE *out)
{
    const uint64_t largest = bars_largest(times);
    const struct columns columns = columns_of(times, largest, look);

    fprintf(out, "%*s ", LABEL, "");
    const unsigned used = put_legend(look, out);
    fprintf(out, "%*s%*s\n", (int)(columns.bar + columns.questions) - (int)used, "questions",
            (int)columns.no, "NO");
    for (size_t i = 0; i < json_array_size(times); i++)
        print_line(json_array_get(times, i), step_seconds, largest, &columns, look, out);
}

/* The part of an upright bar at this height; BARS_PARTS: none. */
static size_t part_at(const json_t *time, uint64_t largest, unsigned height)
{
    uint64_t parts[BARS_PARTS];
    unsigned cells[BARS_PARTS];
    const uint64_t sum = bars_parts(time, parts);

    bars_share(parts, cells_of(sum, largest, HEIGHT), cells);
    for (size_t i = 0; i < BARS_PARTS; i++) {
        if (height < cells[i])
            return i;
        height -= cells[i];
    }
    return BARS_PARTS;
}

static void print_upright(
        const json_t *times, uint64_t step_seconds, const struct report_look *look, FILE *out)
{
    const size_t count = json_array_size(times);
    const uint64_t largest = bars_largest(times);
    const unsigned fitting = (look->width - LABEL - 1) / (unsigned)count;
    const unsigned thick = fitting < 1 ? 1 : fitting > THICK ? THICK : fitting;
    char first[PHRASE_MAX];
    char last[PHRASE_MAX];

    fprintf(out, "%*s ", LABEL, "");
    put_legend(look, out);
    fputc('\n', out);
    for (unsigned height = HEIGHT; height-- > 0;) {
        char label[PHRASE_MAX] = "";
        if (height == HEIGHT - 1)
            phrase_count(largest, label);
        fprintf(out, "%*s ", LABEL, height == 0 ? "0" : label);
        unsigned skipped = 0;
        for (size_t i = 0; i < count; i++) {
            const size_t part = part_at(json_array_get(times, i), largest, height);
            const unsigned wide = thick > 1 ? thick - 1 : 1;
            if (part == BARS_PARTS) {
                skipped += thick;
                continue;
            }
            fprintf(out, "%*s", (int)skipped, "");
            put_cells(part, wide, look, out);
            skipped = thick - wide;
        }
        fputc('\n', out);
    }
    label_of(json_array_get(times, 0), step_seconds, first);
    label_of(json_array_get(times, count - 1), step_seconds, last);
    fprintf(out, "%*s %s%*s\n", LABEL, "", first,
            (int)(thick * (unsigned)count) - (int)strlen(first), last);
}

void bars_print(
        const json_t *times, uint64_t step_seconds, const struct report_look *look, FILE *out)
{
    if (json_array_size(times) <= LINES_MOST)
        print_lines(times, step_seconds, look, out);
    else
        print_upright(times, step_seconds, look, out);
}
