// SPDX-License-Identifier: ISC
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "config/config.h"
#include "milter/supervisor.h"

static const char usage[] = "usage: verimail-milter [-t] [-c FILE]\n"
                            "  -c, --config FILE   read FILE instead of " CONFIG_PATH "\n"
                            "  -t, --test          check the configuration and the keys, and end\n"
                            "  -h, --help          this text\n"
                            "  -V, --version       the version\n";

int main(int argc, char **argv)
{
    static const struct option options[] = {
            {"config", required_argument, NULL, 'c'},
            {"test", no_argument, NULL, 't'},
            {"help", no_argument, NULL, 'h'},
            {"version", no_argument, NULL, 'V'},
            {0},
    };
    const char *path = CONFIG_PATH;
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
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case 'V':
            puts("verimail-milter " VERSION);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "verimail-milter: unexpected argument: %s\n%s", argv[optind], usage);
        return EXIT_FAILURE;
    }
    umask(077);
    log_init();
    if (sodium_init() < 0) {
        log_event(LOG_LEVEL_ERROR, "not-started", "error", "libsodium does not start");
        return EXIT_FAILURE;
    }
    return only_check ? supervisor_check(path) : supervisor_run(path);
}
