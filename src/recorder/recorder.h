// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_RECORDER_H
#define VERIMAIL_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "events/counters.h"
#include "events/ring.h"
#include "process/identity.h"

/* What the parent says to a recorder, an octet each; the end of the socket means RECORDER_STOP. */
enum recorder_order {
    RECORDER_STOP = 's',      /* all workers have ended: record what is left, mark the store of
                               * replay counts as whole, and end */
    RECORDER_HAND_OVER = 'h', /* the same, but others go on counting */
};

/* Everything a recorder is given at its fork; all of it borrowed. */
struct recorder_setup {
    const struct config_service *service; /* events, events_keep, events_ip, alarm_forgeries, replay */
    const struct identity *identity;
    int control;
    int metrics; /* a listening socket, or -1 */
    struct counters *counters;
    struct ring *const *rings; /* of the generation's workers */
    size_t rings_count;
};

/* The third process of design section 9: records events, shows the counters, raises alarms about
 * forgeries and about its store, and writes the replay counts to the disk. It may be slow and may
 * die; workers never notice. Returns the exit status. */
int recorder_run(const struct recorder_setup *setup);

#endif
