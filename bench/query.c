// SPDX-License-Identifier: ISC
/* One question in a loop, from its line to its answer and its line in the log, without a network:
 * what is left of a question's cost when the connection is taken away. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "verimaild/query.h"
#include "verimaild/stats.h"

static struct service *make_service(const char *path, struct problems *problems)
{
    struct config *config = config_read(path, problems);

    if (config == NULL || config->service == NULL)
        return NULL;
    return service_init(config, problems); /* which borrows from it for as long as we run */
}

static uint64_t ask(const struct service *service, struct text line, uint64_t count)
{
    static const unsigned char seed[16];
    struct ration *ration = ration_init(1, seed);
    struct question_log log;
    struct endpoint source;
    const uint64_t begin = mono_us();

    if (ration == NULL || !endpoint_parse("192.0.2.1:4711", &source))
        abort();
    question_log_init(&log, ration);
    for (uint64_t i = 0; i < count; i++) {
        char buffer[ANSWER_MAX];
        struct writer w = writer_of(buffer, sizeof buffer);
        struct query query;
        query_read(service, line, &query);
        query_open(service, NULL, 0, unix_now(), &query);
        if (judge_begin(&query.judge, &query.judgement) == JUDGE_COUNT)
            judge_counted(&query.judgement, REPLAY_SKIPPED);
        if (!query_answer(&query, &w))
            abort();
        (void)question_log_answered(&log, &query, &source, 0, i);
        log_tick(i);
        if (i == 0)
            printf("answer: %.*s", (int)writer_text(&w).len, buffer);
    }
    ration_free(&ration);
    return mono_us() - begin;
}

int main(int argc, char **argv)
{
    char line[QUESTION_MAX + 1];
    struct problems *problems = argc == 3 ? problems_init(argv[1]) : NULL;
    uint64_t count = 0;

    if (problems == NULL || !text_decimal(text_of(argv[2]), 100000000, &count) || count == 0) {
        fputs("usage: query CONFIG COUNT <QUESTION\n", stderr);
        return 2;
    }
    if (sodium_init() < 0 || fgets(line, sizeof line, stdin) == NULL)
        return 1;
    log_init();
    log_buffer(true);
    struct service *service = make_service(argv[1], problems);
    if (service == NULL) {
        fputs(problems_text(problems), stderr);
        return 1;
    }
    printf("%.3f us each\n", (double)ask(service, text_of(line), count) / (double)count);
    return 0;
}
