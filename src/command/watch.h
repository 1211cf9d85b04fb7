// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_WATCH_H
#define VERIMAIL_COMMAND_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "command/command.h"
#include "events/store.h"
#include "protocol/address.h"
#include "protocol/domain.h"

/* What `verimail watch` is made of: which rows (watch_filter.c), how they look (watch_line.c), and
 * in which order (watch_queue.c). */

struct watch_line_look {
    unsigned width; /* columns; what does not fit continues on the next line */
    bool colour;
    bool as_json; /* an object in one line instead */
};

/* How the rows of a table are shown. */
struct watch_line_kind {
    const struct record_kind *kind;
    const char *columns; /* in SQL; the first is the id, the second the time */
    size_t count;
    const char *user; /* SQL: the column with the user or author */
    void (*print)(
            const struct eventstore_value *values, const struct watch_line_look *look, FILE *out);
    void (*print_json)(const struct eventstore_value *values, FILE *out);
};

extern const struct watch_line_kind watch_line_events;
extern const struct watch_line_kind watch_line_mail;

/* Prints a row. Texts from strangers are escaped. */
void watch_line_print(const struct watch_line_kind *kind, const struct eventstore_value *values,
        const struct watch_line_look *look, FILE *out);

#define WATCH_FILTER_SQL_MAX 512

/* Selects the events to show. */
struct watch_filter {
    char verdicts[96]; /* an SQL condition; "": all */
    char domain[DOMAIN_MAX + 1];
    char user[ADDRESS_MAX + 2]; /* ends with @ if it is a local part */
};

/* Reads the options' values; NULL where there is none. False after a complaint. */
bool watch_filter_take(const struct invocation *invocation, const char *verdicts,
        const char *domain, const char *user, struct watch_filter *filter_r);
/* The conditions for rows of this kind, and their parameters from $3 on. Returns how many. */
size_t watch_filter_conditions(const struct watch_filter *filter,
        const struct watch_line_kind *kind, char sql_r[WATCH_FILTER_SQL_MAX],
        struct eventstore_value parameters_r[2]);

/* Lines on their way to the output. They come in the order of recording, from several records, and
 * go in the order of time: a line waits for WATCH_QUEUE_HOLD, so that an earlier one that is
 * recorded later still goes first. */

#define WATCH_QUEUE_HOLD 1000 /* milliseconds */

struct watch_queue {
    struct watch_queue_line *lines;
    size_t count;
    size_t size;
    uint64_t taken; /* lines that ever came */
};

void watch_queue_free(struct watch_queue *queue);
/* Adds a line of an event; takes ownership of `text`. `time`: of the event, `now`: both in Unix
 * milliseconds. False when out of memory: the line is lost. */
bool watch_queue_add(struct watch_queue *queue, char *text, uint64_t time, uint64_t now)
        __attribute__((warn_unused_result));
/* Drops all but the latest `most` lines. */
void watch_queue_keep(struct watch_queue *queue, size_t most);
/* Writes the lines that waited long enough, and those that are older than the hold anyway. */
void watch_queue_write(struct watch_queue *queue, uint64_t now, FILE *out);

#endif
