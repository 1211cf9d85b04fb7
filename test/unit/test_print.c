// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "unit.h"

#define NUMBERS 64 /* columns that the largest numbers need */

static char *printed(const json_t *report, const struct report_look *look)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    if (look != NULL)
        report_print(report, look, out);
    else
        report_print_html(report, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* What others may have written into the record, or somebody into its file. */
static const char hostile_text[] =
        "{"
        "'since': '2026-06-01T00:00:00Z', 'until': '2026-06-08T00:00:00Z',"
        "'domain': 'example.org', 'service': {"
        "'recorded_since': '2026-06-02T00:00:00Z', 'lost': 9223372036854775807, 'left_out': 1,"
        "'questions': 9223372036854775807, 'yes': 9223372036854775805, 'no': 1, 'allow': 1,"
        "'step_seconds': 86400, 'times': [{'begin': '2026-06-01T00:00:00Z',"
        " 'yes': 9223372036854775805, 'no': 1, 'allow': 1}],"
        "'reasons': [{'verdict': 'NO', 'reason': \"<b>'&\\\"\", 'questions': 1}],"
        "'refused': {'own': {'questions': 2, 'stamped': [{'user': '<u>\\u202e@example.org',"
        "  'host': '<host>&', 'cause': '<cause>', 'questions': 1}],"
        " 'networks': [{'user': 'p@example.org', 'network': '<net>', 'reason': '<reason>',"
        "  'questions': 1, 'genuine': 5}]},"
        " 'forgeries': {'questions': 1, 'users': [{"
        "  'user': '<script>alert(1)</script>\\u001b]0;x\\u0007@example.org', 'listed': false,"
        "  'questions': 9223372036854775807}], 'networks': [{'network': '', 'questions': 2}],"
        "  'receiving': [{'domain': '\\u200f\\u009b\\u007f', 'questions': 1}]}},"
        "'testing': {'own': {'questions': 0, 'stamped': [], 'networks': []},"
        " 'forgeries': {'questions': 1, 'users': [{'user': '<i>', 'listed': true,"
        "  'questions': 1}], 'networks': [], 'receiving': []}},"
        "'new_hosts': null, 'stamps': [{'stamp': '<stamp>', 'user': 'u', 'issued': '<issued>',"
        " 'texts': 3, 'questions': 3}],"
        "'unlisted': [{'user': '\\\"><img src=x onerror=alert(1)>@example.org', 'questions': 1}],"
        "'replays': [{'user': '', 'host': \"<host>&'\\\"\", 'questions': 1}]},"
        "'mail': {'recorded_since': null, 'lost': 0, 'left_out': 0, 'in': {'messages': 3,"
        " 'yes': 1, 'no': 1, 'allow': 0, 'temperror': 1, 'permerror': 0, 'step_seconds': 86400,"
        " 'times': [{'begin': '2026-06-01T00:00:00Z', 'yes': 1, 'no': 1, 'allow': 0,"
        "  'temperror': 1, 'permerror': 0}]},"
        "'out': {'messages': 2, 'stamped': 1, 'passed': 1, 'rejected': 0, 'deferred': 0},"
        "'domains': [{'domain': '<domain>', 'messages': 3, 'yes': 1, 'no': 1, 'temperror': 1}],"
        "'would_refuse': [{'author': '<a>', 'verdict': 'NO', 'reason': '<r>', 'action': 'rejected',"
        " 'messages': 1, 'queue': '<q>\\u001b', 'last': '2026-06-01T00:00:00Z'}],"
        "'refused': [], 'unreached': [{'domain': '<d>', 'reason': 'dns', 'messages': 1,"
        " 'first': '2026-06-01T00:00:00Z', 'last': 'never', 'service': '<s>', 'lookup': ''}],"
        "'slowest': [{'service': '<s>', 'messages': 1, 'ms': 5, 'ms_most': 7}],"
        "'unstamped': [{'author': '', 'login': '<l>', 'reason': 'foreign-from',"
        " 'action': 'passed', 'messages': 1, 'queue': '4c', 'last': '2026-06-01T00:00:00Z'}]}}";

/* In the text, ' stands for a quotation mark, unless quotation marks are around it. */
static json_t *hostile(void)
{
    char *text = strdup(hostile_text);
    bool quoted = false;

    for (char *at = text; *at != '\0'; at++) {
        if (*at == '\\') {
            at++;
            continue;
        }
        if (*at == '"')
            quoted = !quoted;
        else if (*at == '\'' && !quoted)
            *at = '"';
    }
    json_error_t error;
    json_t *report = json_loads(text, 0, &error);
    if (report == NULL)
        fail_msg("%d: %s", error.position, error.text);
    free(text);
    return report;
}

static void check_printable(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
}

TEST(no_line_is_wider_than_the_look)
{
    json_t *report = hostile();

    json_object_set_new(
            json_array_get(json_object_get(json_object_get(report, "service"), "unlisted"), 0),
            "user",
            json_string("a-name-without-any-space-that-is-much-wider-than-the-screen-and-"
                        "goes-on-over-several-lines-of-it-until-its-end@example.org"));
    for (unsigned width = 0; width < 200; width += 8) {
        const struct report_look look = {width, false, false};
        const unsigned most = width < 40 ? 40 : width > 120 ? 120 : width;
        char *text = printed(report, &look);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            if (strcspn(line, "\n") > most && width >= NUMBERS)
                fail_msg("wider than %u: %.*s", most, (int)strcspn(line, "\n"), line);
        check_printable(text);
        free(text);
    }
    json_decref(report);
}

TEST(strangers_texts_are_escaped)
{
    static const char *const tags[] = {"<script", "<img", "<b>", "<host>", "<u>", "<i>", "<a>",
            "<q>", "<s>", "<d>", "<l>", "<cause>", "<stamp>", "<domain>"};
    json_t *report = hostile();
    char *page = printed(report, NULL);

    check_printable(page);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strstr(page, tags[i]) != NULL)
            fail_msg("%s is in the page", tags[i]);
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b]0;x\\x07@"));
    free(page);
    json_decref(report);
}

static void expect_in(const char *where, const char *text, const char *want)
{
    if (strstr(text, want) == NULL)
        fail_msg("%s: no `%s` in\n%s", where, want, text);
}

TEST(one_is_not_several)
{
    static const struct report_look look = {.width = 80};
    json_t *report = hostile();
    json_t *service = json_object_get(report, "service");
    char *text;

    json_object_set_new(service, "questions", json_integer(1));
    json_object_set_new(service, "yes", json_integer(1));
    json_object_set_new(service, "no", json_integer(0));
    json_object_set_new(service, "allow", json_integer(0));
    text = printed(report, &look);
    expect_in("one", text, "\n1 question   YES 1 (100.0%)");
    free(text);
    json_object_set_new(service, "yes", json_integer(2));
    text = printed(report, &look);
    expect_in("two", text, "\n2 questions   YES 2 (100.0%)");
    free(text);
    json_decref(report);
}

/* What is yours stands first; a list without entries is named, not shown; what to do is said. */
TEST(what_is_said)
{
    static const struct report_look look = {80, false, false};
    static const char *const wanted[] = {"Your own mail that was refused\n",
            "Refused, from networks that send your genuine mail\n",
            "p@example.org  <reason>, from <net>, as 5 YES\n",
            "  -> Then try it: `verimail explain --user USER`\n",
            "Nothing to report: Your own mail that would be refused;",
            "New sending hosts are not known: the record has nothing before this time.\n",
            "2 (not reported)\n", "(no valid author)  the login may not use this From, login <l>,",
            "<a>  NO, <r>, would be rejected, one is <q>\\x1b, the last",
            "2 of your users: 1 stamped, 1 not stamped, 0 rejected, 0 deferred\n",
            "The record begins at 2 Jun 2026.\n"};
    json_t *report = hostile();
    char *text = printed(report, &look);

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        expect_in("text", text, wanted[i]);
    assert_true(strstr(text, "Your own mail that was refused\n") <
                strstr(text, "Addresses that were forged\n"));
    assert_null(strstr(text, "Slowest services;"));
    assert_null(strstr(text, "What was refused\n  "));
    free(text);
    char *page = printed(report, NULL);
    expect_in("page", page, "<li>Then try it: <code>verimail explain --user USER</code></li>");
    expect_in("page", page, "<h3>What <code>mode = enforce</code> would refuse</h3>");
    assert_null(strstr(page, "<h3>What was refused</h3>"));
    free(page);
    json_decref(report);
}

/* Only what there is has a part. */
TEST(one_part_of_two)
{
    static const struct report_look look = {80, false, false};
    static const char *const parts[][2] = {
            {"service", "Your domains:"}, {"mail", "This mail server:"}};

    for (size_t i = 0; i < 2; i++) {
        json_t *report = hostile();
        assert_int_equal(json_object_set_new(report, parts[i][0], json_null()), 0);
        char *text = printed(report, &look);
        char *page = printed(report, NULL);
        assert_null(strstr(text, parts[i][1]));
        assert_null(strstr(page, parts[i][1]));
        expect_in("text", text, parts[1 - i][1]);
        expect_in("page", page, parts[1 - i][1]);
        free(text);
        free(page);
        json_decref(report);
    }
}

/* Replaces each member in turn, at any depth, by other JSON; something is always printed. */
static void print_without(json_t *report, json_t *object)
{
    static const struct report_look look = {80, true, true};
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, key, value)
    {
        json_t *kept = json_incref(value);
        static const char *const others[] = {"null", "[1, null, {}]", "{}", "-7", "\"text\""};
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);
            assert_int_equal(json_object_set_new(object, key, other), 0);
            free(printed(report, &look));
            free(printed(report, NULL));
        }
        assert_int_equal(json_object_set(object, key, kept), 0);
        if (json_is_object(kept))
            print_without(report, kept);
        json_decref(kept);
    }
}

TEST(any_json_can_be_printed)
{
    json_t *report = hostile();

    print_without(report, report);
    json_decref(report);
}
