// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_RECORDER_H
#define VERIMAIL_RECORDER_RECORDER_H

#include "events/recorder_setup.h"

/* Runs the recorder process (design, section 9). It records events, serves the counters, raises
 * alarms about forgeries and its store, and writes replay counts to the disk. If it is slow or
 * dies, workers are not affected. Returns the exit status. */
int recorder_run(const struct recorder_setup *setup);

#endif
