// SPDX-License-Identifier: ISC
#include <string.h>

#include "report/bars.h"
#include "report/chart.h"
#include "report/phrase.h"
#include "report/report.h"
#include "report/section.h"

#define ENTRIES 10   /* of each list */
#define NAME_MOST 96 /* columns of a name */

/* The page's CSS. Colours are variables, with a second set for dark mode. Shapes in these colours
 * also differ in their pattern. */
extern const char style_css[];

/* It has no `<` or `&`, so that the page is well-formed XML too. Every text has a contrast of at
 * least 4.5 to its background, and every bar of at least 3. */
const char style_css[] =
        ":root{color-scheme:light dark;--ground:#f4f5f7;--card:#ffffff;--text:#1b1f24;"
        "--soft:#57606a;--line:#d9dee4;--track:#e9ecf0;--yes:#1f77b4;--allow:#a87400;"
        "--no:#c43d1b;--warn:#fff4d6;--warn-line:#c99a1c}\n"
        "@media (prefers-color-scheme:dark){:root{--ground:#0f1317;--card:#181e24;--text:#e6eaee;"
        "--soft:#9da7b1;--line:#2c353e;--track:#26303a;--yes:#58a6e8;--allow:#e3b341;"
        "--no:#ff7b5c;--warn:#2f2a17;--warn-line:#8f7420}}\n"
        "*{box-sizing:border-box}\n"
        "body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,"
        "-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif;"
        "-webkit-text-size-adjust:100%;overflow-wrap:anywhere}\n"
        "main{max-width:68rem;margin:0 auto;padding:1.5rem 1rem 2rem}\n"
        "h1{font-size:1.6rem;line-height:1.25;margin:0}\n"
        "h2{font-size:1.05rem;line-height:1.3;margin:0 0 .25rem}\n"
        ".period,.about,footer,small{color:var(--soft)}\n"
        ".period{margin:.25rem 0 1.25rem}\n"
        ".about{margin:0 0 .75rem;font-size:.875rem}\n"
        ".card,.tile{background:var(--card);border:1px solid var(--line);border-radius:.75rem}\n"
        ".card{padding:1rem 1.1rem 1.1rem}\n"
        ".tiles{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.75rem;"
        "margin:0 0 1rem}\n"
        ".tile{padding:.7rem .9rem}\n"
        ".tile dt{display:flex;align-items:center;gap:.45rem;font-size:.875rem;"
        "color:var(--soft)}\n"
        ".tile dd{margin:0;font-size:1.5rem;line-height:1.35;font-weight:650}\n"
        ".tile small{display:block;font-size:.8125rem;font-weight:400}\n"
        ".notice{background:var(--warn);border:1px solid var(--warn-line);border-radius:.5rem;"
        "padding:.5rem .8rem;margin:0 0 1rem}\n"
        ".lists{display:grid;gap:1rem;margin-top:1rem}\n"
        ".legend{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;margin:0 0 .6rem;"
        "padding:0;font-size:.875rem}\n"
        ".legend li{display:flex;align-items:center;gap:.45rem}\n"
        ".swatch{flex:none;width:14px;height:14px;border-radius:3px}\n"
        ".plot{display:flex}\n"
        ".axis{flex:none}\n"
        ".chart{flex:1;min-width:0;overflow:visible}\n"
        "svg text{font-size:12px;fill:var(--soft)}\n"
        ".grid{stroke:var(--line)}\n"
        ".yes{fill:var(--yes)}.allow{fill:url(#dots)}.no{fill:url(#stripes)}\n"
        ".allow-ink{fill:var(--allow)}.no-ink{fill:var(--no)}.card-ink{fill:var(--card)}\n"
        ".card-line{stroke:var(--card);stroke-width:1.6}\n"
        ".bar{display:block;margin-top:.2rem}\n"
        ".track{fill:var(--track)}\n"
        "details{margin-top:.6rem;font-size:.875rem}\n"
        "summary{cursor:pointer;color:var(--soft);padding:.3rem 0}\n"
        "table{width:100%;border-collapse:collapse;font-size:.875rem}\n"
        "th{font-weight:400;text-align:left;vertical-align:top}\n"
        "thead th{color:var(--soft);font-size:.8125rem}\n"
        "th,td{padding:.35rem 0;border-top:1px solid var(--line)}\n"
        "thead th{border-top:0}\n"
        "td,th.number{text-align:right;vertical-align:top;font-variant-numeric:tabular-nums;"
        "padding-left:.6rem;overflow-wrap:normal}\n"
        "tbody th small{display:block}\n"
        ".times td,.times th.number{padding-left:.35rem;overflow-wrap:anywhere}\n"
        ".none{color:var(--soft);margin:0}\n"
        "footer{margin-top:1.25rem;font-size:.8125rem}\n"
        "@media (min-width:44rem){.tiles{grid-template-columns:repeat(4,minmax(0,1fr))}"
        ".lists{grid-template-columns:repeat(2,minmax(0,1fr))}main{padding-top:2rem}}\n"
        "@media print{:root{--ground:#ffffff}.card{break-inside:avoid}}\n";

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

/* Writes text from anywhere. Octets that are not printable ASCII (controls, marks that change the
 * direction) become \xNN. Then HTML is escaped. */
static void page_put_text(struct text t, FILE *out)
{
    char phrase[PHRASE_MAX];

    phrase_fit(t, NAME_MOST, phrase);
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

static void put_doubts(const json_t *report, FILE *out)
{
    const json_t *recorded = json_object_get(report, "recorded_since");
    const json_t *since = json_object_get(report, "since");
    const uint64_t lost = page_number_at(report, "lost");
    const uint64_t left_out = page_number_at(report, "left_out");

    if (lost > 0) {
        fputs("<p class=\"notice\" role=\"note\">", out);
        put_count(lost, out);
        fprintf(out, " event%s lost and counted nowhere.</p>\n", lost == 1 ? " was" : "s were");
    }
    if (left_out > 0) {
        fputs("<p class=\"notice\" role=\"note\">", out);
        put_count(left_out, out);
        fprintf(out, " more question%s not recorded: too many like them came.</p>\n",
                left_out == 1 ? " was" : "s were");
    }
    if (json_is_string(recorded) && json_is_string(since) &&
            strcmp(json_string_value(recorded), json_string_value(since)) > 0) {
        fputs("<p class=\"notice\" role=\"note\">The record begins at ", out);
        put_date(recorded, out);
        fputs(" UTC.</p>\n", out);
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
    fprintf(out, "%s%s</small></dd></div>\n", class != NULL ? ", " : "", meaning);
}

static void put_tiles(const json_t *report, FILE *out)
{
    const uint64_t all = page_number_at(report, "questions");

    fputs("<dl class=\"tiles\">\n", out);
    put_tile("Questions", NULL, all, all, "from receiving servers", out);
    put_tile("YES", "yes", page_number_at(report, "yes"), all, "we sent it", out);
    put_tile("ALLOW", "allow", page_number_at(report, "allow"), all, "nobody can be sure", out);
    put_tile("NO", "no", page_number_at(report, "no"), all, "we did not send it", out);
    fputs("</dl>\n", out);
}

static void put_times_row(const json_t *time, uint64_t step_seconds, FILE *out)
{
    char label[PHRASE_MAX];
    uint64_t parts[BARS_PARTS];
    const uint64_t sum = bars_parts(time, parts);

    phrase_step(phrase_text(json_object_get(time, "begin")), step_seconds, label);
    fputs("<tr><th scope=\"row\">", out);
    page_put_escaped(label, out);
    fputs("</th><td>", out);
    put_count(sum, out);
    for (size_t i = 0; i < BARS_PARTS; i++) {
        fputs("</td><td>", out);
        put_count(parts[i], out);
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

static void put_times(const json_t *report, FILE *out)
{
    const json_t *times = json_object_get(report, "times");
    const uint64_t step_seconds = page_number_at(report, "step_seconds");

    fprintf(out, "<section class=\"card\">\n<h2>Verdicts by %s</h2>\n<ul class=\"legend\">\n",
            step_name(step_seconds));
    for (size_t i = 0; i < BARS_PARTS; i++) {
        static const char *const names[BARS_PARTS][2] = {
                {"yes", "YES"}, {"allow", "ALLOW"}, {"no", "NO"}};
        fputs("<li>", out);
        chart_put_swatch(names[i][0], out);
        fprintf(out, "%s</li>\n", names[i][1]);
    }
    fputs("</ul>\n", out);
    chart_put_times(times, step_seconds, out);
    fputs("<details><summary>The numbers</summary>\n<table class=\"times\">\n<thead><tr>"
          "<th scope=\"col\">From (UTC)</th><th scope=\"col\" class=\"number\">All</th>"
          "<th scope=\"col\" class=\"number\">YES</th><th scope=\"col\" class=\"number\">ALLOW"
          "</th><th scope=\"col\" class=\"number\">NO</th></tr></thead>\n<tbody>\n",
            out);
    for (size_t i = 0; i < json_array_size(times); i++)
        put_times_row(json_array_get(times, i), step_seconds, out);
    fputs("</tbody>\n</table>\n</details>\n</section>\n", out);
}

/* A list's bars look like the verdict that it is about. */
static const char *class_of(const struct section *section)
{
    if (section->within != NULL && strcmp(section->within, "forgeries") == 0)
        return "no";
    if (section->verdict != NULL && strcmp(section->verdict, "NO") == 0)
        return "no";
    if (section->verdict != NULL || strcmp(section->title, "Replayed") == 0)
        return "allow";
    return "yes";
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
    chart_put_bar(class_of(section), section_questions(entry), largest, out);
    fputs("</th><td>", out);
    put_count(section_questions(entry), out);
    fputs("</td></tr>\n", out);
}

static void put_section(const struct section *section, const json_t *report, FILE *out)
{
    const json_t *first = section_entry(section, report, 0);

    fprintf(out, "<section class=\"card\">\n<h2>%s</h2>\n<p class=\"about\">%s</p>\n",
            section->title, section->about);
    if (first == NULL) {
        fprintf(out, "<p class=\"none\">%s</p>\n</section>\n", section_none(section, report));
        return;
    }
    fprintf(out,
            "<table>\n<thead><tr><th scope=\"col\">%s</th><th scope=\"col\" class=\"number\">"
            "Questions</th></tr></thead>\n<tbody>\n",
            section->heading);
    for (size_t i = 0; i < ENTRIES; i++) {
        const json_t *entry = section_entry(section, report, i);
        if (entry != NULL)
            page_put_entry(section, entry, section_questions(first), out);
    }
    fputs("</tbody>\n</table>\n</section>\n", out);
}

void report_print_html(const json_t *report, FILE *out)
{
    const struct section *sections[SECTIONS_COUNT];

    put_head(report, out);
    page_put_period(report, out);
    if (page_number_at(report, "questions") == 0)
        fputs("<p class=\"card\">Nobody asked anything in this time, as far as it is recorded."
              "</p>\n",
                out);
    put_doubts(report, out);
    if (page_number_at(report, "questions") > 0) {
        chart_put_patterns(out);
        put_tiles(report, out);
        put_times(report, out);
        fputs("<div class=\"lists\">\n", out);
        const size_t count = section_list(report, sections);
        for (size_t i = 0; i < count; i++)
            put_section(sections[i], report, out);
        fputs("</div>\n", out);
    }
    fputs("<footer>Questions that receiving mail servers asked about our users, and what our "
          "service answered. Times are UTC.</footer>\n</main>\n</body>\n</html>\n",
            out);
}
