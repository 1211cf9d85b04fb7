// SPDX-License-Identifier: ISC
#include "setup/conf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/keyfile.h"
#include "setup/subprocess.h"

static bool conf_file_fail(const char *path, const char *what, char error_r[CONF_FILE_ERROR_MAX])
{
    snprintf(error_r, CONF_FILE_ERROR_MAX, "%s %s: %s", path, what, strerror(errno));
    return false;
}

bool conf_file_read(const char *path, struct conf_file *file_r, char error_r[CONF_FILE_ERROR_MAX])
{
    *file_r = (struct conf_file){.path = path, .edit = edit_load(path)};
    if (file_r->edit == NULL && errno == ENOENT) {
        file_r->is_new = true;
        file_r->edit = edit_init(text_of(""));
    }
    if (file_r->edit == NULL)
        return conf_file_fail(path, "cannot be read", error_r);
    const struct text text = edit_text(file_r->edit);
    file_r->before = strndup(text.at != NULL ? text.at : "", text.len);
    return file_r->before != NULL || conf_file_fail(path, "cannot be read", error_r);
}

void conf_file_free(struct conf_file *file)
{
    free(file->before);
    edit_free(&file->edit);
    *file = (struct conf_file){0};
}

bool conf_file_is_changed(const struct conf_file *file)
{
    return file->is_new || !text_equal(text_of(file->before), edit_text(file->edit));
}

static void conf_file_print(struct text lines, const char *margin, FILE *out)
{
    struct reader reader = reader_of(lines);

    while (reader.rest.len > 0) {
        const struct text line = reader_field(&reader, '\n');
        fprintf(out, "%s%.*s\n", line.len > 0 ? margin : "", (int)line.len, line.at);
    }
}

void conf_file_print_change(const struct conf_file *file, const char *margin, FILE *out)
{
    const char *const diff[] = {
            "diff", "-u", "--label", file->path, "--label", "new", file->path, "-", NULL};
    struct subprocess done;

    if (file->is_new) {
        conf_file_print(edit_text(file->edit), margin, out);
        return;
    }
    (void)subprocess_run(diff, edit_text(file->edit), &done);
    /* Where there is no diff(1), the whole. */
    if (done.how == SUBPROCESS_EXITED && done.code == 1 && done.output != NULL)
        conf_file_print(text_of(done.output), margin, out);
    else
        conf_file_print(edit_text(file->edit), margin, out);
    subprocess_free(&done);
}

bool conf_file_add_text(
        struct conf_file *file, const struct edit_step *path, const char *option, const char *text)
{
    struct edit_place place;
    char *item = NULL;
    bool ok;

    if (!edit_find_option(file->edit, path, option, &place)) {
        ok = asprintf(&item, "{\"%s\"}", text) >= 0 && edit_set(file->edit, path, option, item);
    } else if (edit_text(file->edit).at[place.value] == '{') {
        const struct text list = {
                edit_text(file->edit).at + place.value + 1, place.end - place.value - 2};
        ok = asprintf(&item, "\"%s\"%s", text, text_trim(list).len > 0 ? ", " : "") >= 0 &&
             edit_replace(file->edit, place.value + 1, place.value + 1, text_of(item));
    } else {
        const struct text value = {edit_text(file->edit).at + place.value, place.end - place.value};
        ok = asprintf(&item, "{\"%s\", %.*s}", text, (int)value.len, value.at) >= 0 &&
             edit_replace(file->edit, place.value, place.end, text_of(item));
    }
    free(item);
    return ok;
}

bool conf_file_write(struct conf_file *file, char error_r[CONF_FILE_ERROR_MAX])
{
    const struct text text = edit_text(file->edit);

    if (!conf_file_is_changed(file))
        return true;
    if (file->is_new)
        return keyfile_create_for(file->path, text.at, text.len, 0644, (gid_t)-1) ||
               conf_file_fail(file->path, "cannot be created", error_r);
    return edit_save(file->edit, file->path, file->copy) ||
           conf_file_fail(file->path, "cannot be changed", error_r);
}

bool conf_file_restore(struct conf_file *file, char error_r[CONF_FILE_ERROR_MAX])
{
    if (!conf_file_is_changed(file))
        return true;
    const bool ok = file->is_new ? unlink(file->path) == 0 : rename(file->copy, file->path) == 0;
    file->copy[0] = '\0';
    return ok || conf_file_fail(file->path, "cannot be put back", error_r);
}
