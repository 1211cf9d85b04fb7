// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No milter answers at this place. */
static void fuzz_start(struct mail *mail)
{
    mail_judge(mail, "unix:/nonexistent/socket");
    filter_judged(mail);
}

/* What is written is whole lines of the protocol. */
static void check_output(void)
{
    static const char *const kinds[] = {"register|", "filter-dataline|", "filter-result|"};
    const char *output;
    size_t len;

    while ((output = filter_output(&len)), len > 0) {
        bool is_known = false;
        const char *end = memchr(output, '\n', len);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            is_known = is_known || strncmp(output, kinds[i], strlen(kinds[i])) == 0;
        if (end == NULL || !is_known)
            abort();
        filter_written((size_t)(end - output) + 1);
    }
}

/* The input is what smtpd says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *const end = at + size;

    filter_open(fuzz_start);
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL)
            line_end = end;
        filter_line(at, (size_t)(line_end - at), false);
        check_output();
        at = line_end + 1;
    }
    filter_close();
    return 0;
}
