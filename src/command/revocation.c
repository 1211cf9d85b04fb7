// SPDX-License-Identifier: ISC
#include "base/memstream.h"
#include "command/revoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "command/escape.h"

#define NOTE "/* revoked "
#define NOTE_WAS ", was: "         /* the option before the note took its place */
#define NOTE_WITHOUT ", without: " /* nothing did */
#define NOTE_ADDED ", had no section"
#define NOTE_END " */"

struct revocation_path {
    struct edit_step domain[2];
    struct edit_step user[3];
};

static struct revocation_path revocation_path(const struct revocation *r)
{
    return (struct revocation_path){
            .domain = {{"domain", r->domain}}, .user = {{"domain", r->domain}, {"user", r->local}}};
}

static bool revocation_contains(struct text t, const char *what)
{
    return t.len > 0 && memmem(t.at, t.len, what, strlen(what)) != NULL;
}

/* What stands in place of an option: a new one (NULL: none), and the note of what was there. */
static char *revocation_note(const struct revocation *r, const char *option, struct text was)
{
    char date[DATE_TEXT_MAX];
    char *note = NULL;

    date_format(r->unix_now, date);
    const char *before = was.len == 0 ? "" : option != NULL ? NOTE_WAS : NOTE_WITHOUT;
    if (asprintf(&note, "%s%s" NOTE "%s%s%.*s" NOTE_END, option != NULL ? option : "",
                option != NULL ? " " : "", date, before, (int)was.len,
                was.len > 0 ? was.at : "") < 0)
        return NULL;
    return note;
}

/* Puts `option` in place of the one called `name`, or at the end of the section. With `option` NULL
 * the old one goes. */
static enum revocation_result revocation_exchange(struct edit *edit,
        const struct revocation *revocation, const char *name, const char *option)
{
    const struct revocation_path path = revocation_path(revocation);
    struct edit_place place;
    const bool is_there = edit_find_option(edit, path.user, name, &place);
    const struct text was = is_there ? edit_text_at(edit, &place) : (struct text){NULL, 0};

    if (!is_there && option == NULL)
        return REVOCATION_NOTHING;
    if (revocation_contains(was, "/*") || revocation_contains(was, "*/"))
        return REVOCATION_BY_HAND;
    char *note = revocation_note(revocation, option, was);
    const bool ok =
            note != NULL && (is_there ? edit_replace(edit, place.begin, place.end, text_of(note))
                                      : edit_append(edit, path.user, note));
    free(note);
    return ok ? REVOCATION_DONE : REVOCATION_NO_MEMORY;
}

/* The note that stands behind `at`, and nothing but white space between; begin == end: none. */
static struct edit_place revocation_note_behind(const struct edit *edit, size_t at)
{
    const struct text text = edit_text(edit);
    size_t begin = at;

    while (begin < text.len && text_is_white(text.at[begin]))
        begin++;
    const struct text rest = {text.at + begin, text.len - begin};
    const char *end = rest.len > strlen(NOTE) && memcmp(rest.at, NOTE, strlen(NOTE)) == 0
                              ? memmem(rest.at, rest.len, NOTE_END, strlen(NOTE_END))
                              : NULL;
    if (end == NULL)
        return (struct edit_place){.begin = at, .end = at};
    return (struct edit_place){.begin = begin, .end = (size_t)(end - text.at) + strlen(NOTE_END)};
}

static bool revocation_is_noted(const struct edit *edit, size_t at)
{
    const struct edit_place note = revocation_note_behind(edit, at);

    return note.end > note.begin;
}

/* A second time only the date changes. */
static enum revocation_result revocation_change_sent(
        struct edit *edit, const struct revocation *revocation)
{
    const struct revocation_path path = revocation_path(revocation);
    char date[DATE_TEXT_MAX];
    char option[DATE_TEXT_MAX + sizeof "not_before = \"\""];
    struct edit_place place;

    date_format(revocation->unix_now + 1, date); /* what was issued in this second, too */
    snprintf(option, sizeof option, "not_before = \"%s\"", date);
    if (edit_find_option(edit, path.user, "not_before", &place) &&
            revocation_is_noted(edit, place.end))
        return edit_replace(edit, place.begin, place.end, text_of(option)) ? REVOCATION_DONE
                                                                           : REVOCATION_NO_MEMORY;
    return revocation_exchange(edit, revocation, "not_before", option);
}

static bool revocation_is_complete(const struct edit *edit, const struct revocation_path *path)
{
    struct edit_place place;

    if (edit_find_option(edit, path->user, "allow_unauthorized", &place) ||
            edit_find_option(edit, path->user, "more_hosts", &place) ||
            !edit_find_option(edit, path->user, "hosts", &place))
        return false;
    return text_equal((struct text){edit_text(edit).at + place.value, place.end - place.value},
            text_of("{}"));
}

enum revocation_result revocation_change(struct edit *edit, const struct revocation *revocation)
{
    static const char *const removed[] = {"more_hosts", "allow_unauthorized"};
    const struct revocation_path path = revocation_path(revocation);
    enum revocation_result result = REVOCATION_DONE;

    if (revocation->only_sent)
        return revocation_change_sent(edit, revocation);
    if (revocation_is_complete(edit, &path))
        return REVOCATION_NOTHING;
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
        result = revocation_exchange(edit, revocation, removed[i], NULL);
        if (result != REVOCATION_DONE && result != REVOCATION_NOTHING)
            return result;
    }
    return revocation_exchange(edit, revocation, "hosts", "hosts = {}");
}

static void revocation_print_hosts(FILE *out, const struct rule *rule)
{
    if (rule->mode == RULE_HOSTS_DOMAIN)
        return;
    fprintf(out, "%s = {", rule->mode == RULE_HOSTS_ONLY ? "hosts" : "more_hosts");
    for (size_t i = 0; i < rule->hosts.count; i++)
        fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", rule->hosts.names[i]);
    fputs("} ", out);
}

static void revocation_print_section(
        FILE *out, const struct revocation *revocation, const struct rule *rule)
{
    char date[DATE_TEXT_MAX];

    fputs("user ", out);
    escape_quoted(out, text_of(revocation->local));
    fputs(" { ", out);
    if (!revocation->only_sent) {
        fputs("hosts = {} ", out);
    } else {
        if (rule != NULL)
            revocation_print_hosts(out, rule);
        if (rule != NULL && rule->allow_unauthorized)
            fputs("allow_unauthorized = true ", out);
        date_format(revocation->unix_now + 1, date);
        fprintf(out, "not_before = \"%s\" ", date);
    }
    date_format(revocation->unix_now, date);
    fprintf(out, NOTE "%s" NOTE_ADDED NOTE_END " }", date);
}

enum revocation_result revocation_add(
        struct edit *edit, const struct revocation *revocation, const struct rule *rule)
{
    const struct revocation_path path = revocation_path(revocation);
    char *section = NULL;
    size_t len;
    FILE *out = open_memstream(&section, &len);

    if (out == NULL)
        return REVOCATION_NO_MEMORY;
    revocation_print_section(out, revocation, rule);
    const bool ok = memstream_close(out, &section) && edit_append(edit, path.domain, section);
    free(section);
    return ok ? REVOCATION_DONE : REVOCATION_NO_MEMORY;
}

/* What the note says behind `before`; empty: nothing. */
static struct text revocation_noted(struct text note, const char *before)
{
    const char *was = memmem(note.at, note.len, before, strlen(before));

    if (was == NULL)
        return (struct text){NULL, 0};
    was += strlen(before);
    return (struct text){was, (size_t)(note.at + note.len - was) - strlen(NOTE_END)};
}

/* An option that was put there, with the note behind it. */
static enum revocation_result revocation_undo_option(
        struct edit *edit, const struct revocation_path *path, const char *option)
{
    struct edit_place place;

    if (!edit_find_option(edit, path->user, option, &place))
        return REVOCATION_NOTHING;
    const struct edit_place note = revocation_note_behind(edit, place.end);
    if (note.begin == note.end || revocation_contains(edit_text_at(edit, &note), NOTE_WITHOUT))
        return REVOCATION_NOTHING;
    const struct text was = revocation_noted(edit_text_at(edit, &note), NOTE_WAS);
    place.end = note.end;
    const bool ok = was.len > 0 ? edit_replace(edit, place.begin, place.end, was)
                                : edit_remove(edit, &place);
    return ok ? REVOCATION_DONE : REVOCATION_NO_MEMORY;
}

/* The first option that was taken out. */
static enum revocation_result revocation_undo_alone(
        struct edit *edit, const struct revocation_path *path)
{
    struct edit_place section;

    if (!edit_find_section(edit, path->user, &section))
        return REVOCATION_NOTHING;
    const size_t end = section.end;
    for (const char *text = edit_text(edit).at, *at = text + section.value; at != NULL;
            at = memmem(at + 1, (size_t)(text + end - at) - 1, NOTE, strlen(NOTE))) {
        const struct edit_place note = revocation_note_behind(edit, (size_t)(at - text));
        const struct text was = note.end > note.begin && note.end <= end
                                        ? revocation_noted(edit_text_at(edit, &note), NOTE_WITHOUT)
                                        : (struct text){NULL, 0};
        if (was.len > 0)
            return edit_replace(edit, note.begin, note.end, was) ? REVOCATION_DONE
                                                                 : REVOCATION_NO_MEMORY;
    }
    return REVOCATION_NOTHING;
}

enum revocation_result revocation_undo(struct edit *edit, const struct revocation *revocation)
{
    static const char *const options[] = {"hosts", "not_before"};
    const struct revocation_path path = revocation_path(revocation);
    enum revocation_result result = REVOCATION_NOTHING;
    struct edit_place section;
    bool any = false;

    if (!edit_find_section(edit, path.user, &section))
        return REVOCATION_NOTHING;
    if (revocation_contains(edit_text_at(edit, &section), NOTE_ADDED NOTE_END))
        return edit_remove(edit, &section) ? REVOCATION_DONE : REVOCATION_NO_MEMORY;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        result = revocation_undo_option(edit, &path, options[i]);
        any = any || result == REVOCATION_DONE;
    }
    do {
        result = revocation_undo_alone(edit, &path);
        any = any || result == REVOCATION_DONE;
    } while (result == REVOCATION_DONE);
    if (result == REVOCATION_NO_MEMORY)
        return result;
    return any ? REVOCATION_DONE : REVOCATION_NOTHING;
}
