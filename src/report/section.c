// SPDX-License-Identifier: ISC
#include "report/section.h"

#include <string.h>

#include "report/phrase.h"

/* Follows a path of members with dots between. */
static const json_t *section_list(const struct section *section, const json_t *part)
{
    struct reader names = reader_of(text_of(section->path));
    const json_t *at = part;

    while (names.rest.len > 0 && at != NULL) {
        char key[32];
        const struct text name = reader_field(&names, '.');
        snprintf(key, sizeof key, "%.*s", (int)name.len, name.at);
        at = json_object_get(at, key);
    }
    return at;
}

const json_t *section_entry(const struct section *section, const json_t *part, size_t i)
{
    const json_t *list = section_list(section, part);

    for (size_t at = 0; at < json_array_size(list); at++) {
        const json_t *entry = json_array_get(list, at);
        if (section->verdict != NULL && !text_equal(text_of(section->verdict),
                                                phrase_text(json_object_get(entry, "verdict"))))
            continue;
        if (i-- == 0)
            return entry;
    }
    return NULL;
}

struct text section_name(const struct section *section, const json_t *entry)
{
    const struct text name = phrase_text(json_object_get(entry, section->key));

    if (name.len > 0)
        return name;
    return text_of(section->unnamed != NULL ? section->unnamed : "(not known)");
}

size_t section_empty(const struct section_part *kind, const json_t *part,
        const struct section *empty_r[SECTION_MOST])
{
    size_t count = 0;

    for (size_t i = 0; i < kind->count && i < SECTION_MOST; i++)
        if (section_entry(&kind->sections[i], part, 0) == NULL &&
                section_not_known(&kind->sections[i], part) == NULL)
            empty_r[count++] = &kind->sections[i];
    return count;
}

const char *section_not_known(const struct section *section, const json_t *part)
{
    return json_is_null(section_list(section, part)) ? section->not_known : NULL;
}

uint64_t section_value(const struct section *section, const json_t *entry)
{
    const json_int_t value = json_integer_value(json_object_get(entry, section->value));

    return value > 0 ? (uint64_t)value : 0;
}

void section_note(const struct section *section, const json_t *entry, char note_r[SECTION_NOTE_MAX])
{
    FILE *out = section->note != NULL ? fmemopen(note_r, SECTION_NOTE_MAX, "w") : NULL;

    note_r[0] = '\0';
    if (out == NULL)
        return;
    section->note(entry, out);
    if (fclose(out) != 0)
        note_r[0] = '\0';
    note_r[SECTION_NOTE_MAX - 1] = '\0';
}

static size_t section_add_advice(
        const char *advice, size_t count, const char *advices[SECTION_ADVICES_MAX])
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(advices[i], advice) == 0)
            return count;
    if (advice[0] == '\0' || count == SECTION_ADVICES_MAX)
        return count;
    advices[count] = advice;
    return count + 1;
}

size_t section_advices(const struct section *section, const json_t *part, size_t entries,
        const char *advices_r[SECTION_ADVICES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; section->advice != NULL && i < entries; i++) {
        const json_t *entry = section_entry(section, part, i);
        if (entry != NULL)
            count = section_add_advice(section->advice(entry), count, advices_r);
    }
    return section->next != NULL ? section_add_advice(section->next, count, advices_r) : count;
}
