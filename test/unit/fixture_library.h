// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_LIBRARY_H
#define VERIMAIL_TEST_FIXTURE_LIBRARY_H

#include <stdlib.h>
#include <string.h>
#include <verimail.h>

#include "exact.h"
#include "unit.h"
#include "vectors.h"

/* What the tests of libverimail share. They know the library by its header alone, and link nothing
 * else of Verimail. Of the core they see only struct text, in which the vectors come. */

static const char host_key[] = "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk";
static const char service_key[] = "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv";
static const char some_digest[] = "69xd8t3WQXJToPcjzYveIj8cmA5FSwn7euieZeKhK4o";
static const struct verimail_recipients one_recipient = {"example.net", 1};

#define ISSUED 1767225600

static inline bool is(struct text t, const char *zero_terminated)
{
    return t.len == strlen(zero_terminated) && memcmp(t.at, zero_terminated, t.len) == 0;
}

/* A value of the present record, or NULL. The caller frees it. */
static inline char *word(const struct vectors *v, const char *name)
{
    if (!vectors_has(v, name))
        return NULL;
    const struct text t = vectors_get(v, name);
    char *copy = strndup(t.at, t.len);
    assert_non_null(copy);
    return copy;
}

/* `line`: where `what` is, in a file or a table. */
static inline void check_result(
        const char *what, size_t line, enum verimail_result got, enum verimail_result want)
{
    if (got == want)
        return;
    print_error("%s:%zu: got \"%s\", want \"%s\"\n", what, line, verimail_result_text(got),
            verimail_result_text(want));
    fail();
}

static inline struct verimail_stamper *stamper_of(const char *host)
{
    struct verimail_stamper *stamper;

    check_result(host, 0, verimail_stamper_new(host, host_key, service_key, &stamper), VERIMAIL_OK);
    assert_non_null(stamper);
    return stamper;
}

#endif
