// SPDX-License-Identifier: ISC
#include "process/program.h"

#include <getopt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "version.h"

static void program_usage(const struct program *program, FILE *out)
{
    fprintf(out,
            "usage: %s [-t] [-c FILE]\n"
            "  -c, --config FILE   read FILE instead of %s\n"
            "  -t, --test          check the configuration and the keys, and exit\n"
            "  -h, --help          this text\n"
            "  -V, --version       the version\n",
            program->name, program->config_path);
}

static int program_start(const struct program *program, const char *config_path, bool only_check)
{
    umask(077);
    log_init();
    if (sodium_init() < 0) {
        log_event(LOG_LEVEL_ERROR, "not-started", "error", "libsodium does not start");
        return EXIT_FAILURE;
    }
    return only_check ? program->check(config_path) : program->run(config_path);
}

int program_main(const struct program *program, int argc, char **argv)
{
    static const struct option options[] = {
            {"config", required_argument, NULL, 'c'},
            {"test", no_argument, NULL, 't'},
            {"help", no_argument, NULL, 'h'},
            {"version", no_argument, NULL, 'V'},
            {0},
    };
    const char *path = program->config_path;
    bool only_check = false;

    for (int option; (option = getopt_long(argc, argv, "c:thV", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 't':
            only_check = true;
            break;
        case 'h':
            program_usage(program, stdout);
            return EXIT_SUCCESS;
        case 'V':
            printf("%s %s\n", program->name, VERSION);
            return EXIT_SUCCESS;
        default:
            program_usage(program, stderr);
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument: %s\n", program->name, argv[optind]);
        program_usage(program, stderr);
        return EXIT_FAILURE;
    }
    return program_start(program, path, only_check);
}
