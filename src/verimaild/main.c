// SPDX-License-Identifier: ISC
#include "config/config.h"
#include "process/program.h"
#include "verimaild/verimaild.h"

int main(int argc, char **argv)
{
    static const struct program program = {
            .name = "verimaild",
            .config_path = CONFIG_PATH,
            .run = verimaild_run,
            .check = verimaild_check,
    };

    return program_main(&program, argc, argv);
}
