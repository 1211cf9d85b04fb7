// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_COUNTERS_H
#define VERIMAIL_EVENTS_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "client/client_counts.h"
#include "events/mail_event.h"
#include "protocol/verdict.h"

#define COUNTERS_LATENCIES 12
#define COUNTERS_KEYS_MAX 64
#define COUNTERS_MILTERS_MAX 16

/* The counters that operators watch, in memory that the processes of a daemon share. The
 * supervisor makes it before the first fork. It outlives all other processes, and so reloads. All
 * are counts since the start unless they say otherwise. Add with counters_add(). */
enum counter_alarm {
    COUNTER_ALARM_FORGERIES,
    COUNTER_ALARM_TEXTS,
    COUNTER_ALARM_REPLAY,
    COUNTER_ALARM_USERS,
    COUNTER_ALARM_EVENTS,
    COUNTER_ALARM_KEY,
    COUNTER_ALARM_HOST,
    COUNTER_ALARM_SENDING,
    COUNTER_ALARM_CLOCK,
    COUNTER_ALARMS,
};

/* Bucket i counts what took at most counters_latency[i] milliseconds and no earlier bucket counts.
 * The last bucket counts the rest. */
struct counters_latency {
    _Atomic uint64_t buckets[COUNTERS_LATENCIES + 1];
    _Atomic uint64_t sum; /* milliseconds */
};

struct counter_key {
    char host[256];
    char id[17];    /* hexadecimal */
    uint64_t since; /* Unix seconds of the pair's first use here; 0: an unused entry */
};

/* Those of one section of verimail-milter. All members from `messages` on are counts. */
struct counters_mail {
    char name[33]; /* of the section */
    /* Messages by direction, verdict, and action. */
    _Atomic uint64_t
            messages[MAIL_DIRECTION_OUT + 1][VERDICT_PERMERROR + 1][MAIL_ACTION_DEFERRED + 1];
    struct counters_latency latency; /* from the end of the message to the decision */
    _Atomic uint64_t sessions;       /* at present */
    _Atomic uint64_t sessions_refused;
    struct client_counts client;
};

struct counters {
    /* Answered questions by verdict (YES, NO, ALLOW) and reason. */
    _Atomic uint64_t questions[VERDICT_ALLOW + 1][REASON_REFUSED + 1];
    _Atomic uint64_t malformed;
    _Atomic uint64_t unanswered;
    _Atomic uint64_t left_out;       /* of log and record, because too many like them came */
    struct counters_latency latency; /* from accept to answer */
    _Atomic uint64_t replay_failures;
    _Atomic uint64_t replay_entries; /* at present */
    _Atomic uint64_t replay_bytes;   /* at present */
    _Atomic uint64_t events_recorded;
    _Atomic uint64_t events_dropped;
    /* What recorders that ended could not write into the record: the next one does. These are the
     * only ones that are set back. */
    _Atomic uint64_t gap_lost;
    _Atomic uint64_t gap_left_out;
    _Atomic uint64_t workers_restarted;
    _Atomic uint64_t recorders_restarted;
    _Atomic uint64_t alarms[COUNTER_ALARMS];
    _Atomic uint64_t keys_changed;              /* odd while the supervisor writes the keys */
    struct counter_key keys[COUNTERS_KEYS_MAX]; /* the supervisor's to write */
    struct counters_mail mail[COUNTERS_MILTERS_MAX]; /* of each section `milter` */
};

extern const uint32_t counters_latency[COUNTERS_LATENCIES]; /* milliseconds, ascending */
extern const char *const counters_alarm[COUNTER_ALARMS];    /* "forgeries" ... */

/* Allocates shared memory, all zero. `*fd_r` is its descriptor, the caller's to close; `fd_r` may
 * be NULL. counters_attach() takes the descriptor over, in another program. NULL with errno. */
struct counters *counters_init(int *fd_r);
struct counters *counters_attach(int fd);
void counters_free(struct counters **counters);

static inline void counters_add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}
void counters_note_latency(struct counters_latency *latency, uint64_t milliseconds);
void counters_note(
        struct counters *counters, enum verdict verdict, enum reason reason, uint64_t milliseconds);

#endif
