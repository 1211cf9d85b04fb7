// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_PROGRAM_H
#define VERIMAIL_PROCESS_PROGRAM_H

/* A daemon as it is called: what its options are, and what they lead to. */
struct program {
    const char *name;
    const char *config_path; /* unless -c names another */
    /* Both are given the path of the configuration and return the exit status. */
    int (*run)(const char *config_path);
    int (*check)(const char *config_path); /* -t */
};

/* All that main() does. The log is open and libsodium is ready before `run` or `check`. */
int program_main(const struct program *program, int argc, char **argv);

#endif
