// SPDX-License-Identifier: ISC
#include "report/note.h"

#include "report/phrase.h"

struct text note_text(const json_t *entry, const char *key)
{
    return phrase_text(json_object_get(entry, key));
}

void note_put(FILE *out, const char *before, struct text t)
{
    char phrase[PHRASE_MAX];

    if (t.len == 0)
        return;
    phrase_fit(t, PHRASE_MAX - 1, phrase);
    fprintf(out, "%s%s%s", ftell(out) > 0 ? ", " : "", before, phrase);
}

void note_put_word(FILE *out, const char *meaning, struct text word)
{
    note_put(out, "", meaning[0] != '\0' ? text_of(meaning) : word);
}

void note_put_count(
        FILE *out, const char *before, const json_t *entry, const char *key, const char *after)
{
    const json_int_t value = json_integer_value(json_object_get(entry, key));
    char phrase[PHRASE_MAX];

    phrase_count(value > 0 ? (uint64_t)value : 0, phrase);
    fprintf(out, "%s%s%s%s", ftell(out) > 0 ? ", " : "", before, phrase, after);
}

void note_put_minute(FILE *out, const char *before, const json_t *entry, const char *key)
{
    char phrase[PHRASE_MAX];

    phrase_minute(note_text(entry, key), phrase);
    note_put(out, before, text_of(phrase));
}
