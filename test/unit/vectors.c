// SPDX-License-Identifier: ISC
#include "vectors.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 64

struct vectors {
    FILE *file;
    char path[1024];
    unsigned line;
    unsigned record_line;
    size_t pairs;
    struct {
        char *line; /* holds the name; owns */
        struct text value;
    } pair[PAIRS_MAX];
};

static void give_up(const struct vectors *v, const char *what, const char *name)
{
    fprintf(stderr, "%s:%u: %s: %s\n", v->path, v->line, what, name);
    exit(EXIT_FAILURE);
}

struct vectors *vectors_open(const char *name)
{
    struct vectors *v = calloc(1, sizeof *v);
    const char *folder = getenv("VERIMAIL_VECTORS");

    if (v == NULL || folder == NULL) {
        fprintf(stderr, "vectors: VERIMAIL_VECTORS must name the folder test/vectors\n");
        exit(EXIT_FAILURE);
    }
    snprintf(v->path, sizeof v->path, "%s/%s", folder, name);
    v->file = fopen(v->path, "re");
    if (v->file == NULL)
        give_up(v, "cannot be read", name);
    return v;
}

static void forget_record(struct vectors *v)
{
    for (size_t i = 0; i < v->pairs; i++)
        free(v->pair[i].line);
    v->pairs = 0;
}

void vectors_free(struct vectors **vectors)
{
    if (*vectors == NULL)
        return;
    forget_record(*vectors);
    fclose((*vectors)->file);
    free(*vectors);
    *vectors = NULL;
}

/* Takes the escapes out, in place: what they stand for is never longer. */
static struct text unescape(const struct vectors *v, char *value)
{
    static const char from[] = "rnts\\";
    static const char to[] = "\r\n\t \\";
    char *out = value;

    for (const char *in = value; *in != '\0'; in++) {
        if (*in != '\\') {
            *out++ = *in;
            continue;
        }
        const char *known = in[1] != '\0' ? strchr(from, in[1]) : NULL;
        unsigned char octet = 0;
        if (known != NULL) {
            octet = (unsigned char)to[known - from];
            in += 1;
        } else if (in[1] == 'x' && sodium_hex2bin(&octet, 1, in + 2, 2, NULL, NULL, NULL) == 0) {
            in += 3;
        } else {
            give_up(v, "unknown escape", in);
        }
        *out++ = (char)octet;
    }
    return (struct text){value, (size_t)(out - value)};
}

static void take_line(struct vectors *v, char *line)
{
    char *equals = strchr(line, '=');

    if (equals == NULL || v->pairs == PAIRS_MAX)
        give_up(v, "not `name = value`, or too many of them", line);
    char *end = equals;
    while (end > line && end[-1] == ' ')
        end--;
    *end = '\0';
    char *value = equals + 1;
    while (*value == ' ')
        value++;
    v->pair[v->pairs].line = line;
    v->pair[v->pairs].value = unescape(v, value);
    v->pairs++;
}

bool vectors_next(struct vectors *v)
{
    char *line = NULL;
    size_t size = 0;

    forget_record(v);
    for (ssize_t len; (len = getline(&line, &size, v->file)) >= 0;) {
        v->line++;
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (line[0] == '#')
            continue;
        if (line[0] == '\0') {
            if (v->pairs > 0)
                break;
            continue;
        }
        if (v->pairs == 0)
            v->record_line = v->line;
        take_line(v, line);
        line = NULL; /* taken */
        size = 0;
    }
    free(line);
    return v->pairs > 0;
}

unsigned vectors_line(const struct vectors *v)
{
    return v->record_line;
}

static const struct text *find(const struct vectors *v, const char *name)
{
    for (size_t i = 0; i < v->pairs; i++)
        if (strcmp(v->pair[i].line, name) == 0)
            return &v->pair[i].value;
    return NULL;
}

struct text vectors_get(const struct vectors *v, const char *name)
{
    const struct text *value = find(v, name);

    if (value == NULL) {
        fprintf(stderr, "%s:%u: no value for %s\n", v->path, v->record_line, name);
        exit(EXIT_FAILURE);
    }
    return *value;
}

bool vectors_has(const struct vectors *v, const char *name)
{
    return find(v, name) != NULL;
}
