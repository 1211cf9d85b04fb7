// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SIGNALS_H
#define VERIMAIL_PROCESS_SIGNALS_H

/* For a supervisor: from now on SIGHUP, SIGTERM, SIGINT and SIGCHLD are read from the descriptor
 * that this returns, as signalfd(2) has them. SIGPIPE and SIGXFSZ are ignored: what they tell of is
 * an error of the call. Children inherit all that: only their supervisor tells them to stop, though
 * a terminal or systemd may signal the whole group. -1 with errno. */
int signals_open(void);

#endif
