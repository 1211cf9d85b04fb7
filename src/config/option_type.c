// SPDX-License-Identifier: ISC
#include "config/option_type.h"

#include <string.h>
#include <sys/un.h>

#include "base/endpoint.h"
#include "base/network.h"
#include "config/config.h"
#include "config/relayed.h"
#include "protocol/address.h"
#include "protocol/domain.h"
#include "protocol/key.h"
#include "replay/redis_address.h"

static bool option_type_store(const char *value, void *at_r)
{
    char *copy = strdup(value);

    memcpy(at_r, &copy, sizeof copy);
    return copy != NULL;
}

static bool parse_text(const struct option_type *type, const char *value, void *at_r)
{
    return type->accept(value) && option_type_store(value, at_r);
}

static bool parse_bool(const struct option_type *type, const char *value, void *at_r)
{
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};

    (void)type;
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 3; i++) {
            if (strcmp(value, words[truth][i]) == 0) {
                *(bool *)at_r = truth == 1;
                return true;
            }
        }
    }
    return false;
}

static bool accept_path(const char *value)
{
    return value[0] == '/';
}

static bool accept_name(const char *value)
{
    return value[0] != '\0' && strpbrk(value, "/: \t") == NULL;
}

static bool parse_domain(const struct option_type *type, const char *value, void *at_r)
{
    char ascii[DOMAIN_MAX + 1];

    (void)type;
    return domain_to_ascii(text_of(value), ascii) && option_type_store(ascii, at_r);
}

static bool accept_local(const char *value)
{
    struct address address;

    /* The question is whether this could be a user of some domain: any will do. */
    return strcmp(value, "*") == 0 ||
           (strchr(value, '@') == NULL &&
                   address_parse(text_of(value), text_of("example.org"), &address));
}

static bool accept_listen(const char *value)
{
    struct endpoint endpoint;

    return endpoint_parse(value, &endpoint);
}

/* One address, and a port that can be connected to. */
static bool accept_service(const char *value)
{
    struct endpoint endpoint;

    return endpoint_parse(value, &endpoint) && endpoint_is_target(&endpoint);
}

/* Printable octets and spaces. Octets that are not ASCII are left to the code that compares them.
 */
static bool is_printable(const char *value)
{
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return value[0] != '\0';
}

/* A long query is written over several lines. */
static bool accept_lines(const char *value)
{
    bool any = false;

    for (const char *at = value; *at != '\0'; at++) {
        if (((unsigned char)*at < ' ' && !text_is_white(*at)) || *at == 0x7f)
            return false;
        any = any || !text_is_white(*at);
    }
    return any;
}

/* The resolver checks the rest. */
static bool accept_anchor(const char *value)
{
    return is_printable(value) &&
           (strcasestr(value, " DS ") != NULL || strcasestr(value, " DNSKEY ") != NULL);
}

static bool accept_network(const char *value)
{
    struct network network;

    return network_parse(value, &network);
}

static bool is_port(const char *value)
{
    uint64_t port;

    return text_decimal(text_of(value), UINT16_MAX, &port) && port > 0;
}

/* An address alone, of either family. */
static bool is_address(struct text t)
{
    struct network network;
    char buffer[ENDPOINT_TEXT_MAX];

    if (t.len >= sizeof buffer || memchr(t.at, '/', t.len) != NULL)
        return false;
    memcpy(buffer, t.at, t.len);
    buffer[t.len] = '\0';
    return network_parse(buffer, &network);
}

static bool accept_resolver(const char *value)
{
    const char *at = strchr(value, '@');
    const size_t len = at != NULL ? (size_t)(at - value) : strlen(value);

    return is_address((struct text){value, len}) && (at == NULL || is_port(at + 1));
}

static bool is_unix_socket(const char *path)
{
    return path[0] == '/' && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

/* PORT@ADDRESS */
static bool is_inet_socket(const char *value)
{
    const char *at = strchr(value, '@');
    char port[6] = "";

    if (at == NULL || at - value >= (long)sizeof port)
        return false;
    memcpy(port, value, (size_t)(at - value));
    return is_port(port) && is_address(text_of(at + 1));
}

static bool accept_socket(const char *value)
{
    if (strncmp(value, "unix:", 5) == 0)
        return is_unix_socket(value + 5);
    if (strncmp(value, "inet:", 5) == 0)
        return strchr(value + 5, ':') == NULL && is_inet_socket(value + 5);
    return strncmp(value, "inet6:", 6) == 0 && strchr(value + 6, ':') != NULL &&
           is_inet_socket(value + 6);
}

static bool accept_logins(const char *value)
{
    return (strcmp(value, "same") == 0 || strcmp(value, "any") == 0 || value[0] == '/');
}

static bool parse_key(const struct option_type *type, const char *value, void *at_r)
{
    unsigned char key[KEY_OCTETS];

    return key_parse(text_of(value), (enum key_kind)type->min, key) == KEY_OK &&
           option_type_store(value, at_r);
}

/* Mistyped, and of another kind, are other mistakes than what is no key at all. */
static const char *option_type_key_fault(const struct option_type *type, const char *value)
{
    unsigned char key[KEY_OCTETS];
    const enum key_result result = key_parse(text_of(value), (enum key_kind)type->min, key);

    return result != KEY_NOT_KEY ? key_fault_text(result, text_of(value)) : NULL;
}

static bool parse_key_or_path(const struct option_type *type, const char *value, void *at_r)
{
    return value[0] == '/' ? option_type_store(value, at_r) : parse_key(type, value, at_r);
}

static bool is_path_behind(const char *value, const char *scheme)
{
    const size_t len = strlen(scheme);

    return strncmp(value, scheme, len) == 0 && value[len] == '/' && value[len + 1] != '\0';
}

/* An address with a scheme, and nothing secret in it: no `:` before the `@` of its user, and no
 * parameter `password`. */
static bool is_open_address(const char *value, const char *scheme)
{
    const size_t len = strlen(scheme);

    if (strncmp(value, scheme, len) != 0 || !is_printable(value) || strchr(value, ' ') != NULL)
        return false;
    const char *authority = value + len;
    const size_t authority_len = strcspn(authority, "/?");
    const char *at = memrchr(authority, '@', authority_len);
    if (at != NULL && memchr(authority, ':', (size_t)(at - authority)) != NULL)
        return false;
    return strcasestr(authority, "password=") == NULL;
}

static bool accept_replay(const char *value)
{
    struct redis_address redis;

    return (strcmp(value, "none") == 0 || is_path_behind(value, "lmdb:") ||
            redis_address_parse(text_of(value), &redis));
}

static bool accept_record_store(const char *value)
{
    return strcmp(value, "none") == 0 || strcmp(value, "sqlite") == 0 ||
           is_open_address(value, "postgresql://");
}

static bool accept_table(const char *value)
{
    return is_path_behind(value, "lmdb:");
}

static bool accept_source(const char *value)
{
    return (is_open_address(value, "postgresql://") || is_open_address(value, "ldap://") ||
            is_open_address(value, "ldaps://") || is_open_address(value, "ldapi://"));
}

/* It stands in log lines and counters as it is. */
static bool accept_section_name(const char *value)
{
    const size_t len = strlen(value);

    return len > 0 && len <= 32 && strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool accept_metrics(const char *value)
{
    struct endpoint endpoint;

    if (strncmp(value, "unix:", 5) == 0)
        return is_unix_socket(value + 5);
    return endpoint_parse(value, &endpoint) && endpoint_is_loopback(&endpoint);
}

/* An attribute's description, RFC 4512, 2.5: a name or an object identifier, and options. */
static bool accept_attribute(const char *value)
{
    for (const char *at = value; *at != '\0'; at++)
        if (!text_is_digit(*at) && (text_lower(*at) < 'a' || text_lower(*at) > 'z') &&
                strchr("-.;_", *at) == NULL)
            return false;
    return value[0] != '\0';
}

/* `expected` is the words themselves, divided by ` or `. */
static bool parse_word(const struct option_type *type, const char *value, void *at_r)
{
    const size_t len = strlen(value);

    for (const char *word = type->expected; word != NULL; word = strstr(word, " or ")) {
        if (word != type->expected)
            word += strlen(" or ");
        const char *end = strstr(word, " or ");
        const size_t word_len = end != NULL ? (size_t)(end - word) : strlen(word);
        if (word_len == len && memcmp(word, value, len) == 0)
            return option_type_store(value, at_r);
    }
    return false;
}

static const char *option_type_print_text(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    const struct config_text *text = at;

    (void)buffer_r;
    return text->at;
}

static const char *print_bool(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX])
{
    (void)buffer_r;
    return *(const bool *)at ? "true" : "false";
}

#define TEXT_TYPE(accept_it, words)                                                                \
    {                                                                                              \
        .value = OPTION_TYPE_TEXT, .parse = parse_text, .print = option_type_print_text,           \
        .accept = (accept_it), .expected = (words)                                                 \
    }
#define WORD_TYPE(words)                                                                           \
    {                                                                                              \
        .value = OPTION_TYPE_TEXT, .parse = parse_word, .print = option_type_print_text,           \
        .expected = (words)                                                                        \
    }
#define KEY_TYPE(kind, words)                                                                      \
    {                                                                                              \
        .value = OPTION_TYPE_TEXT, .parse = parse_key, .print = option_type_print_text,            \
        .fault = option_type_key_fault, .expected = (words), .min = (kind)                         \
    }
const struct option_type option_type_bool = {.value = OPTION_TYPE_BOOL,
        .parse = parse_bool,
        .print = print_bool,
        .expected = "true or false"};

const struct option_type option_type_anchor = TEXT_TYPE(
        accept_anchor, "a DS or DNSKEY record in one line, as in \". IN DS 20326 8 2 ...\"");
const struct option_type option_type_answer_key =
        KEY_TYPE(KEY_ANSWER_PUBLIC, "answer-public:... as printed by `verimail keygen answer`");
const struct option_type option_type_attribute =
        TEXT_TYPE(accept_attribute, "the name of an attribute");
const struct option_type option_type_daemon =
        TEXT_TYPE(is_printable, "what the mail server has in {daemon_name}");
const struct option_type option_type_section_name =
        TEXT_TYPE(accept_section_name, "1 to 32 of a-z, 0-9 and -");
const struct option_type option_type_deny = WORD_TYPE("expired or changed or redirected");
const struct option_type option_type_domain = {.value = OPTION_TYPE_TEXT,
        .parse = parse_domain,
        .print = option_type_print_text,
        .expected = "a domain name"};
const struct option_type option_type_group = TEXT_TYPE(accept_name, "a group of this machine");
const struct option_type option_type_host_key = {.value = OPTION_TYPE_TEXT,
        .parse = parse_key_or_path,
        .print = option_type_print_text,
        .fault = option_type_key_fault,
        .expected = "host-public:... as printed by `verimail keygen host`, or the absolute path of "
                    "a file or folder of such keys",
        .min = KEY_HOST_PUBLIC};
const struct option_type option_type_lines =
        TEXT_TYPE(accept_lines, "printable text, in one line or several");
const struct option_type option_type_listen =
        TEXT_TYPE(accept_listen, "ADDRESS:PORT, with `*` for all and [..] around an IPv6 address");
const struct option_type option_type_local = TEXT_TYPE(
        accept_local, "the part before the `@`, with %XX for what is not printable, or `*`");
const struct option_type option_type_log_format = WORD_TYPE("text or json");
const struct option_type option_type_log_level = WORD_TYPE("info or notice or warning or error");
const struct option_type option_type_logins =
        TEXT_TYPE(accept_logins, "same, any, or the path of a table");
const struct option_type option_type_metrics =
        TEXT_TYPE(accept_metrics, "unix:/PATH of at most 107 octets, or a loopback ADDRESS:PORT");
const struct option_type option_type_mode = WORD_TYPE("enforce or monitor");
const struct option_type option_type_network =
        TEXT_TYPE(accept_network, "an address, or ADDRESS/BITS with no bit set behind them");
const struct option_type option_type_on_backscatter = WORD_TYPE("accept or mark or reject");
const struct option_type option_type_on_no = WORD_TYPE("reject or quarantine or mark");
const struct option_type option_type_on_permerror = WORD_TYPE("reject or mark");
const struct option_type option_type_or_reject = WORD_TYPE("accept or reject");
const struct option_type option_type_or_tempfail = WORD_TYPE("accept or tempfail");
const struct option_type option_type_password = {.value = OPTION_TYPE_TEXT,
        .parse = parse_text,
        .print = option_type_print_text,
        .accept = accept_path,
        .expected = "the absolute path of a file that has it",
        .is_secret = true};
const struct option_type option_type_path = TEXT_TYPE(accept_path, "an absolute path");
const struct option_type option_type_phrase = TEXT_TYPE(is_printable, "printable text, not empty");
const struct option_type option_type_port = TEXT_TYPE(is_port, "a port from 1 to 65535");
const struct option_type option_type_record_ip = WORD_TYPE("full or network or none");
const struct option_type option_type_record_store = TEXT_TYPE(accept_record_store,
        "none, sqlite, or postgresql://[USER@][HOST][/DATABASE][?...] without a password");
const struct option_type option_type_relayed = TEXT_TYPE(
        relayed_accept, "an address, ADDRESS/BITS, or what the mail server has in {daemon_name}");
const struct option_type option_type_relayed_mark = {.value = OPTION_TYPE_TEXT,
        .parse = parse_text,
        .accept = relayed_mark_accept,
        .expected =
                "\"X-Name-Of-Yours: VALUE\", a name that no other program uses and 16 to 64 random "
                "octets, as from: openssl rand -hex 16",
        .is_secret = true};
const struct option_type option_type_replay = TEXT_TYPE(accept_replay,
        "none, lmdb:/PATH, redis://HOST[:PORT][,HOST[:PORT]]..., rediss://..., or "
        "redis+unix:///PATH, with USER@ before the host but no password");
const struct option_type option_type_resolver =
        TEXT_TYPE(accept_resolver, "ADDRESS or ADDRESS@PORT");
const struct option_type option_type_service =
        TEXT_TYPE(accept_service, "ADDRESS:PORT of the service, with [..] around an IPv6 address");
const struct option_type option_type_service_key =
        KEY_TYPE(KEY_SERVICE_PUBLIC, "service-public:... as printed by `verimail keygen service`");
const struct option_type option_type_socket = TEXT_TYPE(accept_socket,
        "unix:/PATH of at most 107 octets, inet:PORT@ADDRESS, or inet6:PORT@ADDRESS");
const struct option_type option_type_source = TEXT_TYPE(accept_source,
        "postgresql://..., ldap://..., ldaps://... or ldapi://..., without a password");
const struct option_type option_type_table = TEXT_TYPE(accept_table, "lmdb:/PATH");
const struct option_type option_type_user = TEXT_TYPE(accept_name, "a user of this machine");
