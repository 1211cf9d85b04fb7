// SPDX-License-Identifier: ISC
#include "protocol/policy_record.h"

#define VERSION "v=verimail1"
#define KEY "key="
#define OUTAGE "outage="
#define DEFER "defer"

const char *policy_record_result_text(enum policy_record_result result)
{
    static const char *const texts[] = {
            [POLICY_RECORD_NONE] = "is not there",
            [POLICY_RECORD_OK] = "is there",
            [POLICY_RECORD_SEVERAL] = "is there more than once",
            [POLICY_RECORD_LONG] = "is too long",
            [POLICY_RECORD_OCTETS] = "has an octet that is not printable ASCII",
            [POLICY_RECORD_TWICE] = "has the same word twice",
            [POLICY_RECORD_KEY] = "has a key that cannot be read",
            [POLICY_RECORD_OUTAGE] = "has an outage= that is not outage=defer",
    };

    return texts[result];
}

/* Joins the strings of a record. What is in `w` when it fails is the beginning of a long one. False
 * when a string goes beyond the end of the record. */
static bool policy_record_join(struct text rdata, struct writer *w)
{
    while (rdata.len > 0) {
        const size_t len = (unsigned char)rdata.at[0];
        if (len >= rdata.len)
            return false;
        const size_t room = (size_t)(w->end - w->at);
        writer_put(w, (struct text){rdata.at + 1, len < room ? len : room});
        w->failed = w->failed || len > room;
        rdata.at += len + 1;
        rdata.len -= len + 1;
    }
    return true;
}

static bool policy_record_is_printable(struct text record)
{
    for (size_t i = 0; i < record.len; i++)
        if (record.at[i] < ' ' || record.at[i] > '~')
            return false;
    return true;
}

/* Whether the word has this name; `word` is then its value. */
static bool policy_record_takes(struct text *word, const char *name)
{
    const size_t len = strlen(name);

    if (word->len < len || memcmp(word->at, name, len) != 0)
        return false;
    word->at += len;
    word->len -= len;
    return true;
}

static enum policy_record_result policy_record_read(
        struct text words, struct policy_record *record_r)
{
    struct reader r = reader_of(words);

    if (!policy_record_is_printable(words))
        return POLICY_RECORD_OCTETS;
    while (r.rest.len > 0) {
        struct text word = reader_field(&r, ' ');
        if (policy_record_takes(&word, KEY)) {
            if (record_r->has_key)
                return POLICY_RECORD_TWICE;
            if (key_parse(word, KEY_ANSWER_PUBLIC, record_r->key) != KEY_OK)
                return POLICY_RECORD_KEY;
            record_r->has_key = true;
        } else if (policy_record_takes(&word, OUTAGE)) {
            if (record_r->defer)
                return POLICY_RECORD_TWICE;
            if (!text_equal(word, text_of(DEFER)))
                return POLICY_RECORD_OUTAGE;
            record_r->defer = true;
        }
    }
    return POLICY_RECORD_OK;
}

void policy_record_add(struct policy_record_set *set, struct text rdata)
{
    char joined[POLICY_RECORD_MAX];
    struct writer w = writer_of(joined, sizeof joined);

    if (!policy_record_join(rdata, &w))
        return;
    struct text record = writer_text(&w);
    if (!policy_record_takes(&record, VERSION) || (record.len > 0 && record.at[0] != ' '))
        return;
    if (set->result != POLICY_RECORD_NONE)
        set->result = POLICY_RECORD_SEVERAL;
    else
        set->result = w.failed ? POLICY_RECORD_LONG : policy_record_read(record, &set->record);
    if (set->result != POLICY_RECORD_OK)
        set->record = (struct policy_record){0};
}

void policy_record_format(const struct policy_record *record, struct writer *w)
{
    char key[KEY_TEXT_MAX + 1];

    writer_string(w, VERSION);
    if (record->has_key) {
        key_format(KEY_ANSWER_PUBLIC, record->key, key);
        writer_string(w, " " KEY);
        writer_string(w, key);
    }
    if (record->defer)
        writer_string(w, " " OUTAGE DEFER);
}
