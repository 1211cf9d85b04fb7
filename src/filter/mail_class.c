// SPDX-License-Identifier: ISC
#include "filter/mail_class.h"

const char *mail_class_name(enum mail_class trust)
{
    static const char *const names[] = {
            [MAIL_CLASS_INBOUND] = "stranger",
            [MAIL_CLASS_AUTHENTICATED] = "authenticated",
            [MAIL_CLASS_SUBMISSION] = "submitted",
            [MAIL_CLASS_RELAYED] = "relayed",
    };

    return names[trust];
}

static bool contains(struct text t, struct text part)
{
    for (size_t i = 0; i + part.len <= t.len; i++)
        if (text_equal((struct text){t.at + i, part.len}, part))
            return true;
    return false;
}

/* (from root@localhost) by host.example.org (8.17.1.9/8.17.1.9/Submit) id ...; */
bool mail_class_is_submission(struct text received)
{
    const struct text value = text_trim(received);

    return text_starts_with_fold(value, text_of("(from ")) &&
           contains(value, text_of("/Submit) id "));
}
