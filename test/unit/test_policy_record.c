// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "protocol/policy_record.h"
#include "unit.h"

#define KEY_TEXT "answer-public:Y1GOzNr7LUSkE39qUwX32kByxgXG6Flyhm5aLCzSDhufSRl1"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define STRING " x=" HUNDRED HUNDRED "|"

/* The rdata of one record, whose strings stand between `|`. */
static struct text rdata_of(const char *at, size_t len)
{
    char rdata[2048];
    struct writer w = writer_of(rdata, sizeof rdata);
    struct reader r = reader_of((struct text){at, len});

    do {
        const struct text string = reader_field(&r, '|');
        assert_true(string.len <= 255);
        writer_char(&w, (char)string.len);
        writer_put(&w, string);
    } while (r.rest.len > 0);
    assert_false(w.failed);
    return exact_copy(writer_text(&w));
}

static const struct {
    struct unit_row row;
    const char *records; /* a line each */
    enum policy_record_result result;
    bool has_key;
    bool defer;
} sets[] = {
        {{"no record", NULL}, "", POLICY_RECORD_NONE, false, false},
        {{"all of it", NULL}, "v=verimail1 key=" KEY_TEXT " outage=defer", POLICY_RECORD_OK, true,
                true},
        {{"in another order", NULL}, "v=verimail1 outage=defer key=" KEY_TEXT, POLICY_RECORD_OK,
                true, true},
        {{"a key", NULL}, "v=verimail1 key=" KEY_TEXT, POLICY_RECORD_OK, true, false},
        {{"an outage", NULL}, "v=verimail1 outage=defer", POLICY_RECORD_OK, false, true},
        {{"nothing but the version", NULL}, "v=verimail1", POLICY_RECORD_OK, false, false},
        {{"spaces", NULL}, "v=verimail1   outage=defer  ", POLICY_RECORD_OK, false, true},
        {{"strings are joined without a space", NULL}, "v=veri|mail1 outage=de||fer|",
                POLICY_RECORD_OK, false, true},
        {{"strings that were meant to have a space between them", NULL}, "v=verimail1|outage=defer",
                POLICY_RECORD_NONE, false, false},
        {{"beside a wildcard's", NULL}, "v=spf1 -all\nv=verimail1 outage=defer\nv=DMARC1; p=reject",
                POLICY_RECORD_OK, false, true},
        {{"only others", NULL}, "v=spf1 -all\nverimail1\n v=verimail1\nx v=verimail1",
                POLICY_RECORD_NONE, false, false},
        {{"another version", NULL}, "v=verimail10 outage=defer\nv=verimail2\nv=verimail",
                POLICY_RECORD_NONE, false, false},
        {{"capitals", NULL}, "V=VERIMAIL1 outage=defer", POLICY_RECORD_NONE, false, false},
        {{"unknown words", NULL}, "v=verimail1 a b=c key outage =x outage=defer keys=1 Key=x",
                POLICY_RECORD_OK, false, true},
        {{"two", NULL}, "v=verimail1 outage=defer\nv=verimail1 outage=defer", POLICY_RECORD_SEVERAL,
                false, false},
        {{"three, of which one is good", NULL}, "v=verimail1 key=x\nv=verimail1\nv=verimail1 a=b",
                POLICY_RECORD_SEVERAL, false, false},
        {{"another outage", NULL}, "v=verimail1 outage=accept", POLICY_RECORD_OUTAGE, false, false},
        {{"more than an outage", NULL}, "v=verimail1 outage=defer;", POLICY_RECORD_OUTAGE, false,
                false},
        {{"a bad word behind good ones", NULL}, "v=verimail1 outage=defer key=" KEY_TEXT "A",
                POLICY_RECORD_KEY, false, false},
        {{"an empty key", NULL}, "v=verimail1 key=", POLICY_RECORD_KEY, false, false},
        {{"a key of another kind", NULL},
                "v=verimail1 key=service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv",
                POLICY_RECORD_KEY, false, false},
        {{"a key with which no secret is shared", NULL},
                "v=verimail1 key=answer-public:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACh5KrA",
                POLICY_RECORD_KEY, false, false},
        {{"the same word twice", NULL}, "v=verimail1 outage=defer outage=defer",
                POLICY_RECORD_TWICE, false, false},
        {{"two keys", NULL}, "v=verimail1 key=" KEY_TEXT " key=" KEY_TEXT, POLICY_RECORD_TWICE,
                false, false},
        {{"a tabulator", NULL}, "v=verimail1 outage=defer\tx", POLICY_RECORD_OCTETS, false, false},
        {{"beyond ASCII", NULL}, "v=verimail1 outage=defer \xc3\xa4", POLICY_RECORD_OCTETS, false,
                false},
        {{"a version with a tabulator", NULL}, "v=verimail1\toutage=defer", POLICY_RECORD_NONE,
                false, false},
        {{"nearly too long", NULL}, "v=verimail1|" STRING STRING STRING STRING " outage=defer",
                POLICY_RECORD_OK, false, true},
        {{"too long", NULL}, "v=verimail1 outage=defer|" STRING STRING STRING STRING STRING,
                POLICY_RECORD_LONG, false, false},
        {{"one of others that is too long", NULL},
                "v=verimail1 outage=defer\nv=spf1 |" STRING STRING STRING STRING STRING,
                POLICY_RECORD_OK, false, true},
};

static struct policy_record_set read_set(const char *records, bool backwards)
{
    struct policy_record_set set = {0};
    const char *lines[8];
    size_t count = 0;

    for (const char *at = records; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
        lines[count++] = at;
    for (size_t i = 0; i < count; i++) {
        const char *line = lines[backwards ? count - 1 - i : i];
        const struct text rdata = rdata_of(line, strcspn(line, "\n"));
        policy_record_add(&set, rdata);
        exact_free(rdata);
    }
    return set;
}

TEST_EACH(what_a_set_says, sets)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        const struct policy_record_set set = read_set(row->records, backwards);
        assert_string_equal(
                policy_record_result_text(set.result), policy_record_result_text(row->result));
        assert_int_equal(set.record.has_key, row->has_key);
        assert_int_equal(set.record.defer, row->defer);
    }
}

TEST(the_key)
{
    const struct policy_record_set set = read_set("v=verimail1 key=" KEY_TEXT, false);
    char text[KEY_TEXT_MAX + 1];

    key_format(KEY_ANSWER_PUBLIC, set.record.key, text);
    assert_string_equal(text, KEY_TEXT);
}

TEST(octets_that_are_no_strings)
{
    static const struct {
        const char *rdata;
        size_t len;
        enum policy_record_result result;
    } table[] = {
            {"", 0, POLICY_RECORD_NONE},
            {"\0", 1, POLICY_RECORD_NONE},
            {"\x01", 1, POLICY_RECORD_NONE},
            {"\x0bv=verimail1", 12, POLICY_RECORD_OK},
            {"\x0cv=verimail1", 12, POLICY_RECORD_NONE},
            {"\x0bv=verimail1\x02 ", 14, POLICY_RECORD_NONE},
            {"\x0dv=verimail1 \0", 14, POLICY_RECORD_OCTETS},
            {"\x0bv=verimail1\xff", 13, POLICY_RECORD_NONE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text rdata = exact_copy((struct text){table[i].rdata, table[i].len});
        struct policy_record_set set = {0};
        policy_record_add(&set, rdata);
        exact_free(rdata);
        if (set.result != table[i].result) {
            print_error("row %zu: it %s\n", i, policy_record_result_text(set.result));
            fail();
        }
    }
}

TEST(writing)
{
    static const char *const table[] = {
            "v=verimail1",
            "v=verimail1 outage=defer",
            "v=verimail1 key=" KEY_TEXT,
            "v=verimail1 key=" KEY_TEXT " outage=defer",
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct policy_record_set set = read_set(table[i], false);
        char text[256] = "";
        struct writer w = writer_of(text, sizeof text - 1);
        policy_record_format(&set.record, &w);
        assert_false(w.failed);
        assert_string_equal(text, table[i]);
    }
}
