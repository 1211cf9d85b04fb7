// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SIGNALS_H
#define VERIMAIL_PROCESS_SIGNALS_H

/* For a supervisor: from now on SIGHUP, SIGTERM, SIGINT and SIGCHLD are read from the descriptor
 * that this returns, as signalfd(2) has them. SIGPIPE and SIGXFSZ are ignored: what they tell of is
 * an error of the call. -1 with errno. */
int signals_open(void);

/* In a child of it: nothing is blocked any more, and what would end it is ignored. The supervisor
 * alone tells it to stop; a terminal or systemd may signal the whole group. */
void signals_leave(void);

#endif
