// SPDX-License-Identifier: ISC
#include "config/config.h"

#include <stdlib.h>
#include <strings.h>

#include "config/section.h"

void config_free(struct config **config)
{
    /* The root is a section like the others, with no options of its own. */
    static const struct option no_options[] = {{NULL}};
    static const struct section root = {
            .options = no_options, .size = sizeof(struct config), .within = sections};

    if (*config == NULL)
        return;
    section_clear(&root, *config);
    free(*config);
    *config = NULL;
}

const struct config_host *config_host(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->hosts_count; i++) {
        const struct config_host *host = &config->hosts[i];
        /* A wrong name is not there while the rest of the file is checked. */
        if (host->name.at != NULL && strcasecmp(host->name.at, name) == 0)
            return host;
    }
    return NULL;
}
