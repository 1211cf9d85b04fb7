// SPDX-License-Identifier: ISC
#include "config/configfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/parser.h"
#include "config/source.h"

/* What is not given lies in the state folder. */
static bool set_in_state(struct config_text *text, const char *scheme,
        const struct config_text *state, const char *name)
{
    return text->at != NULL || asprintf(&text->at, "%s%s/%s", scheme, state->at, name) >= 0;
}

static bool configfile_complete(struct config *config)
{
    struct config_service *service = config->service;

    return service == NULL ||
           (set_in_state(&service->replay, "lmdb:", &service->state, "replay") &&
                   set_in_state(&service->events, "sqlite:", &service->state, "events.db"));
}

/* Of a text that was made ready; frees it. `before`: problems that others had. NULL: it was not to
 * be had, and `problems` says why. */
static struct config *configfile_make(char *text, size_t before, struct problems *problems)
{
    struct config *config = text != NULL ? reading_do(text, problems) : NULL;

    free(text);
    if (config != NULL)
        check_config(config, problems);
    if (problems_count(problems) > before)
        config_free(&config);
    if (config != NULL && !configfile_complete(config)) {
        problems_add(problems, 0, "out of memory", NULL, NULL);
        config_free(&config);
    }
    return config;
}

struct config *configfile_read(const char *path, struct problems *problems)
{
    const size_t before = problems_count(problems);

    return configfile_make(source_read(path, problems), before, problems);
}

struct config *configfile_parse(const char *text, size_t len, struct problems *problems)
{
    const size_t before = problems_count(problems);
    char *copy = len <= SOURCE_MAX ? malloc(len + 1) : NULL;

    if (copy == NULL) {
        problems_add(problems, 0, len <= SOURCE_MAX ? "out of memory" : "it is too long", NULL,
                len <= SOURCE_MAX ? NULL : "at most 64 MiB");
        return NULL;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (!source_prepare(copy, len, problems)) {
        free(copy);
        copy = NULL;
    }
    return configfile_make(copy, before, problems);
}
