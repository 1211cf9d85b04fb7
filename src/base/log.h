// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_LOG_H
#define VERIMAIL_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define LOG_LINE_MAX 2048 /* octets of a line; a longer value is cut and ends in `...` */

/* As syslog(3) numbers them, which is what the journal takes. */
enum log_level {
    LOG_LEVEL_ALARM = 1, /* somebody should look now */
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
};

enum log_format {
    LOG_FORMAT_TEXT, /* key=value */
    LOG_FORMAT_JSON,
};

/* Lines go to standard error, and so to the journal where that is what it is (JOURNAL_STREAM; lines
 * then begin with their priority and carry no time). Octets that are not printable ASCII are
 * escaped. Writing never waits: what cannot be written now is kept up to a limit, then dropped and
 * counted, and the count is logged as soon as that is possible. Any thread may log, and configure
 * the log: a line that was begun keeps its format. All else is set while there is one thread. */
void log_init(void); /* once more where standard error has become another */
void log_configure(enum log_level least, enum log_format format);
/* A name and a value that each line has behind its event from now on; borrowed. */
void log_tag(const char *name, const char *value);
/* In a child: what is kept is its parent's to write. */
void log_after_fork(void);

/* Whether lines are kept for a moment, so that a busy worker writes many at once. Off at the
 * start. */
void log_buffer(bool on);
/* Writes what has been kept for long enough, or is enough for one write. `now`: milliseconds. */
void log_tick(uint64_t now);
void log_flush(void);
/* Milliseconds after which log_tick() should be called again: -1 when all is written. */
int log_pending(void);

/* One line, put together piece by piece; a line that is not wanted costs next to nothing. Names
 * are our own words; values may be anybody's. */
struct log_line {
    bool wanted;
    bool json;
    bool named; /* something stands before the next name */
    bool cut;
    struct writer out;
    char buffer[LOG_LINE_MAX];
};

void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_text(struct log_line *line, const char *name, struct text value);
void log_string(struct log_line *line, const char *name, const char *value);
void log_number(struct log_line *line, const char *name, uint64_t value);
void log_end(struct log_line *line);

/* A line with one value, or none when `name` is NULL. */
void log_event(enum log_level level, const char *event, const char *name, const char *value);
/* A line with what failed and strerror(errno). */
void log_errno(enum log_level level, const char *event, const char *name, const char *value);

bool log_level_find(const char *name, enum log_level *level_r);

#endif
