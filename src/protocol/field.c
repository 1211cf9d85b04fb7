// SPDX-License-Identifier: ISC
#include "protocol/field.h"

static const struct text names[] = {
#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
        [FIELD_FROM] = NAME("from"),
        [FIELD_SENDER] = NAME("sender"),
        [FIELD_REPLY_TO] = NAME("reply-to"),
        [FIELD_TO] = NAME("to"),
        [FIELD_CC] = NAME("cc"),
        [FIELD_SUBJECT] = NAME("subject"),
        [FIELD_DATE] = NAME("date"),
        [FIELD_MESSAGE_ID] = NAME("message-id"),
        [FIELD_MIME_VERSION] = NAME("mime-version"),
        [FIELD_CONTENT_TYPE] = NAME("content-type"),
        [FIELD_CONTENT_TRANSFER_ENCODING] = NAME("content-transfer-encoding"),
        [FIELD_VERIMAIL] = NAME("verimail"),
        [FIELD_AUTHENTICATION_RESULTS] = NAME("authentication-results"),
        [FIELD_RECEIVED] = NAME("received"),
#undef NAME
};

enum field_name field_name_of(struct text name)
{
    for (size_t i = FIELD_OTHER + 1; i < sizeof names / sizeof *names; i++)
        if (names[i].len == name.len && text_equal_fold(names[i], name))
            return (enum field_name)i;
    return FIELD_OTHER;
}

const char *field_name_text(enum field_name name)
{
    return names[name].at;
}

struct field field_of(struct text name, struct text value)
{
    struct field field = {.name = name, .value = value, .len = name.len + 1 + value.len + 2};

    while (field.name.len > 0 && text_is_white(field.name.at[field.name.len - 1]))
        field.name.len--;
    field.space_before_colon = field.name.len < name.len;
    field.known = field_name_of(field.name);
    return field;
}
