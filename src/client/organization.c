// SPDX-License-Identifier: ISC
#include "client/organization.h"

#include <libpsl.h>
#include <pthread.h>
#include <stddef.h>

#include "protocol/domain.h"

/* The machine's list, or the one that libpsl was built with, whichever is newer. A process has
 * one, for as long as it runs. */
static const psl_ctx_t *list;

static void client_organization_load(void)
{
    list = psl_latest(NULL);
    if (list == NULL)
        list = psl_builtin();
}

void organization_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, client_organization_load);
}

struct text organization_of(struct text domain)
{
    char copy[DOMAIN_MAX + 1];
    struct writer w = writer_of(copy, sizeof copy);

    organization_load();
    writer_put(&w, domain);
    writer_char(&w, '\0');
    const char *registered = list != NULL && !w.failed ? psl_registrable_domain(list, copy) : NULL;
    const size_t skipped = registered != NULL ? (size_t)(registered - copy) : domain.len;
    return (struct text){domain.at + skipped, domain.len - skipped};
}
