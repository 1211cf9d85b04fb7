// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_SUPERVISOR_H
#define VERIMAIL_VERIMAILD_SUPERVISOR_H

/* Runs the service by the configuration at `path` until SIGTERM or SIGINT. SIGHUP reloads it.
 * Returns the exit status. */
int verimaild_run(const char *path);

/* Reads and checks everything that a start would, but the addresses: what is wrong goes to
 * standard error. Returns the exit status. */
int verimaild_check(const char *path);

#endif
