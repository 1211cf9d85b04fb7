// SPDX-License-Identifier: ISC
#include "config/config.h"
#include "milter/candidate.h"
#include "milter/milter.h"
#include "process/program.h"

int main(int argc, char **argv)
{
    static const struct program program = {
            .name = "verimail-milter",
            .config_path = CONFIG_PATH,
            .run = milter_run,
            .check = candidate_test,
    };

    return program_main(&program, argc, argv);
}
