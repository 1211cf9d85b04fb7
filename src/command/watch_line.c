// SPDX-License-Identifier: ISC
#include "command/watch_line.h"

#include <inttypes.h>
#include <string.h>

#include "base/date.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "report/phrase.h"

#define WIDTH_LEAST 80
#define WIDTH_OF_ALL 112 /* from this width on, the day, the cause and the host are shown */
#define TIME_AT 11       /* offset of the time in the text of a date */
#define TIME_LEN 8
#define VERDICT 5
#define REASON 17 /* columns, including what is behind the `/` */
#define REASON_ALONE 10
#define MILLISECONDS 7

enum column {
    COLUMN_ID,
    COLUMN_TIME,
    COLUMN_VERDICT,
    COLUMN_REASON,
    COLUMN_WOULD_BE,
    COLUMN_CAUSE,
    COLUMN_USER,
    COLUMN_DOMAIN,
    COLUMN_HOST,
    COLUMN_RECEIVING,
    COLUMN_IP,
    COLUMN_ASKER,
    COLUMN_STAMP,
    COLUMN_ISSUED,
    COLUMN_DIGEST,
    COLUMN_LISTED,
    COLUMN_MS,
};

static bool is_narrow(const struct watch_line_look *look)
{
    return look->width > 0 && look->width < WIDTH_OF_ALL;
}

/* The texts share the rest of a line in these proportions. */
struct widths {
    unsigned user;
    unsigned host; /* 0: not shown */
    unsigned receiving;
    unsigned address;
};

static struct widths widths_of(const struct watch_line_look *look, unsigned taken)
{
    if (look->width == 0)
        return (struct widths){30, 22, 20, 15};
    const unsigned width = look->width > WIDTH_LEAST ? look->width : WIDTH_LEAST;
    const unsigned rest = width - taken - (is_narrow(look) ? 3 : 4);
    struct widths widths = {.receiving = rest * 22 / 100, .address = rest * 22 / 100};

    if (is_narrow(look))
        widths.receiving = widths.address = rest * 30 / 100;
    else
        widths.host = rest * 21 / 100;
    widths.user = rest - widths.host - widths.receiving - widths.address;
    return widths;
}

/* Writes a text and a space; an unknown text is `-`. */
static void put_cell(struct text t, unsigned width, const struct watch_line_look *look, FILE *out)
{
    char phrase[PHRASE_MAX];

    if (t.len == 0)
        t = text_of("-");
    if (look->width == 0 && t.len > width) {
        escape_put(out, t);
        fputc(' ', out);
        return;
    }
    phrase_fit(t, look->width > 0 ? width : PHRASE_MAX - 1, phrase);
    fprintf(out, "%-*s ", (int)width, phrase);
}

static void put_verdict(struct text verdict, const struct watch_line_look *look, FILE *out)
{
    const char *colour = text_equal(verdict, text_of("YES"))  ? "\033[32m"
                         : text_equal(verdict, text_of("NO")) ? "\033[31m"
                                                              : "\033[33m";

    fputs(look->colour ? colour : "", out);
    put_cell(verdict, VERDICT, look, out);
    fputs(look->colour ? "\033[0m" : "", out);
}

/* `refused/user`: the reason on the wire, and the cause that the log knows. `testing/forged`: the
 * reason of the NO that it would be. */
static void put_reason(const struct eventstore_value values[WATCH_LINE_COUNT],
        const struct watch_line_look *look, FILE *out)
{
    const struct text reason = values[COLUMN_REASON].text;
    const struct text would_be = values[COLUMN_WOULD_BE].text;
    const struct text more = would_be.len > 0 ? would_be : values[COLUMN_CAUSE].text;
    char both[64];
    struct writer w = writer_of(both, sizeof both);

    writer_put(&w, reason);
    if (more.len > 0 && !text_equal(more, reason) && !is_narrow(look)) {
        writer_char(&w, '/');
        writer_put(&w, more);
    }
    put_cell(w.failed ? reason : writer_text(&w), is_narrow(look) ? REASON_ALONE : REASON, look,
            out);
}

static uint64_t watch_line_number_of(const struct eventstore_value *value)
{
    return value->number > 0 ? (uint64_t)value->number : 0;
}

void watch_line_print(const struct eventstore_value values[WATCH_LINE_COUNT],
        const struct watch_line_look *look, FILE *out)
{
    char date[DATE_TEXT_MAX];
    struct text when;

    date_format(watch_line_number_of(&values[COLUMN_TIME]) / 1000, date);
    when = text_of(date);
    if (is_narrow(look) && when.len > TIME_AT + TIME_LEN)
        when = (struct text){date + TIME_AT, TIME_LEN};
    const unsigned reason = is_narrow(look) ? REASON_ALONE : REASON;
    const struct widths widths =
            widths_of(look, (unsigned)when.len + 1 + VERDICT + 1 + reason + 1 + MILLISECONDS);
    fprintf(out, "%.*s ", (int)when.len, when.at);
    put_verdict(values[COLUMN_VERDICT].text, look, out);
    put_reason(values, look, out);
    put_cell(values[COLUMN_USER].text, widths.user, look, out);
    if (widths.host > 0)
        put_cell(values[COLUMN_HOST].text, widths.host, look, out);
    put_cell(values[COLUMN_RECEIVING].text, widths.receiving, look, out);
    const struct text address =
            values[COLUMN_IP].text.len > 0 ? values[COLUMN_IP].text : values[COLUMN_ASKER].text;
    put_cell(address, widths.address, look, out);
    fprintf(out, "%*" PRIu64 "ms\n", MILLISECONDS - 2, watch_line_number_of(&values[COLUMN_MS]));
}

static json_t *receiving_json(struct text receiving)
{
    struct reader domains = reader_of(receiving);
    json_t *list = json_text_array();

    while (domains.rest.len > 0)
        json_text_append(list, json_text_of(reader_field(&domains, ',')));
    return list;
}

/* `2026-11-24T13:05:00.123Z` */
static json_t *watch_line_date_json(uint64_t milliseconds)
{
    char date[DATE_TEXT_MAX];
    char whole[DATE_TEXT_MAX + 8];

    date_format(milliseconds / 1000, date);
    const size_t len = strlen(date);
    snprintf(whole, sizeof whole, "%.*s.%03uZ", (int)(len > 0 ? len - 1 : 0), date,
            (unsigned)(milliseconds % 1000));
    return json_text_string(whole);
}

void watch_line_print_json(const struct eventstore_value values[WATCH_LINE_COUNT], FILE *out)
{
    static const struct {
        const char *name;
        enum column column;
    } texts[] = {{"verdict", COLUMN_VERDICT}, {"reason", COLUMN_REASON},
            {"would_be", COLUMN_WOULD_BE}, {"cause", COLUMN_CAUSE}, {"user", COLUMN_USER},
            {"domain", COLUMN_DOMAIN}, {"host", COLUMN_HOST}, {"ip", COLUMN_IP},
            {"asker", COLUMN_ASKER}, {"stamp", COLUMN_STAMP}, {"digest", COLUMN_DIGEST}};
    json_t *event = json_text_object();

    json_text_set(event, "id", json_text_number(watch_line_number_of(&values[COLUMN_ID])));
    json_text_set(event, "time", watch_line_date_json(watch_line_number_of(&values[COLUMN_TIME])));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_text_set(event, texts[i].name, json_text_of(values[texts[i].column].text));
    json_text_set(event, "receiving", receiving_json(values[COLUMN_RECEIVING].text));
    json_text_set(event, "issued", json_text_number(watch_line_number_of(&values[COLUMN_ISSUED])));
    json_text_set(event, "listed", json_boolean(values[COLUMN_LISTED].number != 0));
    json_text_set(event, "ms", json_text_number(watch_line_number_of(&values[COLUMN_MS])));
    json_text_print_line(out, event);
}
