// SPDX-License-Identifier: ISC
#include "setup/postfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/memstream.h"
#include "setup/subprocess.h"

#define UNIX "unix:"

char *postfix_get(const char *name, bool is_expanded, char error_r[POSTFIX_ERROR_MAX])
{
    const char *const argv[] = {"postconf", is_expanded ? "-xh" : "-h", name, NULL};
    struct subprocess done;
    char text[SUBPROCESS_TEXT_MAX];
    char *value = NULL;

    error_r[0] = '\0';
    if (subprocess_run(argv, text_of(""), &done) && done.output != NULL) {
        const struct text trimmed = text_trim(text_of(done.output));
        value = strndup(trimmed.at, trimmed.len);
    } else if (done.how != SUBPROCESS_MISSING) {
        subprocess_text(&done, text);
        snprintf(error_r, POSTFIX_ERROR_MAX, "postconf -h %s %s", name, text);
    }
    subprocess_free(&done);
    return value;
}

bool postfix_read(struct postfix *postfix_r, char error_r[POSTFIX_ERROR_MAX])
{
    static const char *const names[POSTFIX_SETTINGS] = {"smtpd_milters", "non_smtpd_milters",
            "milter_protocol", "internal_mail_filter_classes", "local_header_rewrite_clients"};
    char *folder = postfix_get("config_directory", true, error_r);
    bool ok;

    *postfix_r = (struct postfix){0};
    ok = folder != NULL && asprintf(&postfix_r->main_cf, "%s/main.cf", folder) >= 0;
    free(folder);
    if (!ok)
        return false;
    ok = (postfix_r->queue = postfix_get("queue_directory", true, error_r)) != NULL &&
         (postfix_r->hostname = postfix_get("myhostname", true, error_r)) != NULL &&
         (postfix_r->networks = postfix_get("mynetworks", true, error_r)) != NULL;
    for (size_t i = 0; ok && i < POSTFIX_SETTINGS; i++) {
        postfix_r->settings[i].name = names[i];
        postfix_r->settings[i].before = postfix_get(names[i], false, error_r);
        ok = postfix_r->settings[i].before != NULL;
    }
    return ok;
}

void postfix_free(struct postfix *postfix)
{
    free(postfix->queue);
    free(postfix->hostname);
    free(postfix->networks);
    free(postfix->main_cf);
    free(postfix->copy);
    for (size_t i = 0; i < POSTFIX_SETTINGS; i++) {
        free(postfix->settings[i].before);
        free(postfix->settings[i].after);
    }
    *postfix = (struct postfix){0};
}

/* `inet:PORT@ADDRESS` of ours is `inet:ADDRESS:PORT` of Postfix. A path below the queue's folder is
 * relative to it: so it holds in a chroot and outside. */
void postfix_socket(const char *queue, const char *socket, char text_r[POSTFIX_SOCKET_MAX])
{
    const size_t len = strlen(queue);
    const char *at = strchr(socket, '@');
    const char *colon = strchr(socket, ':');

    if (strncmp(socket, UNIX, strlen(UNIX)) == 0) {
        const char *path = socket + strlen(UNIX);
        const bool is_below = strncmp(path, queue, len) == 0 && path[len] == '/';
        snprintf(text_r, POSTFIX_SOCKET_MAX, UNIX "%s", is_below ? path + len + 1 : path);
    } else if (at != NULL && colon != NULL) {
        const bool needs_brackets = strchr(at, ':') != NULL && at[1] != '[';
        snprintf(text_r, POSTFIX_SOCKET_MAX, "inet:%s%s%s:%.*s", needs_brackets ? "[" : "", at + 1,
                needs_brackets ? "]" : "", (int)(at - colon - 1), colon + 1);
    } else {
        snprintf(text_r, POSTFIX_SOCKET_MAX, "%s", socket);
    }
}

struct text postfix_next_milter(struct text *rest)
{
    struct text t = *rest;
    size_t depth = 0;
    size_t len = 0;

    while (t.len > 0 && (text_is_white(t.at[0]) || t.at[0] == ','))
        t = (struct text){t.at + 1, t.len - 1};
    for (; len < t.len; len++) {
        if (depth == 0 && (text_is_white(t.at[len]) || t.at[len] == ','))
            break;
        depth += t.at[len] == '{';
        depth -= t.at[len] == '}' && depth > 0;
    }
    *rest = (struct text){t.at + len, t.len - len};
    return (struct text){t.at, len};
}

/* Whether a word of the list is `word`, with commas and spaces between words. */
static bool postfix_has_word(const char *list, const char *word)
{
    struct text rest = text_of(list);

    for (struct text t = postfix_next_milter(&rest); t.len > 0; t = postfix_next_milter(&rest))
        if (text_equal(t, text_of(word)))
            return true;
    return false;
}

static char *postfix_add_word(const char *list, const char *word)
{
    char *added = NULL;

    if (postfix_has_word(list, word))
        return strdup(list);
    return asprintf(&added, "%s%s%s", list, list[0] != '\0' ? ", " : "", word) >= 0 ? added : NULL;
}

/* Whether a milter of the list is the one at `socket`. */
static bool postfix_is_milter(struct text milter, const char *socket)
{
    const char *found = memmem(milter.at, milter.len, socket, strlen(socket));
    const char *end = milter.at + milter.len;

    if (found == NULL)
        return false;
    found += strlen(socket);
    return found == end || text_is_white(*found) || *found == ',' || *found == '}';
}

/* The list with our milter first: what signs a message behind it covers the stamp. `smtpd_milters`
 * in `non_smtpd_milters` brings it along. */
static char *postfix_put_first(const char *list, const char *socket)
{
    static const char *const same[] = {"$smtpd_milters", "${smtpd_milters}", "$(smtpd_milters)"};
    struct text rest = text_of(list);
    struct text milter = postfix_next_milter(&rest);
    char *after = NULL;
    size_t len = 0;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (text_equal(milter, text_of(same[i])))
            return strdup(list);
    if (postfix_is_milter(milter, socket))
        return strdup(list);
    FILE *out = open_memstream(&after, &len);
    if (out == NULL)
        return NULL;
    fprintf(out, "{ %s, default_action=tempfail }", socket);
    for (; milter.len > 0; milter = postfix_next_milter(&rest))
        if (!postfix_is_milter(milter, socket))
            fprintf(out, ", %.*s", (int)milter.len, milter.at);
    if (memstream_close(out, &after))
        return after;
    free(after);
    return NULL;
}

/* Version 6 or later, which leaves a field's white space as it is. */
static char *postfix_new_protocol(const char *before)
{
    return strdup(strtoul(before, NULL, 10) >= 6 ? before : "6");
}

bool postfix_plan(struct postfix *postfix, const char *socket)
{
    struct postfix_setting *s = postfix->settings;
    char name[POSTFIX_SOCKET_MAX];
    bool ok = true;

    postfix_socket(postfix->queue, socket, name);
    s[0].after = postfix_put_first(s[0].before, name);
    s[1].after = postfix_put_first(s[1].before, name);
    s[2].after = postfix_new_protocol(s[2].before);
    s[3].after = postfix_add_word(s[3].before, "bounce");
    s[4].after = postfix_add_word(s[4].before, "permit_sasl_authenticated");
    for (size_t i = 0; i < POSTFIX_SETTINGS; i++)
        ok = ok && s[i].after != NULL;
    return ok;
}

bool postfix_is_changed(const struct postfix_setting *setting)
{
    return setting->after != NULL && strcmp(setting->before, setting->after) != 0;
}

size_t postfix_changes(const struct postfix *postfix)
{
    size_t count = 0;

    for (size_t i = 0; i < POSTFIX_SETTINGS; i++)
        count += postfix_is_changed(&postfix->settings[i]);
    return count;
}

static bool postfix_must(const char *const *argv, char error_r[POSTFIX_ERROR_MAX])
{
    struct subprocess done;
    char text[SUBPROCESS_TEXT_MAX];
    const bool ok = subprocess_run(argv, text_of(""), &done);

    if (!ok) {
        subprocess_text(&done, text);
        snprintf(error_r, POSTFIX_ERROR_MAX, "%s %s %s", argv[0], argv[1], text);
    }
    subprocess_free(&done);
    return ok;
}

/* `postconf -e` with all that is changed. */
static bool postfix_edit(const struct postfix *postfix, char error_r[POSTFIX_ERROR_MAX])
{
    const char *argv[POSTFIX_SETTINGS + 3] = {"postconf", "-e"};
    char *lines[POSTFIX_SETTINGS] = {NULL};
    size_t count = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < POSTFIX_SETTINGS; i++) {
        const struct postfix_setting *s = &postfix->settings[i];
        if (!postfix_is_changed(s))
            continue;
        if (asprintf(&lines[count], "%s=%s", s->name, s->after) < 0) {
            lines[count] = NULL;
            ok = false;
            snprintf(error_r, POSTFIX_ERROR_MAX, "out of memory");
            break;
        }
        argv[2 + count] = lines[count];
        count++;
    }
    ok = ok && (count == 0 || postfix_must(argv, error_r));
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
    return ok;
}

static bool postfix_runs(void)
{
    const char *const argv[] = {"postfix", "status", NULL};
    struct subprocess done;
    const bool runs = subprocess_run(argv, text_of(""), &done);

    subprocess_free(&done);
    return runs;
}

/* A copy under a name with the date. NULL with a sentence. */
static char *postfix_keep(const char *path, char error_r[POSTFIX_ERROR_MAX])
{
    char date[DATE_TEXT_MAX];
    char *copy = NULL;

    date_format(unix_now(), date);
    if (asprintf(&copy, "%s.%s", path, date) < 0)
        return NULL;
    const char *const argv[] = {"cp", "-p", path, copy, NULL};
    if (postfix_must(argv, error_r))
        return copy;
    free(copy);
    return NULL;
}

bool postfix_apply(struct postfix *postfix, bool *runs_r, char error_r[POSTFIX_ERROR_MAX])
{
    static const char *const check[] = {"postfix", "check", NULL};
    static const char *const reload[] = {"postfix", "reload", NULL};

    *runs_r = postfix_runs();
    if (postfix_changes(postfix) == 0)
        return true;
    postfix->copy = postfix_keep(postfix->main_cf, error_r);
    if (postfix->copy == NULL)
        return false;
    if (postfix_edit(postfix, error_r) && postfix_must(check, error_r) &&
            (!*runs_r || postfix_must(reload, error_r)))
        return true;
    if (rename(postfix->copy, postfix->main_cf) != 0)
        (void)strncat(error_r, "; main.cf is not as it was: see the copy beside it",
                POSTFIX_ERROR_MAX - strlen(error_r) - 1);
    return false;
}
