// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_CHART_H
#define VERIMAIL_REPORT_CHART_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "report/bars.h"

/* The page's CSS. Colours are variables, with a second set for dark mode. Shapes in these colours
 * also differ in their pattern. */
extern const char style_css[];

/* Inline SVG for the page: coloured by its classes. Widths are shares of
 * what there is, so that letters have their size on any screen. */

/* What the patterns of ALLOW and NO are, once in a page, before what is drawn with them. */
void chart_put_patterns(FILE *out);
/* A square that looks like the bars of this class. */
void chart_put_swatch(const char *class, FILE *out);
/* The verdicts over time. `times` is not empty. */
void chart_put_times(
        const struct bars *bars, const json_t *times, uint64_t step_seconds, FILE *out);
/* A bar in a list: its share of the largest. */
void chart_put_bar(const char *class, uint64_t value, uint64_t largest, FILE *out);

/* The distance of the lines behind a chart: 1, 2 or 5 times a power of ten, so that 2 to 5 of them
 * reach `largest`. */
uint64_t chart_tick(uint64_t largest);

#endif
