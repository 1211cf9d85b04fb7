// SPDX-License-Identifier: ISC
#include "command/json_text.h"

#include <stdlib.h>

#include "base/memstream.h"
#include "command/command.h"
#include "command/escape.h"

static void *or_end(void *made)
{
    if (made == NULL) {
        fputs("verimail: out of memory\n", stderr);
        exit(STATUS_FAILURE);
    }
    return made;
}

json_t *json_text_object(void)
{
    return or_end(json_object());
}

json_t *json_text_array(void)
{
    return or_end(json_array());
}

static json_t *json_text_escaped(struct text t)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = or_end(open_memstream(&text, &len));

    escape_put(out, t);
    if (!memstream_close(out, &text))
        or_end(NULL);
    json_t *made = json_stringn(text, len);
    free(text);
    return made;
}

json_t *json_text_of(struct text t)
{
    json_t *made = json_stringn(t.len > 0 ? t.at : "", t.len);

    return or_end(made != NULL ? made : json_text_escaped(t));
}

json_t *json_text_string(const char *zero_terminated)
{
    return json_text_of(text_of(zero_terminated));
}

json_t *json_text_number(uint64_t number)
{
    char buffer[TEXT_DECIMAL_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    if (number <= INT64_MAX)
        return or_end(json_integer((json_int_t)number));
    writer_decimal(&w, number);
    return json_text_of(writer_text(&w));
}

void json_text_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        or_end(NULL);
}

void json_text_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        or_end(NULL);
}

static void command_json_text_print(FILE *out, json_t *document, size_t form)
{
    char *text = or_end(json_dumps(document, form | JSON_ENSURE_ASCII));

    /* DEL is the only control octet that jansson does not escape. */
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\x7f')
            fputs("\\u007f", out);
        else
            fputc(*at, out);
    }
    fputc('\n', out);
    free(text);
    json_decref(document);
}

void json_text_print(FILE *out, json_t *document)
{
    command_json_text_print(out, document, JSON_INDENT(2));
}

void json_text_print_line(FILE *out, json_t *document)
{
    command_json_text_print(out, document, 0);
}
