// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SUPERVISOR_H
#define VERIMAIL_MILTER_SUPERVISOR_H

/* The process that starts: it reads the configuration, keeps one milter process running, hands it a
 * new configuration at SIGHUP (design, section 7), and ends with it at SIGTERM or SIGINT. It never
 * talks to anybody else. */

/* Both return what the program ends with. */
int milter_run(const char *config_path);
/* -t: reads and checks everything, and says what is wrong. */
int milter_check(const char *config_path);

#endif
