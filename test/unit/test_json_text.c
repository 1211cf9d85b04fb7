// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "command/json_text.h"
#include "unit.h"

/* What is read back from what was printed. */
static json_t *reread(json_t *document, char **printed_r)
{
    json_error_t error;
    size_t len;
    FILE *out = open_memstream(printed_r, &len);

    assert_non_null(out);
    json_text_print(out, document);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < len; i++)
        assert_true((*printed_r)[i] == '\n' || ((*printed_r)[i] >= ' ' && (*printed_r)[i] < 0x7f));
    json_t *read = json_loads(*printed_r, JSON_ALLOW_NUL, &error);
    if (read == NULL) {
        print_error("%s: %s\n", *printed_r, error.text);
        fail();
    }
    return read;
}

TEST(every_octet_makes_valid_json)
{
    static const struct {
        const char *octets;
        size_t len;
        const char *wanted;
        size_t wanted_len;
    } table[] = {
            {"", 0, "", 0},
            {"plain \"\\", 8, "plain \"\\", 8},
            {"\0", 1, "\0", 1},
            {"\x1b\r\n\t\x01", 5, "\x1b\r\n\t\x01", 5},
            {"a\x7f", 2, "a\x7f", 2},
            {"\xc3\xa4", 2, "\xc3\xa4", 2},
            {"\xc2\x9b", 2, "\xc2\x9b", 2},
            {"\xff", 1, "\\xff", 4},
            {"\xc3", 1, "\\xc3", 4},
            {"\\\xff", 2, "\\x5c\\xff", 8},
            {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80", 12},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        json_t *document = json_text_object();
        char *printed = NULL;
        json_text_set(document, "key", json_text_of((struct text){table[i].octets, table[i].len}));
        json_t *read = reread(document, &printed);
        const json_t *value = json_object_get(read, "key");
        const struct text got = {json_string_value(value), json_string_length(value)};
        if (!text_equal(got, (struct text){table[i].wanted, table[i].wanted_len})) {
            print_error("row %zu: got %s\n", i, printed);
            fail();
        }
        json_decref(read);
        free(printed);
    }
}

TEST(numbers_at_their_edge)
{
    char *printed = NULL;
    json_t *document = json_text_array();

    json_text_append(document, json_text_number(0));
    json_text_append(document, json_text_number(INT64_MAX));
    json_text_append(document, json_text_number((uint64_t)INT64_MAX + 1));
    json_t *read = reread(document, &printed);
    assert_true(json_integer_value(json_array_get(read, 0)) == 0);
    assert_true(json_integer_value(json_array_get(read, 1)) == INT64_MAX);
    assert_string_equal(json_string_value(json_array_get(read, 2)), "9223372036854775808");
    json_decref(read);
    free(printed);
}
