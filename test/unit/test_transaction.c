// SPDX-License-Identifier: ISC
#include "exact.h"
#include "filter/mail_class.h"
#include "unit.h"

TEST(submission)
{
    static const struct {
        const char *received;
        bool want;
    } table[] = {
            {" (from root@localhost)\n\tby a.example.org (8.17.1.9/8.17.1.9/Submit) id 3AOKx01;\n"
             "\tTue, 24 Nov 2026 01:00:00 GMT",
                    true},
            {"(from root@localhost) by a.example.org (8.17.1.9/8.17.1.9/Submit) id 3AOKx01", true},
            {"(from root@localhost) by a.example.org (8.17.1.9/8.17.1.9) id 3AOKx01", false},
            {" from b.example by a.example.org (8.17.1.9/8.17.1.9/Submit) id 3AOKx01", false},
            {" from x (from y) by a.example.org (8.17.1.9/8.17.1.9/Submit) id 3AOKx01", false},
            {"", false},
            {"(from", false},
            {"(from ", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text received = exact_copy(text_of(table[i].received));
        const bool got = mail_class_is_submission(received);
        exact_free(received);
        if (got == table[i].want)
            continue;
        print_error("\"%s\": got %d, want %d\n", table[i].received, got, table[i].want);
        fail();
    }
}
