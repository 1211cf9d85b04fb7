// SPDX-License-Identifier: ISC
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "config/problems.h"
#include "config/section.h"
#include "config/unusable.h"

bool config_list_add(struct config_list *list, struct config_text text)
{
    /* The array doubles: at a power of two it is full. */
    if ((list->count & (list->count - 1)) == 0) {
        const size_t size = list->count > 0 ? list->count * 2 : 1;
        struct config_text *larger = reallocarray(list->at, size, sizeof *larger);
        if (larger == NULL)
            return false;
        list->at = larger;
    }
    list->at[list->count++] = text;
    return true;
}

void config_list_free(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i].at);
    free(list->at);
    *list = (struct config_list){0};
}

void config_free(struct config **config)
{
    if (*config == NULL)
        return;
    section_clear(&section_root, *config);
    free(*config);
    *config = NULL;
}

const struct config_milter *config_find_milter(const struct config *config, const char *name)
{
    const char *wanted = name != NULL ? name : "";

    for (size_t i = 0; i < config->milter_count; i++) {
        const char *at = config->milter[i].name.at;
        if (strcmp(at != NULL ? at : "", wanted) == 0)
            return &config->milter[i];
    }
    return NULL;
}

void config_check_mode(const struct config *config, mode_t mode, struct problems *problems)
{
    for (size_t i = 0; i < config->milter_count; i++)
        if (config->milter[i].relayed_mark.at != NULL && (mode & S_IROTH) != 0)
            problems_add(problems, config->milter[i].relayed_mark.line,
                    "relayed_mark in a file that everybody may read", NULL,
                    "a file of mode 0600 or 0640: the mark is a secret");
}

void config_log_settings(
        const struct config *config, enum log_level *level_r, enum log_format *format_r)
{
    *level_r = LOG_LEVEL_INFO;
    (void)log_level_find(config->log->level.at, level_r); /* the parser checked it */
    *format_r = strcmp(config->log->format.at, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
}

void config_configure_log(const struct config *config)
{
    enum log_level level;
    enum log_format format;

    config_log_settings(config, &level, &format);
    log_configure(level, format);
}

/* A store of counts that the file does not name lies in the state folder. */
static bool config_set_replay(struct config_service *service)
{
    return service->replay.at != NULL ||
           asprintf(&service->replay.at, "lmdb:%s/replay", service->state.at) >= 0;
}

/* Adds a section of defaults where the file has none of that name. `values`: its struct, all zero.
 */
static bool config_add_missing(struct config *config, const char *name, void *values)
{
    const struct section *section = section_within(&section_root, name);

    if (section_count(section, config) > 0 ||
            (section_defaults(section, values) && section_append(section, values, config)))
        return true;
    section_clear(section, values);
    return false;
}

static bool config_complete(struct config *config)
{
    struct config_service *service = config->service;

    return config_add_missing(config, "log", &(struct config_log){0}) &&
           config_add_missing(config, "record", &(struct config_record){0}) &&
           (service == NULL || config_set_replay(service));
}

struct config *config_read_text(const char *text, size_t len, struct problems *problems)
{
    const size_t before = problems_count(problems);
    struct config *config = config_parse(text, len, problems);

    if (config != NULL)
        config_check(config, problems);
    if (problems_count(problems) > before)
        config_free(&config);
    if (config != NULL && !config_complete(config)) {
        problems_add_memory(problems);
        config_free(&config);
    }
    return config;
}

char *config_load(FILE *file, size_t *len_r)
{
    size_t len = 0;
    size_t size = 16384;
    char *text = malloc(size);

    while (text != NULL) {
        len += fread(text + len, 1, size - 1 - len, file);
        if (len < size - 1 || len > CONFIG_MAX)
            break;
        size *= 2;
        char *larger = realloc(text, size);
        if (larger == NULL)
            free(text);
        text = larger;
    }
    if (text != NULL && (ferror(file) || len > CONFIG_MAX)) {
        if (!ferror(file))
            errno = EFBIG;
        free(text);
        return NULL;
    }
    if (text != NULL)
        text[len] = '\0';
    *len_r = len;
    return text;
}

struct config *config_read(const char *path, struct problems *problems)
{
    FILE *file = fopen(path, "re");
    size_t len = 0;
    char *text = file != NULL ? config_load(file, &len) : NULL;
    struct config *config = NULL;
    struct stat st;

    if (text == NULL || fstat(fileno(file), &st) != 0) {
        const int error = errno;
        errno = error;
        unusable_add_config(problems, path);
    } else {
        const size_t before = problems_count(problems);
        config = config_read_text(text, len, problems);
        if (config != NULL)
            config_check_mode(config, st.st_mode, problems);
        if (problems_count(problems) > before)
            config_free(&config);
    }
    free(text);
    if (file != NULL)
        fclose(file);
    return config;
}
