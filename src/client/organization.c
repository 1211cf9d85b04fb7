// SPDX-License-Identifier: ISC
#include "client/organization.h"

#include <libpsl.h>
#include <pthread.h>

#include "protocol/domain.h"

/* Public suffixes: the machine's list, or the one that libpsl was built with, whichever is newer. A
 * process has one, for as long as it runs. */
static const psl_ctx_t *public_suffixes;

static void organization_read_list(void)
{
    public_suffixes = psl_latest(NULL);
    if (public_suffixes == NULL)
        public_suffixes = psl_builtin();
}

void organization_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, organization_read_list);
}

struct text organization_of(struct text domain)
{
    char copy[DOMAIN_MAX + 1];
    struct writer w = writer_of(copy, sizeof copy);

    organization_load();
    writer_put(&w, domain);
    writer_char(&w, '\0');
    const char *registered = public_suffixes != NULL && !w.failed
                                     ? psl_registrable_domain(public_suffixes, copy)
                                     : NULL;
    const size_t skipped = registered != NULL ? (size_t)(registered - copy) : domain.len;
    return (struct text){domain.at + skipped, domain.len - skipped};
}
