// SPDX-License-Identifier: ISC
#include "fixture_service.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_NUMBER 1
#define SERVICE_NUMBER 101

static void make_secret(unsigned char number, unsigned char secret_r[KEY_OCTETS])
{
    memset(secret_r, number, KEY_OCTETS);
}

void fixture_service_host_key(unsigned char number, char text_r[KEY_TEXT_MAX + 1])
{
    unsigned char secret[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];

    make_secret(number, secret);
    key_public(secret, public);
    key_format(KEY_HOST_PUBLIC, public, text_r);
}

void fixture_service_service_key(unsigned char number, char text_r[KEY_TEXT_MAX + 1])
{
    unsigned char secret[KEY_OCTETS];

    make_secret(number, secret);
    key_format(KEY_SERVICE_SECRET, secret, text_r);
}

static void put(FILE *out, const struct folder *folder, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '$')
            fputs(folder->path, out);
        else
            fputc(*text, out);
    }
}

static char *make_text(const struct folder *folder, const char *options, const char *rest)
{
    char host_key[KEY_TEXT_MAX + 1];
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        err(EXIT_FAILURE, "memory");
    fixture_service_host_key(HOST_NUMBER, host_key);
    fprintf(out, "host " FIXTURE_SERVICE_HOST " { keys = \"%s\" } ", host_key);
    put(out, folder, "service { keys = {\"$/service.key\"} replay = none ");
    put(out, folder, options);
    fputs("}\n", out);
    put(out, folder, rest);
    fclose(out);
    return text;
}

struct fixture_service fixture_service_open_in(
        struct folder folder, const char *options, const char *rest)
{
    struct fixture_service fixture = {.folder = folder};
    char key[KEY_TEXT_MAX + 1];
    char *text = make_text(&folder, options, rest);

    fixture_service_service_key(SERVICE_NUMBER, key);
    folder_write(&folder, "service.key", key, strlen(key), 0600);
    fixture.conf = conf_of(text);
    free(text);
    if (problems_count(fixture.conf.problems) > 0)
        errx(EXIT_FAILURE, "%s", problems_text(fixture.conf.problems));
    fixture.service = service_init(fixture.conf.config, fixture.conf.problems);
    return fixture;
}

struct fixture_service fixture_service_open(const char *options, const char *rest)
{
    return fixture_service_open_in(folder_make(), options, rest);
}

void fixture_service_close(struct fixture_service *fixture)
{
    service_free(&fixture->service);
    conf_free(&fixture->conf);
    folder_remove(&fixture->folder);
}

void fixture_service_judge(const struct fixture_service *fixture, struct text line,
        uint64_t unix_now, struct query *query_r)
{
    query_r->seal.is_sealed = false;
    query_read(fixture->service, line, query_r);
    if (!query_r->well_formed)
        return;
    query_open(fixture->service, NULL, 0, unix_now, query_r);
    if (judge_begin(&query_r->judge, &query_r->judgement) == JUDGE_COUNT)
        judge_counted(&query_r->judgement, REPLAY_SKIPPED);
}

void fixture_service_seal(const char *user, uint64_t issued, char text_r[PAYLOAD_TEXT_MAX + 1])
{
    static const unsigned char nonce[PAYLOAD_NONCE];
    const struct payload payload = {.host = text_of(FIXTURE_SERVICE_HOST),
            .receiving = text_of("*:1"),
            .issued = issued,
            .user = text_of(user),
            .digest = text_of("-")};
    unsigned char host[KEY_OCTETS];
    unsigned char service[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];
    struct keyring *ring = keyring_init(1);
    struct writer w = writer_of(text_r, PAYLOAD_TEXT_MAX);

    make_secret(HOST_NUMBER, host);
    make_secret(SERVICE_NUMBER, service);
    key_public(service, public);
    if (ring == NULL || keyring_add_sender(ring, FIXTURE_SERVICE_HOST, host, public) != KEY_OK ||
            !payload_seal(keyring_at(ring, 0), nonce, &payload, &w))
        errx(EXIT_FAILURE, "a payload for %s cannot be sealed", user);
    text_r[writer_text(&w).len] = '\0';
    keyring_free(&ring);
}
