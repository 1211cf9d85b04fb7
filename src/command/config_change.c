// SPDX-License-Identifier: ISC
#include "command/config_change.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command/escape.h"

/* The beginning that two texts have in common, as octets of whole lines. */
static size_t config_change_head(struct text a, struct text b)
{
    size_t head = 0;

    for (size_t i = 0; i < a.len && i < b.len && a.at[i] == b.at[i]; i++)
        if (a.at[i] == '\n')
            head = i + 1;
    return head;
}

/* The end that they have in common behind `head`. */
static size_t config_change_tail(struct text a, struct text b, size_t head)
{
    size_t tail = 0;
    size_t i = 0;

    while (i < a.len - head && i < b.len - head && a.at[a.len - 1 - i] == b.at[b.len - 1 - i]) {
        i++;
        const bool is_begin = (i == a.len - head || a.at[a.len - 1 - i] == '\n') &&
                              (i == b.len - head || b.at[b.len - 1 - i] == '\n');
        if (is_begin)
            tail = i;
    }
    return tail;
}

static void config_change_print_lines(FILE *out, char mark, struct text lines)
{
    struct reader r = reader_of(lines);

    while (r.rest.len > 0) {
        struct text line = reader_field(&r, '\n');
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        fprintf(out, "%c", mark);
        escape_controls(out, line);
        fputc('\n', out);
    }
}

void config_change_print(FILE *out, const char *path, struct text old, struct text new)
{
    const size_t head = config_change_head(old, new);
    const size_t tail = config_change_tail(old, new, head);
    unsigned line = 1;

    for (size_t i = 0; i < head; i++)
        line += old.at[i] == '\n';
    escape_controls(out, text_of(path));
    fprintf(out, ":%u:\n", line);
    config_change_print_lines(out, '-', (struct text){old.at + head, old.len - head - tail});
    config_change_print_lines(out, '+', (struct text){new.at + head, new.len - head - tail});
}

/* Whether the new text is a good configuration. */
static bool config_change_is_good(const struct invocation *invocation, const struct edit *edit)
{
    const struct text text = edit_text(edit);
    struct problems *problems = problems_init(invocation->config_path);
    struct config *config = problems != NULL ? config_read_text(text.at, text.len, problems) : NULL;
    const bool is_good = config != NULL && problems_count(problems) == 0;

    if (!is_good && problems != NULL)
        command_print_problems(problems);
    config_free(&config);
    problems_free(&problems);
    return is_good;
}

/* Without a terminal there is nobody to ask. */
static bool config_change_is_wanted(const struct invocation *invocation, bool yes)
{
    char answer[16];

    if (yes)
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        command_complain(invocation, "nothing was changed: --yes changes the file");
        return false;
    }
    fputs("Change it? [y/N] ", stdout);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

enum status config_change_apply(
        const struct invocation *invocation, const struct edit *edit, bool yes)
{
    const char *path = invocation->config_path;
    struct edit *old = edit_load(path);
    char copy[EDIT_PATH_MAX];

    if (old == NULL) {
        command_complain(invocation, "%s: %s", path, strerror(errno));
        return STATUS_INPUT;
    }
    config_change_print(stdout, path, edit_text(old), edit_text(edit));
    edit_free(&old);
    if (!config_change_is_good(invocation, edit))
        return STATUS_CONFIG;
    if (access(path, W_OK) != 0 && (errno == EACCES || errno == EROFS)) {
        command_complain(
                invocation, "%s: %s: write this by hand, and reload", path, strerror(errno));
        return STATUS_CREATE;
    }
    if (!config_change_is_wanted(invocation, yes))
        return STATUS_USAGE;
    if (!edit_save(edit, path, copy)) {
        command_complain(invocation, "%s: %s: write this by hand, and reload", path,
                errno == EAGAIN ? "somebody else changed it" : strerror(errno));
        return STATUS_CREATE;
    }
    printf("written; what it was is in ");
    escape_controls(stdout, text_of(copy));
    putchar('\n');
    return STATUS_OK;
}
