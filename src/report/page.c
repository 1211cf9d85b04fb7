// SPDX-License-Identifier: ISC
#include <string.h>

#include "report/bars.h"
#include "report/chart.h"
#include "report/phrase.h"
#include "report/report.h"
#include "report/section.h"

#define ENTRIES 10 /* of each list */

/* The page is also well-formed XML, so that any parser can check it. */

static void page_put_escaped(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*text, out);
            break;
        }
    }
}

/* Writes a text of ours, in which backquotes are around what you can type. */
static void page_put_prose(const char *text, FILE *out)
{
    struct reader parts = reader_of(text_of(text));
    char part[512];

    for (bool is_code = false; parts.rest.len > 0; is_code = !is_code) {
        const struct text t = reader_field(&parts, '`');
        snprintf(part, sizeof part, "%.*s", (int)t.len, t.at);
        fputs(is_code ? "<code>" : "", out);
        page_put_escaped(part, out);
        fputs(is_code ? "</code>" : "", out);
    }
}

/* Writes text from anywhere. Octets that are not printable ASCII (controls, marks that change the
 * direction) become \xNN. Then HTML is escaped. */
static void page_put_text(struct text t, FILE *out)
{
    char phrase[PHRASE_MAX];

    phrase_fit(t, PHRASE_MAX - 1, phrase);
    page_put_escaped(phrase, out);
}

static void put_count(uint64_t count, FILE *out)
{
    char phrase[PHRASE_MAX];

    phrase_count(count, phrase);
    fputs(phrase, out);
}

static void put_date(const json_t *date, FILE *out)
{
    char phrase[PHRASE_MAX];

    phrase_date(phrase_text(date), phrase);
    page_put_escaped(phrase, out);
}

static uint64_t page_number_at(const json_t *report, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(report, key));

    return value > 0 ? (uint64_t)value : 0;
}

static void page_put_title(const json_t *report, FILE *out)
{
    const struct text domain = phrase_text(json_object_get(report, "domain"));

    fputs("Verimail", out);
    if (domain.len > 0) {
        fputs(" for ", out);
        page_put_text(domain, out);
    } else {
        fputs(" for all domains", out);
    }
}

static void put_head(const json_t *report, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
          "style-src &#39;unsafe-inline&#39;; base-uri &#39;none&#39;; form-action "
          "&#39;none&#39;\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
          "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
          "<meta name=\"robots\" content=\"noindex\"/>\n<title>",
            out);
    page_put_title(report, out);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style_css);
}

static void page_put_period(const json_t *report, FILE *out)
{
    fputs("<h1>", out);
    page_put_title(report, out);
    fputs("</h1>\n<p class=\"period\">", out);
    put_date(json_object_get(report, "since"), out);
    fputs(" to ", out);
    put_date(json_object_get(report, "until"), out);
    fputs(" UTC</p>\n", out);
}

static void page_put_notice(const char *text, FILE *out)
{
    fprintf(out, "<p class=\"notice\" role=\"note\">%s</p>\n", text);
}

static void put_doubts(const json_t *report, const json_t *part, FILE *out)
{
    const char *recorded = json_string_value(json_object_get(part, "recorded_since"));
    const char *since = json_string_value(json_object_get(report, "since"));
    const uint64_t lost = page_number_at(part, "lost");
    const uint64_t left_out = page_number_at(part, "left_out");
    char phrase[PHRASE_MAX];
    char text[2 * PHRASE_MAX];

    if (lost > 0) {
        phrase_count(lost, phrase);
        snprintf(text, sizeof text,
                "%s event%s lost, and counted nowhere: the recorder could not keep up, or its "
                "store failed.",
                phrase, lost == 1 ? " was" : "s were");
        page_put_notice(text, out);
    }
    if (left_out > 0) {
        phrase_count(left_out, phrase);
        snprintf(text, sizeof text, "%s more %s not recorded one by one: too many like %s came.",
                phrase, left_out == 1 ? "was" : "were", left_out == 1 ? "it" : "them");
        page_put_notice(text, out);
    }
    if (recorded != NULL && since != NULL && strcmp(recorded, since) > 0) {
        phrase_date(text_of(recorded), phrase);
        snprintf(text, sizeof text, "The record begins at %s UTC.", phrase);
        page_put_notice(text, out);
    }
}

static void put_tile(const char *name, const char *class, uint64_t count, uint64_t whole,
        const char *meaning, FILE *out)
{
    char share[PHRASE_MAX];

    fputs("<div class=\"tile\"><dt>", out);
    if (class != NULL)
        chart_put_swatch(class, out);
    fprintf(out, "%s</dt><dd>", name);
    put_count(count, out);
    phrase_share(count, whole, share);
    fputs("<small>", out);
    if (class != NULL)
        page_put_escaped(share, out);
    fprintf(out, "%s%s</small></dd></div>\n", class != NULL ? ": " : "", meaning);
}

static void put_tiles(const struct bars *bars, const json_t *counted, FILE *out)
{
    uint64_t values[BARS_PARTS_MAX];
    const uint64_t whole = bars_values(bars, counted, values);
    const bool questions = bars == &bars_questions;

    fputs("<dl class=\"tiles\">\n", out);
    put_tile(questions ? "Questions" : "Messages", NULL, whole, whole,
            questions ? "from receiving servers" : "of domains that use Verimail", out);
    for (size_t i = 0; i < bars->count; i++)
        put_tile(bars->parts[i].name, bars->parts[i].class, values[i], whole,
                bars->parts[i].meaning, out);
    fputs("</dl>\n", out);
}

static void put_times_row(
        const struct bars *bars, const json_t *time, uint64_t step_seconds, FILE *out)
{
    char label[PHRASE_MAX];
    uint64_t values[BARS_PARTS_MAX];
    const uint64_t sum = bars_values(bars, time, values);

    phrase_step(phrase_text(json_object_get(time, "begin")), step_seconds, label);
    fputs("<tr><th scope=\"row\">", out);
    page_put_escaped(label, out);
    fputs("</th><td>", out);
    put_count(sum, out);
    for (size_t i = 0; i < bars->count; i++) {
        fputs("</td><td>", out);
        put_count(values[i], out);
    }
    fputs("</td></tr>\n", out);
}

static const char *step_name(uint64_t step_seconds)
{
    if (step_seconds < 86400)
        return "hour";
    if (step_seconds == 86400)
        return "day";
    return step_seconds == 604800 ? "week" : "weeks";
}

static void put_legend(const struct bars *bars, FILE *out)
{
    fputs("<ul class=\"legend\">\n", out);
    for (size_t i = 0; i < bars->count; i++) {
        fputs("<li>", out);
        chart_put_swatch(bars->parts[i].class, out);
        fprintf(out, "%s</li>\n", bars->parts[i].name);
    }
    fputs("</ul>\n", out);
}

static void put_times(const struct bars *bars, const json_t *counted, FILE *out)
{
    const json_t *times = json_object_get(counted, "times");
    const uint64_t step_seconds = page_number_at(counted, "step_seconds");

    if (json_array_size(times) == 0)
        return;
    fprintf(out, "<section class=\"card\">\n<h3>Verdicts by %s</h3>\n", step_name(step_seconds));
    put_legend(bars, out);
    chart_put_times(bars, times, step_seconds, out);
    fputs("<details><summary>The numbers</summary>\n<table class=\"times\">\n<thead><tr>"
          "<th scope=\"col\">From (UTC)</th><th scope=\"col\" class=\"number\">All</th>",
            out);
    for (size_t i = 0; i < bars->count; i++)
        fprintf(out, "<th scope=\"col\" class=\"number\">%s</th>", bars->parts[i].name);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i < json_array_size(times); i++)
        put_times_row(bars, json_array_get(times, i), step_seconds, out);
    fputs("</tbody>\n</table>\n</details>\n</section>\n", out);
}

static void page_put_entry(
        const struct section *section, const json_t *entry, uint64_t largest, FILE *out)
{
    char note[SECTION_NOTE_MAX];

    section_note(section, entry, note);
    fputs("<tr><th scope=\"row\">", out);
    page_put_text(section_name(section, entry), out);
    if (note[0] != '\0') {
        fputs("<small>", out);
        page_put_escaped(note, out);
        fputs("</small>", out);
    }
    chart_put_bar(section->look, section_value(section, entry), largest, out);
    fputs("</th><td>", out);
    put_count(section_value(section, entry), out);
    fputs("</td></tr>\n", out);
}

static void put_advices(const struct section *section, const json_t *part, FILE *out)
{
    const char *advices[SECTION_ADVICES_MAX];
    const size_t count = section_advices(section, part, ENTRIES, advices);

    if (count == 0)
        return;
    fputs("<ul class=\"next\" aria-label=\"What to do\">\n", out);
    for (size_t i = 0; i < count; i++) {
        fputs("<li>", out);
        page_put_prose(advices[i], out);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void put_section(const struct section *section, const json_t *part, FILE *out)
{
    const uint64_t largest = section_value(section, section_entry(section, part, 0));

    fputs("<section class=\"card\">\n<h3>", out);
    page_put_prose(section->title, out);
    fputs("</h3>\n<p class=\"about\">", out);
    page_put_prose(section->about, out);
    fprintf(out,
            "</p>\n<table>\n<thead><tr><th scope=\"col\">%s</th><th scope=\"col\" "
            "class=\"number\">%s</th></tr></thead>\n<tbody>\n",
            section->heading, section->unit);
    for (size_t i = 0; i < ENTRIES; i++) {
        const json_t *entry = section_entry(section, part, i);
        if (entry != NULL)
            page_put_entry(section, entry, largest, out);
    }
    fputs("</tbody>\n</table>\n", out);
    put_advices(section, part, out);
    fputs("</section>\n", out);
}

/* Names the lists that are empty, in place of each one. */
static void put_empty_sections(const struct section_part *kind, const json_t *part, FILE *out)
{
    const struct section *empty[SECTION_MOST];
    const size_t count = section_empty(kind, part, empty);

    fputs("<p class=\"about\">", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "Nothing to report: " : "; ", out);
        page_put_prose(empty[i]->title, out);
    }
    fputs(count > 0 ? ". " : "", out);
    for (size_t i = 0; i < kind->count; i++) {
        const char *why = section_not_known(&kind->sections[i], part);
        if (why != NULL)
            page_put_escaped(why, out);
    }
    fputs("</p>\n", out);
}

static void put_sections(const struct section_part *kind, const json_t *part, FILE *out)
{
    fputs("<div class=\"lists\">\n", out);
    for (size_t i = 0; i < kind->count; i++)
        if (section_entry(&kind->sections[i], part, 0) != NULL)
            put_section(&kind->sections[i], part, out);
    fputs("</div>\n", out);
    put_empty_sections(kind, part, out);
}

static void put_sent(const json_t *sent, uint64_t none, FILE *out)
{
    fputs("<p class=\"sent\">Mail of your users: ", out);
    put_count(page_number_at(sent, "stamped"), out);
    fputs(" stamped, ", out);
    put_count(page_number_at(sent, "passed"), out);
    fputs(" not stamped, ", out);
    put_count(page_number_at(sent, "rejected"), out);
    fputs(" rejected, ", out);
    put_count(page_number_at(sent, "deferred"), out);
    fputs(" deferred. ", out);
    put_count(none, out);
    fputs(" more messages came from domains that do not use Verimail.</p>\n", out);
}

static void put_part(const struct section_part *kind, const json_t *report, FILE *out)
{
    const json_t *part = json_object_get(report, kind->name);
    const bool is_mail = kind == &mail_sections;
    const struct bars *bars = is_mail ? &bars_messages : &bars_questions;
    const json_t *counted = is_mail ? json_object_get(part, "in") : part;
    const json_t *sent = is_mail ? json_object_get(part, "out") : NULL;

    if (!json_is_object(part))
        return;
    fprintf(out, "<h2>%s</h2>\n", kind->title);
    put_doubts(report, part, out);
    if (page_number_at(counted, bars->whole) == 0 && page_number_at(counted, "none") == 0 &&
            page_number_at(sent, "messages") == 0) {
        fprintf(out, "<p class=\"card\">No %s in this time, as far as it is recorded.</p>\n",
                bars->whole);
        return;
    }
    put_tiles(bars, counted, out);
    if (is_mail)
        put_sent(sent, page_number_at(counted, "none"), out);
    put_times(bars, counted, out);
    put_sections(kind, part, out);
}

void report_print_html(const json_t *report, FILE *out)
{
    put_head(report, out);
    page_put_period(report, out);
    chart_put_patterns(out);
    put_part(&service_sections, report, out);
    put_part(&mail_sections, report, out);
    fputs("<footer>Made by verimail report, from the record of this machine. Times are "
          "UTC.</footer>\n</main>\n</body>\n</html>\n",
            out);
}
