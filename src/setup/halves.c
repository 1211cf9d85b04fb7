// SPDX-License-Identifier: ISC
#include "setup/halves.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "protocol/domain.h"

#define LINE_MAX_OCTETS 1024
#define WORDS 3

static bool halves_fail(char error_r[HALVES_ERROR_MAX], const char *where, const char *what)
{
    snprintf(error_r, HALVES_ERROR_MAX, "%s: %s", where, what);
    return false;
}

static bool halves_add_text(struct config_list *list, const char *text)
{
    struct config_text one = {.at = strdup(text)};

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].at, text) == 0) {
            free(one.at);
            return true;
        }
    if (one.at != NULL && config_list_add(list, one))
        return true;
    free(one.at);
    return false;
}

/* The host of this name, which is added if it is not there. NULL when out of memory. */
static struct config_host *halves_host(struct halves *halves, const char *name)
{
    for (size_t i = 0; i < halves->hosts_count; i++)
        if (strcmp(halves->hosts[i].name.at, name) == 0)
            return &halves->hosts[i];
    struct config_host *larger =
            reallocarray(halves->hosts, halves->hosts_count + 1, sizeof *larger);
    if (larger == NULL)
        return NULL;
    halves->hosts = larger;
    struct config_host *host = &larger[halves->hosts_count];
    *host = (struct config_host){.name = {.at = strdup(name)}};
    if (host->name.at == NULL)
        return NULL;
    halves->hosts_count++;
    return host;
}

static bool halves_add_key(struct halves *halves, const char *name, const char *key)
{
    struct config_host *host = halves_host(halves, name);

    return host != NULL && halves_add_text(&host->keys, key);
}

/* Each takes the words behind the first. A sentence's end, or NULL. */

static const char *halves_take_domain(struct halves *halves, const char *const words[WORDS])
{
    char ascii[DOMAIN_MAX + 1];

    if (!domain_to_ascii(text_of(words[1]), ascii))
        return "expected `domain NAME`";
    return halves_add_text(&halves->domains, ascii) ? NULL : strerror(ENOMEM);
}

static const char *halves_take_service(struct halves *halves, const char *const words[WORDS])
{
    unsigned char key[KEY_OCTETS];
    const enum key_result result = key_parse(text_of(words[1]), KEY_SERVICE_PUBLIC, key);

    if (result != KEY_OK)
        return "expected `service service-public:...`, as `verimail setup --export` writes it";
    snprintf(halves->service, sizeof halves->service, "%s", words[1]);
    return NULL;
}

static const char *halves_take_address(struct halves *halves, const char *const words[WORDS])
{
    struct endpoint endpoint;

    if (!endpoint_parse(words[1], &endpoint) || endpoint.wildcard)
        return "expected `address ADDRESS:PORT`";
    endpoint_format(&endpoint, halves->address);
    return NULL;
}

static const char *halves_take_host(struct halves *halves, const char *const words[WORDS])
{
    unsigned char key[KEY_OCTETS];
    char ascii[DOMAIN_MAX + 1];

    if (!domain_to_ascii(text_of(words[1]), ascii) ||
            key_parse(text_of(words[2]), KEY_HOST_PUBLIC, key) != KEY_OK)
        return "expected `host NAME host-public:...`, as `verimail setup --export` writes it";
    return halves_add_key(halves, ascii, words[2]) ? NULL : strerror(ENOMEM);
}

static const struct {
    const char *name;
    const char *(*take)(struct halves *halves, const char *const words[WORDS]);
} halves_lines[] = {
        {"domain", halves_take_domain},
        {"service", halves_take_service},
        {"address", halves_take_address},
        {"host", halves_take_host},
};

static const char *halves_take(struct halves *halves, char *line)
{
    const char *words[WORDS] = {"", "", ""};
    char *rest = line;
    size_t count = 0;

    line[strcspn(line, "#\r\n")] = '\0';
    for (char *word; (word = strsep(&rest, " \t")) != NULL;)
        if (word[0] != '\0') {
            if (count == WORDS)
                return "too many words";
            words[count++] = word;
        }
    for (size_t i = 0; count > 0 && i < sizeof halves_lines / sizeof *halves_lines; i++)
        if (strcmp(words[0], halves_lines[i].name) == 0)
            return halves_lines[i].take(halves, words);
    return count == 0 ? NULL : "expected domain, service, address or host";
}

bool halves_read(const char *path, struct halves *halves, char error_r[HALVES_ERROR_MAX])
{
    FILE *file = fopen(path, "re");
    char line[LINE_MAX_OCTETS];
    const char *error = NULL;
    unsigned number = 0;

    if (file == NULL)
        return halves_fail(error_r, path, strerror(errno));
    while (error == NULL && fgets(line, sizeof line, file) != NULL) {
        number++;
        error = halves_take(halves, line);
    }
    const bool is_read = ferror(file) == 0;
    const int code = errno;
    fclose(file);
    if (error != NULL)
        snprintf(error_r, HALVES_ERROR_MAX, "%s:%u: %s", path, number, error);
    else if (!is_read)
        return halves_fail(error_r, path, strerror(code));
    return error == NULL;
}

/* The public half of a secret key. False with a sentence. */
static bool halves_public(const char *path, enum key_kind secret, char text_r[KEY_TEXT_MAX + 1],
        char error_r[HALVES_ERROR_MAX])
{
    unsigned char public[KEY_OCTETS];
    const char *error;
    const bool ok = keyfile_read_public(path, secret, public, &error);

    if (ok)
        key_format(key_kind_public(secret), public, text_r);
    else
        (void)halves_fail(error_r, path, error);
    return ok;
}

static bool halves_collect_service(const struct config *config, const struct config_list *addresses,
        struct halves *halves, char error_r[HALVES_ERROR_MAX])
{
    struct keyfolder list;
    const char *path = config->service->keys.at[0].at;
    const char *error = NULL;
    const bool ok =
            keyfolder_list(path, KEY_SERVICE_SECRET, &list, &error)
                    ? halves_public(list.paths[0], KEY_SERVICE_SECRET, halves->service, error_r)
                    : halves_fail(error_r, path, error);

    keyfolder_free(&list);
    if (addresses->count > 0) {
        const bool is_v6 = strchr(addresses->at[0].at, ':') != NULL;
        snprintf(halves->address, sizeof halves->address, "%s%.40s%s:26", is_v6 ? "[" : "",
                addresses->at[0].at, is_v6 ? "]" : "");
    }
    return ok;
}

/* All keys of this host: stamps of an older one are under way. */
static bool halves_collect_host(
        const struct config_stamp *stamp, struct halves *halves, char error_r[HALVES_ERROR_MAX])
{
    char text[KEY_TEXT_MAX + 1];
    struct keyfolder list;
    const char *error = NULL;
    bool ok = keyfolder_list(stamp->key.at, KEY_HOST_SECRET, &list, &error) ||
              halves_fail(error_r, stamp->key.at, error);

    for (size_t i = 0; ok && i < list.count; i++)
        ok = halves_public(list.paths[i], KEY_HOST_SECRET, text, error_r) &&
             (halves_add_key(halves, stamp->host.at, text) ||
                     halves_fail(error_r, stamp->host.at, strerror(ENOMEM)));
    keyfolder_free(&list);
    return ok;
}

bool halves_collect(const struct config *config, const struct config_list *addresses,
        struct halves *halves_r, char error_r[HALVES_ERROR_MAX])
{
    bool ok = true;

    *halves_r = (struct halves){0};
    for (size_t i = 0; ok && i < config->domains_count; i++)
        ok = halves_add_text(&halves_r->domains, config->domains[i].name.at);
    for (size_t i = 0; ok && config->stamp_count > 0 && i < config->stamp->domains.count; i++)
        ok = halves_add_text(&halves_r->domains, config->stamp->domains.at[i].at);
    if (!ok)
        return halves_fail(error_r, "domains", strerror(ENOMEM));
    if (config->service_count > 0)
        ok = halves_collect_service(config, addresses, halves_r, error_r);
    return ok &&
           (config->stamp_count == 0 || halves_collect_host(config->stamp, halves_r, error_r));
}

bool halves_write(const struct halves *halves, FILE *out)
{
    fputs("# For `verimail setup --import` on your other machines. Nothing of it is secret.\n",
            out);
    for (size_t i = 0; i < halves->domains.count; i++)
        fprintf(out, "domain %s\n", halves->domains.at[i].at);
    if (halves->service[0] != '\0')
        fprintf(out, "service %s\n", halves->service);
    if (halves->address[0] != '\0')
        fprintf(out, "address %s\n", halves->address);
    for (size_t i = 0; i < halves->hosts_count; i++)
        for (size_t k = 0; k < halves->hosts[i].keys.count; k++)
            fprintf(out, "host %s %s\n", halves->hosts[i].name.at, halves->hosts[i].keys.at[k].at);
    return fflush(out) == 0 && !ferror(out);
}

void halves_free(struct halves *halves)
{
    config_list_free(&halves->domains);
    for (size_t i = 0; i < halves->hosts_count; i++) {
        free(halves->hosts[i].name.at);
        config_list_free(&halves->hosts[i].keys);
    }
    free(halves->hosts);
    *halves = (struct halves){0};
}
