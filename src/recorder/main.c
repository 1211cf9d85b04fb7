// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "recorder/recorder.h"
#include "version.h"

/* Threads that hang at the end still use the setup. */
static struct recorder_setup setup;

int main(int argc, char **argv)
{
    const char *argument = argc == 2 ? argv[1] : "";
    char error[RECORDER_ERROR_MAX];

    if (strcmp(argument, "-V") == 0 || strcmp(argument, "--version") == 0) {
        printf("verimail-recorder " VERSION "\n");
        return EXIT_SUCCESS;
    }
    umask(077);
    log_init();
    if (sodium_init() < 0) {
        log_event(LOG_LEVEL_ERROR, "recorder-failed", "error", "libsodium does not start");
        return EXIT_FAILURE;
    }
    if (!recorder_take_setup(argument, &setup, error)) {
        log_event(LOG_LEVEL_ERROR, "recorder-failed", "error", error);
        return EXIT_FAILURE;
    }
    log_configure(setup.log_level, setup.log_format);
    const int status = recorder_run(&setup);
    _exit(status); /* without the exit handlers: threads may still run */
}
