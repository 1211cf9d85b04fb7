// SPDX-License-Identifier: ISC
#include "milter/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "config/config.h"
#include "config/unusable.h"

/* What is sent: for each part a uint32_t in the machine's order, which is its length and 1, or 0 if
 * there is no such part; then the octets of all parts. */
enum { PATH, CONFIG, KEY, LOGINS, KEY_PATH, SECTION, PARTS };

static const size_t limits[PARTS] = {
        [PATH] = 65536,
        [CONFIG] = CONFIG_MAX,
        [SECTION] = 256,
        [KEY] = KEYFILE_MAX,
        [LOGINS] = CONFIG_MAX,
        [KEY_PATH] = 65536,
};

/* NULL with errno. A FIFO or a device is refused: reading it could wait forever. */
static FILE *bundle_open(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st = {0};
    FILE *file = NULL;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    else if (S_ISREG(st.st_mode))
        file = fdopen(fd, "r");
    if (file == NULL) {
        const int error = errno;
        close(fd);
        errno = error;
    }
    return file;
}

/* A file's content and a NUL; NULL with errno. */
static char *bundle_read_file(const char *path, size_t *len_r, mode_t *mode_r)
{
    FILE *file = bundle_open(path);
    struct stat st = {0};

    if (file == NULL)
        return NULL;
    char *content = fstat(fileno(file), &st) == 0 ? config_load(file, len_r) : NULL;
    *mode_r = st.st_mode;
    const int error = errno;
    fclose(file);
    errno = error;
    return content;
}

/* A file that the configuration names cannot be used. `error`: why. */
static void bundle_add_unusable(struct problems *problems, const char *which, unsigned line,
        const char *path, const char *error)
{
    unusable_add(problems, &(struct unusable){.line = line,
                                   .which = which,
                                   .path = path,
                                   .error = error,
                                   .expected = "a file that verimail-milter can read"});
}

/* Of a folder the newest key. */
static bool bundle_read_key(
        const struct config_text *option, struct bundle *bundle, struct problems *problems)
{
    struct keyfolder list;
    const char *error = NULL;

    if (keyfolder_list(option->at, KEY_HOST_SECRET, &list, &error)) {
        bundle->key_path = list.paths[0];
        list.paths[0] = NULL;
        bundle->key = keyfile_load(bundle->key_path, &bundle->key_len, &error);
    }
    if (bundle->key == NULL)
        bundle_add_unusable(problems, "host key", option->line,
                bundle->key_path != NULL ? bundle->key_path : option->at, error);
    keyfolder_free(&list);
    return bundle->key != NULL;
}

static bool bundle_read_logins(
        const struct config_text *logins, struct bundle *bundle, struct problems *problems)
{
    if (logins->at[0] != '/')
        return true;
    mode_t mode;
    bundle->logins = bundle_read_file(logins->at, &bundle->logins_len, &mode);
    if (bundle->logins == NULL)
        bundle_add_unusable(problems, "table of logins", logins->line, logins->at, strerror(errno));
    return bundle->logins != NULL;
}

static bool bundle_read_files(const struct config *config, const struct config_milter *milter,
        struct bundle *bundle, struct problems *problems)
{
    bool ok = true;

    bundle->section = strdup(milter->name.at != NULL ? milter->name.at : "");
    if (bundle->section == NULL) {
        problems_add_memory(problems);
        return false;
    }
    if (config->stamp_count > 0)
        ok = bundle_read_key(&config->stamp->key, bundle, problems);
    return bundle_read_logins(&milter->logins, bundle, problems) && ok;
}

struct config *bundle_parse(const struct bundle *bundle, struct problems *problems)
{
    struct config *config = config_read_text(bundle->config, bundle->config_len, problems);

    if (config != NULL && bundle->section != NULL &&
            config_find_milter(config, bundle->section) == NULL) {
        problems_add(problems, 0, "no section", "milter", bundle->section);
        config_free(&config);
    }
    if (config != NULL && config->milter_count == 0) {
        problems_add(problems, 0, "no section", "milter", "milter { ... }");
        config_free(&config);
    }
    return config;
}

struct policy_files bundle_files(const struct bundle *bundle)
{
    return (struct policy_files){
            .key = {bundle->key, bundle->key_len},
            .key_path = bundle->key_path,
            .logins = {bundle->logins, bundle->logins_len},
    };
}

bool bundle_read(const char *path, struct bundle *bundle_r, struct config **config_r,
        struct problems *problems)
{
    *config_r = NULL;
    *bundle_r = (struct bundle){.path = strdup(path)};
    if (bundle_r->path == NULL) {
        problems_add_memory(problems);
        return false;
    }
    mode_t mode;
    bundle_r->config = bundle_read_file(path, &bundle_r->config_len, &mode);
    if (bundle_r->config == NULL) {
        unusable_add_config(problems, path);
        return false;
    }
    *config_r = bundle_parse(bundle_r, problems);
    if (*config_r == NULL)
        return false;
    const size_t before = problems_count(problems);
    config_check_mode(*config_r, mode, problems);
    return bundle_read_files(*config_r, (*config_r)->milter, bundle_r, problems) &&
           problems_count(problems) == before;
}

bool bundle_read_section(const struct bundle *bundle, const struct config *config,
        const struct config_milter *milter, struct bundle *bundle_r, struct problems *problems)
{
    *bundle_r = (struct bundle){.path = strdup(bundle->path),
            .config = strdup(bundle->config),
            .config_len = bundle->config_len};
    if (bundle_r->path != NULL && bundle_r->config != NULL)
        return bundle_read_files(config, milter, bundle_r, problems);
    problems_add_memory(problems);
    return false;
}

void bundle_clear(struct bundle *bundle)
{
    free(bundle->path);
    free(bundle->config);
    free(bundle->section);
    free(bundle->key_path);
    sodium_free(bundle->key);
    free(bundle->logins);
    *bundle = (struct bundle){0};
}

static bool bundle_send_octets(int fd, const void *at, size_t len)
{
    const char *from = at;

    while (len > 0) {
        const ssize_t sent = send(fd, from, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        from += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool bundle_receive_octets(int fd, void *at, size_t len)
{
    char *to = at;

    while (len > 0) {
        const ssize_t got = recv(fd, to, len, 0);
        if (got == 0)
            errno = ECONNRESET;
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        to += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

bool bundle_send(int fd, const struct bundle *bundle)
{
    const char *const parts[PARTS] = {bundle->path, bundle->config, bundle->key, bundle->logins,
            bundle->key_path, bundle->section};
    const size_t lens[PARTS] = {strlen(bundle->path), bundle->config_len, bundle->key_len,
            bundle->logins_len, bundle->key_path != NULL ? strlen(bundle->key_path) : 0,
            bundle->section != NULL ? strlen(bundle->section) : 0};
    uint32_t head[PARTS];

    for (size_t i = 0; i < PARTS; i++)
        head[i] = parts[i] != NULL ? (uint32_t)lens[i] + 1 : 0;
    bool ok = bundle_send_octets(fd, head, sizeof head);
    for (size_t i = 0; ok && i < PARTS; i++)
        ok = parts[i] == NULL || bundle_send_octets(fd, parts[i], lens[i]);
    return ok;
}

/* With a NUL behind it. A key gets guarded memory. */
static char *bundle_receive_part(int fd, size_t part, size_t len)
{
    char *content = part == KEY ? sodium_malloc(KEYFILE_MAX + 1) : malloc(len + 1);

    if (content == NULL)
        return NULL;
    if (bundle_receive_octets(fd, content, len)) {
        content[len] = '\0';
        return content;
    }
    const int error = errno;
    if (part == KEY)
        sodium_free(content);
    else
        free(content);
    errno = error;
    return NULL;
}

bool bundle_receive(int fd, struct bundle *bundle_r)
{
    char **const parts[PARTS] = {&bundle_r->path, &bundle_r->config, &bundle_r->key,
            &bundle_r->logins, &bundle_r->key_path, &bundle_r->section};
    uint32_t head[PARTS];
    bool ok = bundle_receive_octets(fd, head, sizeof head);

    *bundle_r = (struct bundle){0};
    for (size_t i = 0; ok && i < PARTS; i++) {
        if (head[i] > limits[i] + 1 || (head[i] == 0 && i <= CONFIG)) {
            errno = EPROTO;
            ok = false;
        }
    }
    for (size_t i = 0; ok && i < PARTS; i++) {
        if (head[i] > 0)
            *parts[i] = bundle_receive_part(fd, i, head[i] - 1);
        ok = head[i] == 0 || *parts[i] != NULL;
    }
    if (!ok) {
        const int error = errno;
        bundle_clear(bundle_r);
        errno = error;
        return false;
    }
    bundle_r->config_len = head[CONFIG] - 1;
    bundle_r->key_len = head[KEY] > 0 ? head[KEY] - 1 : 0;
    bundle_r->logins_len = head[LOGINS] > 0 ? head[LOGINS] - 1 : 0;
    return true;
}
