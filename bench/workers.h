// SPDX-License-Identifier: ISC
#ifndef BENCH_WORKERS_H
#define BENCH_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

/* One way to serve; a bare server is a table of these. */
struct workers_form {
    const char *name;
    bool defer_accept;           /* listen with TCP_DEFER_ACCEPT */
    void (*serve)(int listener); /* a worker's whole life; a return is a failure */
};

/*
 * The main() of a bare server: `PROGRAM FORM [WORKERS]`. Opens one SO_REUSEPORT socket per worker
 * on a port of the kernel's choice, forks the workers, prints `port=N` and sleeps until it is
 * killed, which ends the workers too. Returns an exit status: 2 for a wrong command line, 1 if a
 * worker died.
 */
int workers_main(int argc, char **argv, const struct workers_form *forms, size_t count);

#endif
