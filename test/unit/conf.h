// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_CONF_H
#define VERIMAIL_TEST_CONF_H

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/problems.h"

/* Reads the text of a configuration file as config_read() does. A configuration with problems is
 * kept, too. */
struct conf {
    struct config *config;
    struct problems *problems;
};

static inline struct conf conf_of(const char *text)
{
    struct conf conf = {.problems = problems_init("f")};

    if (conf.problems == NULL)
        abort();
    conf.config = config_parse(text, strlen(text), conf.problems);
    if (conf.config == NULL)
        abort();
    config_check(conf.config, conf.problems);
    return conf;
}

static inline void conf_free(struct conf *conf)
{
    config_free(&conf->config);
    problems_free(&conf->problems);
}

#endif
