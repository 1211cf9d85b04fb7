// SPDX-License-Identifier: ISC
#include "base/memstream.h"
#include "command/explain.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "command/ruling.h"
#include "verimaild/tables.h"

#define ITEMS_MAX 6

struct explanation {
    struct explanation_setup setup;
    struct tables *tables;
    struct query query;
    char *seen[JUDGE_STEPS]; /* by the steps that were taken, a sentence each */
};

/* What stands in a payload, one word or number each. */
struct item {
    const char *name;
    struct text value;
    bool is_number;
    uint64_t number;
};

/* Keeps what the last step saw. False when out of memory. */
static bool explanation_note(struct explanation *e)
{
    const unsigned number = e->query.judgement.step;
    size_t len;
    FILE *out = open_memstream(&e->seen[number - 1], &len);

    if (out == NULL)
        return false;
    steps_describe(out, number, &e->query);
    return memstream_close(out, &e->seen[number - 1]);
}

/* Takes all steps. Nothing is counted. */
static bool explanation_judge(struct explanation *e)
{
    enum judge_state state = JUDGE_NEXT;

    while (state == JUDGE_NEXT) {
        state = judge_step(&e->query.judge, &e->query.judgement);
        if (!explanation_note(e))
            return false;
    }
    if (state != JUDGE_COUNT)
        return true;
    judge_counted(&e->query.judgement, REPLAY_SKIPPED);
    return explanation_note(e);
}

struct explanation *explanation_init(const struct explanation_setup *setup, struct text line)
{
    struct explanation *e = calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->setup = *setup;
    e->tables = tables_open(setup->service, mono_ms());
    query_read(setup->service, line, &e->query);
    bool ok = e->query.well_formed && e->tables != NULL;
    if (ok)
        query_open(setup->service, tables_lookup(e->tables), 0, setup->unix_now, &e->query);
    if (!ok || !explanation_judge(e))
        explanation_free(&e);
    if (e != NULL) {
        tables_close(&e->tables);
        e->query.judgement.rule = NULL; /* it may have been the tables' */
    }
    return e;
}

void explanation_free(struct explanation **explanation)
{
    struct explanation *e = *explanation;

    if (e == NULL)
        return;
    tables_close(&e->tables);
    for (unsigned i = 0; i < JUDGE_STEPS; i++)
        free(e->seen[i]);
    sodium_memzero(e, sizeof *e);
    free(e);
    *explanation = NULL;
}

enum verdict explanation_verdict(const struct explanation *e)
{
    return e->query.judgement.answer.verdict;
}

static const char *payload_says(const struct query *query)
{
    switch (query->judge.payload_state) {
    case PAYLOAD_STATE_ABSENT:
        return "none";
    case PAYLOAD_STATE_CLASSIC:
        return "opens with the domain's classic_key";
    case PAYLOAD_STATE_UNOPENED:
        if (query->classic_key != NULL)
            return "does not open with the domain's classic_key";
        break;
    case PAYLOAD_STATE_SEALED:
        break;
    }
    return payload_result_text(query->payload_result);
}

static size_t list_sealed(const struct query *query, struct item items_r[ITEMS_MAX])
{
    const struct payload_opened *opened = &query->payload.sealed;
    size_t n = 0;

    if (query->payload_result == PAYLOAD_CONTENT)
        items_r[n++] = (struct item){"content", {opened->content, opened->content_len}};
    if (query->payload_result == PAYLOAD_HOST)
        items_r[n++] = (struct item){"key", text_of(opened->key->host)};
    if (query->payload_result != PAYLOAD_HOST && query->payload_result != PAYLOAD_OK)
        return n;
    items_r[n++] = (struct item){"host", opened->is.host};
    items_r[n++] = (struct item){"receiving", opened->is.receiving};
    items_r[n++] = (struct item){"issued", .is_number = true, .number = opened->is.issued};
    items_r[n++] = (struct item){"user", opened->is.user};
    items_r[n++] = (struct item){"digest", opened->is.digest};
    return n;
}

/* What the payload says, as far as it opened. */
static size_t list_items(const struct query *query, struct item items_r[ITEMS_MAX])
{
    const struct classic_payload *classic = &query->payload.classic;

    if (query->judge.payload_state == PAYLOAD_STATE_CLASSIC) {
        items_r[0] = (struct item){"host", classic->host};
        items_r[1] = (struct item){"receiving", classic->receiving};
        items_r[2] = (struct item){"nonce", classic->nonce};
        return 3;
    }
    if (query->judge.payload_state == PAYLOAD_STATE_ABSENT || query->classic_key != NULL)
        return 0;
    return list_sealed(query, items_r);
}

static void print_item(const struct item *item, FILE *out)
{
    char date[DATE_TEXT_MAX];

    fprintf(out, "    %-10s ", item->name);
    if (item->is_number) {
        date_format(item->number, date);
        fprintf(out, "%llu %s", (unsigned long long)item->number, date);
    } else {
        escape_put(out, item->value);
    }
    fputc('\n', out);
}

/* What the answer means; under test, what it would be. */
static const struct advice *explanation_advice(const struct explanation *e)
{
    const struct judgement *judgement = &e->query.judgement;

    if (judgement->would_be != REASON_NONE)
        return advice_find(VERDICT_NO, judgement->would_be, judgement->cause);
    return advice_find(judgement->answer.verdict, judgement->answer.reason, judgement->cause);
}

static void print_decision(const struct judgement *judgement, FILE *out)
{
    fprintf(out, "%s %s", verdict_name(judgement->answer.verdict),
            reason_name(judgement->answer.reason));
    if (judgement->would_be != REASON_NONE)
        fprintf(out, " (would be %s %s)", verdict_name(VERDICT_NO),
                reason_name(judgement->would_be));
}

static void print_step(const struct explanation *e, unsigned i, FILE *out)
{
    const unsigned taken = e->query.judgement.step;
    const struct advice *advice = explanation_advice(e);

    fprintf(out, "%2u  %s", i + 1, judge_about(i + 1));
    if (i >= taken) {
        fputs(" (not reached)\n", out);
        return;
    }
    fprintf(out, "\n        %s\n", e->seen[i]);
    if (i + 1 < taken)
        return;
    fputs("        ", out);
    print_decision(&e->query.judgement, out);
    if (advice != NULL)
        fprintf(out, ": %s", advice->why);
    fputc('\n', out);
}

static void print_question(const struct question *question, FILE *out)
{
    const struct item items[] = {{"rcpt", question->rcpt}, {"digest", question->digest}};

    fputs("question about ", out);
    escape_put(out, address_text(&question->user));
    fputc('\n', out);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        if (items[i].value.len > 0)
            print_item(&items[i], out);
}

static void print_ruling(void *context, const char *sentence, bool is_change)
{
    fprintf(context, "%s%s\n", is_change ? "to change it: " : "decided by ", sentence);
}

static void explanation_trace(const struct explanation *e,
        void (*each)(void *context, const char *sentence, bool is_change), void *context)
{
    const struct ruling ruling = {.config = e->setup.config,
            .path = e->setup.path,
            .user = &e->query.question.user,
            .host = query_host(&e->query),
            .advice = explanation_advice(e),
            .is_testing = e->query.judgement.would_be != REASON_NONE};

    ruling_trace(&ruling, each, context);
}

void explanation_print(const struct explanation *e, FILE *out)
{
    struct item items[ITEMS_MAX];
    const size_t count = list_items(&e->query, items);

    print_question(&e->query.question, out);
    fputs("payload ", out);
    escape_put(out, e->query.question.payload);
    fprintf(out, "\n    %s\n", payload_says(&e->query));
    for (size_t i = 0; i < count; i++)
        print_item(&items[i], out);
    fprintf(out, "judged at %llu\n", (unsigned long long)e->query.judge.unix_now);
    for (unsigned i = 0; i < JUDGE_STEPS; i++)
        print_step(e, i, out);
    fputs("verdict ", out);
    print_decision(&e->query.judgement, out);
    fputc('\n', out);
    explanation_trace(e, print_ruling, out);
}

/* An absent name is no member. */
static void set_text(json_t *object, const char *key, struct text t)
{
    if (t.len > 0)
        json_text_set(object, key, json_text_of(t));
}

static json_t *question_json(const struct question *question)
{
    json_t *object = json_text_object();

    set_text(object, "user", address_text(&question->user));
    set_text(object, "payload", question->payload);
    set_text(object, "rcpt", question->rcpt);
    set_text(object, "digest", question->digest);
    return object;
}

static json_t *payload_json(const struct query *query)
{
    struct item items[ITEMS_MAX];
    const size_t count = list_items(query, items);
    json_t *object = json_text_object();
    const bool opens = query->judge.payload_state == PAYLOAD_STATE_SEALED ||
                       query->judge.payload_state == PAYLOAD_STATE_CLASSIC;

    json_text_set(object, "opens", json_boolean(opens));
    json_text_set(object, "result", json_text_string(payload_says(query)));
    for (size_t i = 0; i < count; i++)
        json_text_set(object, items[i].name,
                items[i].is_number ? json_text_number(items[i].number)
                                   : json_text_of(items[i].value));
    return object;
}

static json_t *step_json(const struct explanation *e, unsigned i)
{
    const unsigned taken = e->query.judgement.step;
    json_t *object = json_text_object();
    const char *outcome = i >= taken ? "not reached" : i + 1 == taken ? "decides" : "passes";

    json_text_set(object, "step", json_text_number(i + 1));
    json_text_set(object, "about", json_text_string(judge_about(i + 1)));
    json_text_set(object, "outcome", json_text_string(outcome));
    if (i < taken)
        json_text_set(object, "seen", json_text_string(e->seen[i]));
    return object;
}

/* The lines that decided, and what would change it. */
struct ruling_json {
    json_t *decided_by;
    json_t *change;
};

static void put_ruling(void *context, const char *sentence, bool is_change)
{
    const struct ruling_json *ruling = context;

    json_text_append(is_change ? ruling->change : ruling->decided_by, json_text_string(sentence));
}

void explanation_print_json(const struct explanation *e, FILE *out)
{
    json_t *document = json_text_object();
    json_t *steps = json_text_array();
    const struct advice *advice = explanation_advice(e);
    struct ruling_json ruling = {json_text_array(), json_text_array()};

    explanation_trace(e, put_ruling, &ruling);
    for (unsigned i = 0; i < JUDGE_STEPS; i++)
        json_text_append(steps, step_json(e, i));
    json_text_set(document, "question", question_json(&e->query.question));
    json_text_set(document, "payload", payload_json(&e->query));
    json_text_set(document, "now", json_text_number(e->query.judge.unix_now));
    json_text_set(document, "steps", steps);
    json_text_set(document, "verdict", json_text_string(verdict_name(explanation_verdict(e))));
    json_text_set(
            document, "reason", json_text_string(reason_name(e->query.judgement.answer.reason)));
    json_text_set(document, "would_be", json_text_string(reason_name(e->query.judgement.would_be)));
    json_text_set(document, "cause", json_text_string(e->query.judgement.cause));
    json_text_set(document, "why", json_text_string(advice != NULL ? advice->why : ""));
    json_text_set(document, "decided_by", ruling.decided_by);
    json_text_set(document, "change", ruling.change);
    json_text_set(document, "step", json_text_number(e->query.judgement.step));
    json_text_print(out, document);
}
