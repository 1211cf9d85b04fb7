// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_WHY_ROWS_H
#define VERIMAIL_COMMAND_WHY_ROWS_H

#include "command/record.h"
#include "config/config.h"

/* A row of a record, copied. */
#define WHY_COLUMNS_MAX 20
struct why_row {
    char *texts[WHY_COLUMNS_MAX];
    int64_t numbers[WHY_COLUMNS_MAX];
};
#define WHY_ROWS_MAX 4 /* of one query */
struct why_rows {
    struct why_row at[WHY_ROWS_MAX];
    size_t count;
};
void why_rows_free(struct why_rows *rows);

/* The columns of `mail`, and where they stand in a row. */
#define WHY_MAIL_COLUMNS                                                                           \
    "time, direction, action, would_be, verdict, reason, queue, message, author, login, ip, "      \
    "receiving, service, source, secure, lookup, stamp"
enum why_mail {
    WHY_TIME, /* of `event`, too */
    WHY_DIRECTION,
    WHY_ACTION,
    WHY_WOULD_BE,
    WHY_VERDICT,
    WHY_REASON,
    WHY_QUEUE,
    WHY_MESSAGE,
    WHY_AUTHOR,
    WHY_LOGIN,
    WHY_IP,
    WHY_RECEIVING,
    WHY_SERVICE,
    WHY_SOURCE,
    WHY_SECURE,
    WHY_LOOKUP,
    WHY_STAMP,
};
/* The same of `event`. */
#define WHY_EVENT_COLUMNS                                                                          \
    "time, verdict, reason, would_be, cause, \"user\", host, receiving, asker, stamp"
enum why_event {
    WHY_EVENT_VERDICT = WHY_TIME + 1,
    WHY_EVENT_REASON,
    WHY_EVENT_WOULD_BE,
    WHY_EVENT_CAUSE,
    WHY_EVENT_USER,
    WHY_EVENT_HOST,
    WHY_EVENT_RECEIVING,
    WHY_EVENT_ASKER,
    WHY_EVENT_STAMP,
};

/* Where the lines are that decided. */
struct why_place {
    const struct config *config;
    const char *path;
};

/* What the milter did, why, and the line to change, if it was the milter's own decision. */
void why_print_mail(const struct why_place *place, const struct why_row *mail);
/* What the service answered, why, and the line to change. `cached_at`: the message got the answer
 * later, from the cache, at this time (Unix milliseconds); 0: it did not. */
void why_print_event(const struct why_place *place, const struct why_row *event, int64_t cached_at);

#endif
