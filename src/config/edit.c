// SPDX-License-Identifier: ISC
#include "config/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/disk.h"
#include "config/config.h"
#include "config/lexer.h"
#include "config/section.h"

#define INDENT 4

struct edit {
    char *text;
    size_t len;
    char *was; /* the content of the file; NULL: it is none of a file */
    size_t was_len;
};

struct edit *edit_init(struct text text)
{
    struct edit *edit = calloc(1, sizeof *edit);

    if (edit == NULL)
        return NULL;
    if (!edit_replace(edit, 0, 0, text))
        edit_free(&edit);
    return edit;
}

void edit_free(struct edit **edit)
{
    if (*edit == NULL)
        return;
    free((*edit)->text);
    free((*edit)->was);
    free(*edit);
    *edit = NULL;
}

struct text edit_text(const struct edit *edit)
{
    return (struct text){edit->text, edit->len};
}

struct text edit_text_at(const struct edit *edit, const struct edit_place *place)
{
    return (struct text){edit->text + place->begin, place->end - place->begin};
}

static bool edit_is_title(const struct section *section, const char *wanted, const char *title)
{
    struct config_text parsed = {0};
    const bool is = section->title->parse(section->title, title, &parsed) &&
                    text_equal_fold(text_of(parsed.at), text_of(wanted));

    free(parsed.at);
    return is;
}

/* From the token `{` to behind its `}`, which is where the lexer then reads on. */
static void edit_skip_braces(struct lexer *l)
{
    size_t depth = 1;

    while (depth > 0 && l->token != TOKEN_END) {
        lexer_next(l);
        depth += l->token == '{';
        depth -= l->token == '}';
    }
}

/* What is looked for. */
struct edit_target {
    const char *text;
    const struct edit_step *path;
    const char *option; /* NULL: the section itself */
    struct edit_place place;
    bool found;
};

static void edit_search(struct lexer *l, const struct section *section,
        const struct edit_step *path, struct edit_target *target);

static size_t edit_offset(const struct edit_target *target, const char *at)
{
    return (size_t)(at - target->text);
}

/* The value of an option; the token is its `=`. */
static void edit_pass_option(struct lexer *l, bool is_wanted, struct edit_target *target)
{
    lexer_next(l);
    target->place.value = edit_offset(target, l->token_at);
    if (l->token == '{')
        edit_skip_braces(l);
    target->place.end = edit_offset(target, l->at);
    target->found = is_wanted;
}

/* The title and the braces of a section. */
static void edit_pass_section(struct lexer *l, const struct section *section,
        const struct edit_step *step, struct edit_target *target)
{
    bool is_wanted = section != NULL && step->title == NULL;
    const bool is_last = section != NULL && step[1].section == NULL && target->option == NULL;

    if (l->token == TOKEN_TEXT) {
        is_wanted = section != NULL && section->title != NULL && step->title != NULL &&
                    edit_is_title(section, step->title, l->text);
        lexer_next(l);
    }
    if (l->token != '{')
        return;
    target->place.value = edit_offset(target, l->token_at);
    if (is_wanted && !is_last) {
        lexer_next(l);
        edit_search(l, section, step + 1, target);
        return;
    }
    edit_skip_braces(l);
    target->place.end = edit_offset(target, l->at);
    target->found = is_wanted && l->token == '}';
}

/* Goes through the items of a section until the target is found. */
static void edit_search(struct lexer *l, const struct section *section,
        const struct edit_step *path, struct edit_target *target)
{
    while (l->token == TOKEN_TEXT && !target->found) {
        const bool is_inner = path->section != NULL && strcmp(l->text, path->section) == 0;
        const bool is_option = path->section == NULL && target->option != NULL &&
                               strcmp(l->text, target->option) == 0;
        target->place.begin = edit_offset(target, l->token_at);
        target->place.line = l->token_line;
        lexer_next(l);
        if (l->token == '=')
            edit_pass_option(l, is_option, target);
        else
            edit_pass_section(
                    l, is_inner ? section_within(section, path->section) : NULL, path, target);
        if (!target->found)
            lexer_next(l);
    }
}

static bool edit_find(const struct edit *edit, struct edit_target *target)
{
    struct problems *problems = problems_init("");
    char *buffer = malloc(edit->len + 1);
    struct lexer l = {.at = edit->text,
            .end = edit->text + edit->len,
            .line = 1,
            .text = buffer,
            .problems = problems};

    target->text = edit->text;
    if (problems != NULL && buffer != NULL) {
        lexer_next(&l);
        edit_search(&l, &section_root, target->path, target);
    }
    problems_free(&problems);
    free(buffer);
    return target->found && !l.failed;
}

bool edit_find_section(
        const struct edit *edit, const struct edit_step *path, struct edit_place *place_r)
{
    struct edit_target target = {.path = path};
    const bool found = edit_find(edit, &target);

    *place_r = target.place;
    return found;
}

bool edit_find_option(const struct edit *edit, const struct edit_step *path, const char *option,
        struct edit_place *place_r)
{
    struct edit_target target = {.path = path, .option = option};
    const bool found = edit_find(edit, &target);

    *place_r = target.place;
    return found;
}

bool edit_replace(struct edit *edit, size_t begin, size_t end, struct text by)
{
    const size_t len = edit->len - (end - begin) + by.len;
    char *text = malloc(len + 1);

    if (text == NULL)
        return false;
    if (begin > 0)
        memcpy(text, edit->text, begin);
    if (by.len > 0)
        memcpy(text + begin, by.at, by.len);
    if (edit->len > end)
        memcpy(text + begin + by.len, edit->text + end, edit->len - end);
    text[len] = '\0';
    free(edit->text);
    edit->text = text;
    edit->len = len;
    return true;
}

static bool edit_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The first octet of the line that has octet `at`. */
static size_t edit_line_begin(const struct edit *edit, size_t at)
{
    while (at > 0 && edit->text[at - 1] != '\n')
        at--;
    return at;
}

/* The first octet from `at` on that is no blank. */
static size_t edit_skip_blanks(const struct edit *edit, size_t at)
{
    while (at < edit->len && edit_is_blank(edit->text[at]))
        at++;
    return at;
}

bool edit_remove(struct edit *edit, const struct edit_place *place)
{
    const size_t line = edit_line_begin(edit, place->begin);
    size_t begin = place->begin;
    size_t end = edit_skip_blanks(edit, place->end);
    const size_t after = end + (end < edit->len && edit->text[end] == '\r');

    if (edit_skip_blanks(edit, line) == begin && after < edit->len && edit->text[after] == '\n') {
        begin = line;
        end = after + 1;
    }
    return edit_replace(edit, begin, end, (struct text){NULL, 0});
}

/* The line ends of the text before `at`. */
static const char *edit_line_end(const struct edit *edit, size_t at)
{
    return at > 1 && edit->text[at - 1] == '\n' && edit->text[at - 2] == '\r' ? "\r\n" : "\n";
}

/* The item on a line of its own before the line at `line`, whose indentation ends at `close`. */
static bool edit_put_line(struct edit *edit, size_t line, size_t close, const char *item)
{
    const size_t size = close - line + INDENT + strlen(item) + sizeof "\r\n";
    char *whole = malloc(size);
    struct writer w = writer_of(whole, whole != NULL ? size : 0);

    writer_put(&w, (struct text){edit->text + line, close - line});
    for (int i = 0; i < INDENT; i++)
        writer_char(&w, ' ');
    writer_string(&w, item);
    writer_string(&w, edit_line_end(edit, line));
    const bool ok = whole != NULL && !w.failed && edit_replace(edit, line, line, writer_text(&w));
    free(whole);
    return ok;
}

/* The item among others on one line, before the `}` at `close`. */
static bool edit_put_word(struct edit *edit, size_t close, const char *item)
{
    const size_t size = strlen(item) + sizeof "  ";
    char *whole = malloc(size);
    struct writer w = writer_of(whole, whole != NULL ? size : 0);

    if (!edit_is_blank(edit->text[close - 1]))
        writer_char(&w, ' ');
    writer_string(&w, item);
    writer_char(&w, ' ');
    const bool ok = whole != NULL && !w.failed && edit_replace(edit, close, close, writer_text(&w));
    free(whole);
    return ok;
}

static bool edit_put_end(struct edit *edit, const char *item)
{
    const bool is_open = edit->len > 0 && edit->text[edit->len - 1] != '\n';

    return (!is_open || edit_replace(edit, edit->len, edit->len, text_of("\n"))) &&
           edit_replace(edit, edit->len, edit->len, text_of(item)) &&
           edit_replace(edit, edit->len, edit->len, text_of("\n"));
}

bool edit_append(struct edit *edit, const struct edit_step *path, const char *item)
{
    struct edit_place place;

    if (path->section == NULL)
        return edit_put_end(edit, item);
    if (!edit_find_section(edit, path, &place))
        return false;
    const size_t close = place.end - 1;
    const size_t line = edit_line_begin(edit, close);
    if (edit_skip_blanks(edit, line) == close && line > place.value)
        return edit_put_line(edit, line, close, item);
    return edit_put_word(edit, close, item);
}

bool edit_set(
        struct edit *edit, const struct edit_step *path, const char *option, const char *value)
{
    struct edit_place place;
    const size_t size = strlen(option) + strlen(value) + sizeof " = ";
    char *item = malloc(size);
    bool ok = item != NULL;

    if (ok && edit_find_option(edit, path, option, &place)) {
        ok = edit_replace(edit, place.value, place.end, text_of(value));
    } else if (ok) {
        struct writer w = writer_of(item, size);
        writer_string(&w, option);
        writer_string(&w, " = ");
        writer_string(&w, value);
        writer_char(&w, '\0');
        ok = !w.failed && edit_append(edit, path, item);
    }
    free(item);
    return ok;
}

static struct edit *edit_of_file(FILE *file)
{
    size_t len;
    char *content = config_load(file, &len);

    if (content == NULL)
        return NULL;
    struct edit *edit = edit_init((struct text){content, len});
    if (edit == NULL) {
        free(content);
        errno = ENOMEM;
        return NULL;
    }
    edit->was = content;
    edit->was_len = len;
    return edit;
}

struct edit *edit_load(const char *path)
{
    FILE *file = fopen(path, "re");
    struct edit *edit = file != NULL ? edit_of_file(file) : NULL;
    const int error = errno;

    if (file != NULL)
        fclose(file);
    errno = error;
    return edit;
}

/* Whether the file still is what was loaded. */
static bool edit_is_current(const struct edit *edit, const char *path)
{
    struct edit *now = edit_load(path);

    if (now == NULL)
        return false;
    const bool same = edit->was != NULL && now->len == edit->was_len &&
                      memcmp(now->text, edit->was, now->len) == 0;
    edit_free(&now);
    errno = EAGAIN;
    return same;
}

static bool edit_write(const struct edit *edit, int fd, const struct stat *old)
{
    size_t done = 0;

    while (done < edit->len) {
        const ssize_t n = write(fd, edit->text + done, edit->len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    struct stat st;
    return fstat(fd, &st) == 0 &&
           ((st.st_uid == old->st_uid && st.st_gid == old->st_gid) ||
                   fchown(fd, old->st_uid, old->st_gid) == 0) &&
           fchmod(fd, old->st_mode & 07777) == 0 && fsync(fd) == 0;
}

/* Gives the old file its second name, `PATH.2026-12-01T0411`, with a number behind it if it is
 * taken. */
static bool edit_keep_copy(const char *path, char copy_r[EDIT_PATH_MAX])
{
    const time_t now = (time_t)unix_now();
    struct tm tm;
    char date[sizeof "2026-12-01T0411"];

    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H%M", &tm);
    for (int i = 0; i < 1000; i++) {
        const int len = i == 0 ? snprintf(copy_r, EDIT_PATH_MAX, "%s.%s", path, date)
                               : snprintf(copy_r, EDIT_PATH_MAX, "%s.%s.%d", path, date, i);
        if (len < 0 || len >= EDIT_PATH_MAX) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (link(path, copy_r) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/* `path` is no link. */
static bool edit_exchange(const struct edit *edit, const char *path, char copy_r[EDIT_PATH_MAX])
{
    char *temporary = NULL;
    struct stat old;

    if (stat(path, &old) != 0 || asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return false;
    const int fd = mkostemp(temporary, O_CLOEXEC);
    bool ok = fd >= 0 && edit_write(edit, fd, &old);
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && edit_is_current(edit, path) && edit_keep_copy(path, copy_r);
    const bool renamed = ok && rename(temporary, path) == 0;
    const int error = errno;
    if (ok && !renamed)
        (void)unlink(copy_r);
    if (fd >= 0 && !renamed)
        (void)unlink(temporary);
    free(temporary);
    errno = error;
    return renamed && disk_sync_folder(path);
}

bool edit_save(const struct edit *edit, const char *path, char copy_r[EDIT_PATH_MAX])
{
    char *file = realpath(path, NULL);

    if (file == NULL)
        return false;
    const bool ok = edit_exchange(edit, file, copy_r);
    const int error = errno;
    free(file);
    errno = error;
    return ok;
}
