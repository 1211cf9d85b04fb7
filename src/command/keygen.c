// SPDX-License-Identifier: ISC
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "base/keypair.h"
#include "command/arguments.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "config/config.h"
#include "protocol/judge.h"

#define LIFETIME_DEFAULT (UINT64_C(7) * 86400) /* seconds, the default of a domain */
#define PUBLIC_MAX CLASSIC_PAIR_MAX

#define CLASSIC_PAIR_BITS 2048
#define CLASSIC_PAIR_MAX 1024 /* octets of the public key as PEM, with a NUL */

/* Makes an RSA key for the payloads of 2013. The secret key is PEM in `secret_r`, which the caller
 * must wipe. The public key is PEM with a NUL. */
bool classic_pair_make(char *secret_r, size_t size, size_t *len_r, char public_r[CLASSIC_PAIR_MAX])
        __attribute__((warn_unused_result));

/* Takes what was written to a memory BIO, with a NUL. The BIO wipes its copy when it is freed. */
static bool take_out(BIO *bio, char *buffer, size_t size, size_t *len_r)
{
    char *at = NULL;
    const long len = BIO_get_mem_data(bio, &at);

    if (len <= 0 || (size_t)len >= size)
        return false;
    memcpy(buffer, at, (size_t)len);
    buffer[len] = '\0';
    *len_r = (size_t)len;
    return true;
}

bool classic_pair_make(char *secret_r, size_t size, size_t *len_r, char public_r[CLASSIC_PAIR_MAX])
{
    EVP_PKEY *pair = EVP_RSA_gen(CLASSIC_PAIR_BITS);
    BIO *secret = BIO_new(BIO_s_mem());
    BIO *public = BIO_new(BIO_s_mem());
    size_t public_len;

    const bool ok = pair != NULL && secret != NULL && public != NULL &&
                    PEM_write_bio_PrivateKey(secret, pair, NULL, NULL, 0, NULL, NULL) == 1 &&
                    PEM_write_bio_PUBKEY(public, pair) == 1 &&
                    take_out(secret, secret_r, size, len_r) &&
                    take_out(public, public_r, CLASSIC_PAIR_MAX, &public_len);
    BIO_free(secret);
    BIO_free(public);
    EVP_PKEY_free(pair);
    return ok;
}

/* A new key: the file's content, and the public part. */
struct made {
    char *content; /* sodium_malloc(KEYFILE_MAX) */
    size_t len;
    char public[PUBLIC_MAX]; /* NUL-terminated */
};

/* What to paste, and where: the file's name or the public key, with the text around it. `before`
 * NULL: the public key alone. NAME becomes the host's name. */
struct setting {
    const char *where;
    const char *before;
    bool is_file;
    const char *after;
};

struct key_form {
    const char *name;
    const char *called;
    bool (*make)(const struct key_form *form, uint64_t now, struct made *made);
    enum key_kind secret;
    bool is_single;             /* an older key cannot be kept beside it */
    struct setting settings[3]; /* ends with a NULL */
};

static bool make_pair(const struct key_form *form, uint64_t now, struct made *made)
{
    struct keypair pair;
    const bool ok = keypair_make(form->secret, now, &pair);

    if (ok) {
        memcpy(made->content, pair.content, pair.len);
        made->len = pair.len;
        memcpy(made->public, pair.public, sizeof pair.public);
    }
    keypair_free(&pair);
    return ok;
}

static bool keygen_make_classic(const struct key_form *form, uint64_t now, struct made *made)
{
    (void)form;
    (void)now;
    return classic_pair_make(made->content, KEYFILE_MAX, &made->len, made->public);
}

static const struct key_form forms[] = {
        {"service", "a service", make_pair, KEY_SERVICE_SECRET,
                .settings = {{"In the service section, before older keys:", "keys = {", true, "}"},
                        {"In the stamp section of every sending host:", "service_key = ", false,
                                ""}}},
        {"host", "a sending host", make_pair, KEY_HOST_SECRET,
                .settings = {{"In the stamp section on this host:", "key = ", true, ""},
                        {"Where the service runs, beside older keys of the host:",
                                "host \"NAME\" { keys = {", false, "} }"}}},
        {"answer", "a service's answers", make_pair, KEY_ANSWER_SECRET,
                .settings = {{"In the service section, beside an older key:", "answer_keys = {",
                                     true, "}"},
                        {"In a section `peer` of a receiver that is to know it without the DNS:",
                                "key = ", false, ""}}},
        {"classic", "a domain, for payloads of 2013", keygen_make_classic, KEY_SERVICE_SECRET,
                .settings = {{"In the domain's section:", "classic_key = ", true, ""},
                        {"For the sending hosts of 2013:", NULL, false, NULL}},
                .is_single = true},
};

/* Where a new key goes. In a folder its name is the time, so that the newest key comes last. */
struct target {
    char secret[PATH_MAX];
    char public[PATH_MAX]; /* of the file with the public half; "": there is none */
    char named[PATH_MAX];  /* what the configuration has: the folder, or the file */
    mode_t mode;           /* of the secret half */
    gid_t group;           /* -1: that of the process */
};

static bool target_find_in_folder(const char *folder, const struct stat *st, bool has_public,
        uint64_t now, struct target *target_r)
{
    char absolute[PATH_MAX];
    char name[KEYFOLDER_NAME_MAX];

    keyfolder_name(now, name);
    if (realpath(folder, absolute) == NULL)
        return false;
    /* Who may enter the folder is meant to read the keys. */
    target_r->mode = 0640;
    target_r->group = st->st_gid;
    snprintf(target_r->named, sizeof target_r->named, "%s", absolute);
    int len = snprintf(target_r->secret, sizeof target_r->secret, "%s/%s.key", absolute, name);
    if (has_public)
        len = snprintf(target_r->public, sizeof target_r->public, "%s/%s.pub", absolute, name);
    errno = ENAMETOOLONG;
    return len < PATH_MAX;
}

/* False with errno. */
static bool target_find(const char *path, bool has_public, uint64_t now, struct target *target_r)
{
    struct stat st;

    *target_r = (struct target){.mode = 0600, .group = (gid_t)-1};
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return target_find_in_folder(path, &st, has_public, now, target_r);
    errno = ENAMETOOLONG;
    return snprintf(target_r->secret, sizeof target_r->secret, "%s", path) < PATH_MAX;
}

/* What the configuration says. It may be missing. */
struct known {
    uint64_t lifetime;         /* the longest lifetime of any domain, in seconds; 0: not known */
    char host[DOMAIN_MAX + 1]; /* this sending host, or NAME */
};

static struct known read_known(const char *path)
{
    struct known known = {.lifetime = LIFETIME_DEFAULT, .host = "NAME"};
    struct problems *problems = problems_init(path);
    struct config *config = problems != NULL ? config_read(path, problems) : NULL;

    /* A file that is there and cannot be read may have a longer lifetime than the default. */
    if (config != NULL ? config->domains_count > 0 : (access(path, F_OK) == 0 || errno != ENOENT))
        known.lifetime = 0;
    for (size_t i = 0; config != NULL && i < config->domains_count; i++)
        if (config->domains[i].policy.lifetime > known.lifetime)
            known.lifetime = config->domains[i].policy.lifetime;
    if (config != NULL && config->stamp_count > 0)
        snprintf(known.host, sizeof known.host, "%s", config->stamp->host.at);
    config_free(&config);
    problems_free(&problems);
    return known;
}

static void print_setting(
        const struct setting *setting, const char *file, const char *public, const char *host)
{
    printf("\n%s\n", setting->where);
    if (setting->before == NULL) {
        fputs(public, stdout);
        return;
    }
    const char *name = strstr(setting->before, "NAME");
    if (name != NULL)
        printf("    %.*s%s%s", (int)(name - setting->before), setting->before, host,
                name + strlen("NAME"));
    else
        printf("    %s", setting->before);
    escape_quoted(stdout, text_of(setting->is_file ? file : public));
    printf("%s\n", setting->after);
}

/* `until`: 0 when it is not known. */
static void print_text(const struct key_form *form, const struct target *target,
        const struct made *made, const char *host, uint64_t until)
{
    char date[DATE_TEXT_MAX];

    date_format(until, date);
    escape_put(stdout, text_of(target->secret));
    printf(": the new secret key of %s. Keep it secret.\n", form->called);
    if (target->public[0] != '\0') {
        escape_put(stdout, text_of(target->public));
        puts(": its public half.");
    }
    for (const struct setting *setting = form->settings; setting->where != NULL; setting++)
        print_setting(setting, target->named, made->public, host);
    if (target->public[0] != '\0')
        puts("\nOf a folder that is there already, a reload reads the new key.");
    if (form->is_single)
        puts("\nA domain has one such key at a time: payloads for an older one open no more.");
    else if (until > 0)
        printf("\nAn older key must stay where it is until %s, if this one is used from now on.\n",
                date);
    else
        puts("\nAn older key must stay where it is for the longest `lifetime` of a domain and five "
             "minutes\nmore. The configuration, which says how long that is, cannot be read: see "
             "`verimaild -t`.");
}

static void keygen_print_json(const struct key_form *form, const struct target *target,
        const struct made *made, uint64_t until)
{
    json_t *document = json_text_object();

    json_text_set(document, "file", json_text_string(target->secret));
    if (target->public[0] != '\0')
        json_text_set(document, "public_file", json_text_string(target->public));
    json_text_set(document, "kind", json_text_string(form->name));
    json_text_set(document, "public", json_text_string(made->public));
    json_text_set(document, "keep_older_until", until > 0 ? json_text_number(until) : json_null());
    json_text_print(stdout, document);
}

static enum status keygen_save(const struct invocation *invocation, const char *path,
        const char *content, size_t len, mode_t mode, gid_t group)
{
    if (keyfile_create_for(path, content, len, mode, group))
        return STATUS_OK;
    command_complain(invocation, "%s: %s", path,
            errno == EEXIST ? "is there already, and a key is never written over"
                            : strerror(errno));
    return STATUS_CREATE;
}

static enum status keygen_save_public(
        const struct invocation *invocation, const struct target *target, const struct made *made)
{
    char content[KEYPAIR_PUBLIC_FILE_MAX];

    if (target->public[0] == '\0')
        return STATUS_OK;
    keypair_public_file(made->public, content);
    return keygen_save(invocation, target->public, content, strlen(content), 0644, target->group);
}

/* The public half first: a secret one that nobody knows would make stamps that nobody opens. */
static enum status save(
        const struct invocation *invocation, const struct target *target, const struct made *made)
{
    enum status status = keygen_save_public(invocation, target, made);

    if (status != STATUS_OK)
        return status;
    status = keygen_save(
            invocation, target->secret, made->content, made->len, target->mode, target->group);
    if (status != STATUS_OK && target->public[0] != '\0')
        (void)unlink(target->public);
    return status;
}

static enum status generate(const struct invocation *invocation, const struct key_form *form,
        const char *path, bool as_json)
{
    const uint64_t now = unix_now();
    struct made made = {.content = sodium_malloc(KEYFILE_MAX)};
    struct target target;
    char absolute[PATH_MAX];

    if (!target_find(path, !form->is_single, now, &target)) {
        command_complain(invocation, "%s: %s", path, strerror(errno));
        sodium_free(made.content);
        return STATUS_CREATE;
    }
    if (made.content == NULL || !form->make(form, now, &made)) {
        command_complain(invocation, "no key could be made");
        sodium_free(made.content);
        return STATUS_FAILURE;
    }
    const enum status status = save(invocation, &target, &made);
    sodium_free(made.content);
    if (status != STATUS_OK)
        return status;
    if (realpath(target.secret, absolute) != NULL)
        snprintf(target.secret, sizeof target.secret, "%s", absolute);
    if (target.named[0] == '\0')
        snprintf(target.named, sizeof target.named, "%s", target.secret);
    const struct known known = read_known(invocation->config_path);
    const uint64_t until = known.lifetime > 0 ? now + known.lifetime + JUDGE_FUTURE : 0;
    if (as_json)
        keygen_print_json(form, &target, &made, until);
    else
        print_text(form, &target, &made, known.host, until);
    return STATUS_OK;
}

static enum status keygen_run(const struct invocation *invocation)
{
    const char *operands[2];
    bool as_json = false;
    const struct arguments_option options[] = {{"--json", .flag = &as_json}, {NULL}};

    if (!arguments_read(invocation, options, 2, 2, operands))
        return STATUS_USAGE;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, operands[0]) == 0)
            return generate(invocation, &forms[i], operands[1], as_json);
    command_complain(invocation, "%s: expected service, host, answer or classic", operands[0]);
    return STATUS_USAGE;
}

const struct command command_keygen = {
        .name = "keygen",
        .synopsis = "service|host|classic FILE|FOLDER [--json]",
        .summary = "make a key, and say where it goes",
        .help = "  service   the answering service's key; sending hosts get its public half\n"
                "  host      a sending host's key; the service gets its public half\n"
                "  classic   an RSA key for the payloads of 2013\n"
                "  --json    print JSON\n"
                "\n"
                "FILE is created for its owner alone, and never written over. Of a folder it is a "
                "new\n"
                "file in it, named by the time, for the folder's group to read; the public half\n"
                "goes into a file beside it.\n",
        .run = keygen_run,
};
