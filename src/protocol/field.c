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
        [FIELD_MAIL_FOLLOWUP_TO] = NAME("mail-followup-to"),
        [FIELD_MAIL_REPLY_TO] = NAME("mail-reply-to"),
        [FIELD_TO] = NAME("to"),
        [FIELD_CC] = NAME("cc"),
        [FIELD_SUBJECT] = NAME("subject"),
        [FIELD_DATE] = NAME("date"),
        [FIELD_MESSAGE_ID] = NAME("message-id"),
        [FIELD_IN_REPLY_TO] = NAME("in-reply-to"),
        [FIELD_REFERENCES] = NAME("references"),
        [FIELD_MIME_VERSION] = NAME("mime-version"),
        [FIELD_CONTENT_TYPE] = NAME("content-type"),
        [FIELD_CONTENT_TRANSFER_ENCODING] = NAME("content-transfer-encoding"),
        [FIELD_CONTENT_DISPOSITION] = NAME("content-disposition"),
        [FIELD_CONTENT_ID] = NAME("content-id"),
        [FIELD_CONTENT_LOCATION] = NAME("content-location"),
        [FIELD_LIST_POST] = NAME("list-post"),
        [FIELD_LIST_UNSUBSCRIBE] = NAME("list-unsubscribe"),
        [FIELD_LIST_UNSUBSCRIBE_POST] = NAME("list-unsubscribe-post"),
        [FIELD_DISPOSITION_NOTIFICATION_TO] = NAME("disposition-notification-to"),
        [FIELD_AUTOCRYPT] = NAME("autocrypt"),
        [FIELD_RESENT_FROM] = NAME("resent-from"),
        [FIELD_RESENT_SENDER] = NAME("resent-sender"),
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
    field_measure(&field, name);
    return field;
}

static bool field_has_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] > '~' || name.at[i] == ':')
            return false;
    return name.len > 0;
}

bool field_is_well_formed(const struct field *field)
{
    struct text rest = field->value;

    while (rest.len > 0) {
        const char *lf = memchr(rest.at, '\n', rest.len);
        if (lf == NULL)
            break;
        rest = (struct text){lf + 1, rest.len - (size_t)(lf + 1 - rest.at)};
        if (rest.len == 0 || (rest.at[0] != ' ' && rest.at[0] != '\t'))
            return false;
    }
    return field_has_name(field->name);
}

/* `column`: the octets that its first line has before `t`. Returns those of its last line. */
static size_t field_measure_lines(struct field *field, size_t column, struct text t)
{
    for (;;) {
        const char *lf = t.len > 0 ? memchr(t.at, '\n', t.len) : NULL;
        struct text line = {t.at, lf != NULL ? (size_t)(lf - t.at) : t.len};
        t = (struct text){line.at + line.len + 1, t.len - line.len - 1};
        if (lf != NULL && line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        if (line.len > 0 && memchr(line.at, '\r', line.len) != NULL)
            field->has_bare_cr = true;
        if (column + line.len > field->longest_line)
            field->longest_line = column + line.len;
        if (lf == NULL)
            return column + line.len;
        column = 0;
    }
}

void field_measure(struct field *field, struct text before_colon)
{
    const size_t column = field_measure_lines(field, 0, before_colon);

    (void)field_measure_lines(field, column + strlen(":"), field->value);
}
