// SPDX-License-Identifier: ISC
#include "report/chart.h"

#include <inttypes.h>
#include <string.h>

#include "report/bars.h"
#include "report/phrase.h"

#define TOP 10 /* pixels, as are the following */
#define PLOT 190
#define BOTTOM (TOP + PLOT)
#define HEIGHT (BOTTOM + 24)
#define AXIS 46
#define THINNEST 1.5
#define LABELS_MOST 5
#define STEPS_LEAST 7
#define FILLED 0.76 /* a bar's share of its step's width */

void chart_put_patterns(FILE *out)
{
    fputs("<svg width=\"0\" height=\"0\" aria-hidden=\"true\" style=\"position:absolute\"><defs>\n"
          "<pattern id=\"dots\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
          "<rect width=\"6\" height=\"6\" class=\"allow-ink\"/>"
          "<circle cx=\"3\" cy=\"3\" r=\"1.2\" class=\"card-ink\"/></pattern>\n"
          "<pattern id=\"stripes\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
          "patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" class=\"no-ink\"/>"
          "<path d=\"M0 0V6\" class=\"card-line\"/></pattern>\n"
          "<pattern id=\"lines\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
          "<rect width=\"5\" height=\"5\" class=\"unanswered-ink\"/>"
          "<path d=\"M0 2.5H5\" class=\"card-line\"/></pattern>\n</defs></svg>\n",
            out);
}

void chart_put_swatch(const char *class, FILE *out)
{
    fprintf(out,
            "<svg class=\"swatch\" width=\"14\" height=\"14\" aria-hidden=\"true\">"
            "<rect width=\"14\" height=\"14\" rx=\"3\" class=\"%s\"/></svg>",
            class);
}

void chart_put_bar(const char *class, uint64_t value, uint64_t largest, FILE *out)
{
    const double share = largest > 0 ? 100.0 * (double)value / (double)largest : 0;

    fprintf(out,
            "<svg class=\"bar\" width=\"100%%\" height=\"8\" aria-hidden=\"true\">"
            "<rect width=\"100%%\" height=\"8\" rx=\"2\" class=\"track\"/>"
            "<rect width=\"%.2f%%\" height=\"8\" rx=\"2\" class=\"%s\"/></svg>",
            share < 0.5 && value > 0 ? 0.5 : share, class);
}

uint64_t chart_tick(uint64_t largest)
{
    static const uint64_t steps[] = {1, 2, 5};

    for (uint64_t power = 1; power <= UINT64_MAX / 50; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (largest / 4 < steps[i] * power)
                return steps[i] * power;
    return largest;
}

/* Formats a multiple of a tick: `500`, `20k`, `5M`. */
static void short_count(uint64_t count, char buffer_r[PHRASE_MAX])
{
    static const struct {
        uint64_t unit;
        const char *suffix;
    } units[] = {{1000000000, "G"}, {1000000, "M"}, {1000, "k"}, {1, ""}};
    size_t i = 0;

    while (i < 3 && count < units[i].unit)
        i++;
    snprintf(
            buffer_r, PHRASE_MAX, "%.4g%s", (double)count / (double)units[i].unit, units[i].suffix);
}

static double height_of(uint64_t value, uint64_t top)
{
    const double height = (double)value / (double)top * PLOT;

    return value > 0 && height < THINNEST ? THINNEST : height;
}

static void put_axis(uint64_t tick, uint64_t top, FILE *out)
{
    fprintf(out, "<svg class=\"axis\" width=\"%d\" height=\"%d\" aria-hidden=\"true\">\n", AXIS,
            HEIGHT);
    for (uint64_t at = 0; at <= top; at += tick) {
        char label[PHRASE_MAX];
        short_count(at, label);
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", AXIS - 8,
                BOTTOM - (double)at / (double)top * PLOT + 4, label);
    }
    fputs("</svg>\n", out);
}

/* The sentence that a pointer shows over a step's bar. */
static void chart_put_tip(
        const struct bars *bars, const uint64_t *values, const char *label, FILE *out)
{
    fprintf(out, "<title>%s:", label);
    for (size_t p = 0; p < bars->count; p++) {
        char number[PHRASE_MAX];
        phrase_count(values[p], number);
        fprintf(out, "%s %s %s", p > 0 ? "," : "", number, bars->parts[p].name);
    }
    fputs("</title>", out);
}

static void put_step(const struct bars *bars, const json_t *time, double x, double width,
        uint64_t top, uint64_t step_seconds, FILE *out)
{
    char label[PHRASE_MAX];
    uint64_t values[BARS_PARTS_MAX];
    double y = BOTTOM;

    bars_values(bars, time, values);
    phrase_step(phrase_text(json_object_get(time, "begin")), step_seconds, label);
    fputs("<g>", out);
    chart_put_tip(bars, values, label, out);
    for (size_t p = 0; p < bars->count; p++) {
        const double height = height_of(values[p], top);
        y -= height;
        if (values[p] > 0)
            fprintf(out,
                    "<rect x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.1f\" height=\"%.1f\" "
                    "class=\"%s\"/>",
                    x + width * (1 - FILLED) / 2, width * FILLED, y, height, bars->parts[p].class);
    }
    fputs("</g>\n", out);
}

/* Writes the day without its weekday, or the hour without its day, since there is little space. */
static void put_label(const json_t *time, double x, uint64_t step_seconds, FILE *out)
{
    char label[PHRASE_MAX];

    phrase_step(phrase_text(json_object_get(time, "begin")), step_seconds, label);
    const size_t len = strlen(label);
    const size_t skipped = step_seconds >= 86400 ? 4 : len - 5;
    fprintf(out, "<text x=\"%.3f%%\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x, BOTTOM + 18,
            len > skipped ? label + skipped : label);
}

static void put_description(
        const struct bars *bars, const json_t *times, uint64_t step_seconds, FILE *out)
{
    const size_t count = json_array_size(times);
    char first[PHRASE_MAX];
    char last[PHRASE_MAX];

    phrase_step(
            phrase_text(json_object_get(json_array_get(times, 0), "begin")), step_seconds, first);
    phrase_step(phrase_text(json_object_get(json_array_get(times, count - 1), "begin")),
            step_seconds, last);
    fprintf(out, "<title>Verdicts over time</title>\n<desc>A bar for each step from %s to %s.",
            first, last);
    for (size_t i = 0; i < bars->count; i++)
        fprintf(out, "%s %s", i == 0 ? " From its bottom to its top:" : ",", bars->parts[i].name);
    fputs(". The table below has the numbers.</desc>\n", out);
}

static void put_steps(const struct bars *bars, const json_t *times, uint64_t top,
        uint64_t step_seconds, FILE *out)
{
    const size_t count = json_array_size(times);
    const size_t every = (count + LABELS_MOST - 1) / LABELS_MOST;
    /* A few bars do not fill the width. */
    const double width = 100.0 / (double)(count > STEPS_LEAST ? count : STEPS_LEAST);

    for (size_t i = 0; i < count; i++)
        put_step(bars, json_array_get(times, i), width * (double)i, width, top, step_seconds, out);
    for (size_t i = count <= LABELS_MOST ? 0 : (every - 1) / 2; i < count; i += every)
        put_label(json_array_get(times, i), width * ((double)i + 0.5), step_seconds, out);
}

void chart_put_times(const struct bars *bars, const json_t *times, uint64_t step_seconds, FILE *out)
{
    const uint64_t largest = bars_largest(bars, times);
    const uint64_t tick = chart_tick(largest);
    const uint64_t top = (largest + tick - 1) / tick * tick;

    fputs("<div class=\"plot\">\n", out);
    put_axis(tick, top, out);
    fprintf(out, "<svg class=\"chart\" width=\"100%%\" height=\"%d\" role=\"img\">\n", HEIGHT);
    put_description(bars, times, step_seconds, out);
    for (uint64_t at = 0; at <= top; at += tick) {
        const double y = BOTTOM - (double)at / (double)top * PLOT;
        fprintf(out, "<line x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", y,
                y);
    }
    put_steps(bars, times, top, step_seconds, out);
    fputs("</svg>\n</div>\n", out);
}
