// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_CONF_H
#define VERIMAIL_TEST_CONF_H

#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/config.h"
#include "config/parser.h"
#include "config/problems.h"
#include "config/source.h"

/* What becomes of a configuration file's text, as configfile_read() does it, but a configuration
 * with problems is there to be looked at. */
struct conf {
    struct config *config;
    struct problems *problems;
};

static inline struct conf conf_of(const char *text)
{
    struct conf conf = {.problems = problems_init("f")};
    char *copy = strdup(text);

    if (conf.problems == NULL || copy == NULL)
        abort();
    if (source_prepare(copy, strlen(copy), conf.problems))
        conf.config = reading_do(copy, conf.problems);
    if (conf.config != NULL)
        check_config(conf.config, conf.problems);
    free(copy);
    return conf;
}

static inline void conf_free(struct conf *conf)
{
    config_free(&conf->config);
    problems_free(&conf->problems);
}

#endif
