// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_PROGRAM_H
#define VERIMAIL_PROCESS_PROGRAM_H

/* The command line of a daemon: its options, and what they lead to. */
struct program {
    const char *name;
    const char *config_path; /* unless -c names another */
    /* Both take the path of the configuration and return the exit status. It is EX_CONFIG
     * (sysexits.h) when the configuration, or a file that it names, cannot be used: the systemd
     * units do not try that again. */
    int (*run)(const char *config_path);
    int (*check)(const char *config_path); /* -t */
};

/* What main() does. The log is open and libsodium is ready before `run` or `check`. */
int program_main(const struct program *program, int argc, char **argv);

#endif
