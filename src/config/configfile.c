// SPDX-License-Identifier: ISC
#include "config/configfile.h"

#include <stdlib.h>

#include "config/check.h"
#include "config/reading.h"
#include "config/source.h"

struct config *configfile_read(const char *path, struct problems *problems)
{
    const size_t before = problems_count(problems);
    char *text = source_read(path, problems);
    struct config *config = text != NULL ? reading_do(text, problems) : NULL;

    free(text);
    if (config != NULL)
        check_config(config, problems);
    if (problems_count(problems) > before)
        config_free(&config);
    return config;
}
