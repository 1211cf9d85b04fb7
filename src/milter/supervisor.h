// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SUPERVISOR_H
#define VERIMAIL_MILTER_SUPERVISOR_H

/* The process that you start. It reads the files and keeps one worker running. At SIGHUP it sends
 * the worker a new configuration (design, section 7); at SIGTERM and SIGINT it stops the worker and
 * itself. It talks to nothing but the worker. */

/* Returns the exit status. */
int milter_run(const char *config_path);

#endif
