// SPDX-License-Identifier: ISC
#include "config/option_type.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/endpoint.h"
#include "base/network.h"
#include "protocol/address.h"
#include "protocol/answer.h"
#include "protocol/domain.h"
#include "protocol/key.h"
#include "replay/redis_address.h"

void config_list_free(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i].at);
    free(list->at);
    *list = (struct config_list){0};
}

bool config_list_add(struct config_list *list, struct config_text text)
{
    struct config_text *larger = reallocarray(list->at, list->count + 1, sizeof *larger);

    if (larger == NULL)
        return false;
    list->at = larger;
    list->at[list->count++] = text;
    return true;
}

static bool option_type_keep(const char *value, void *at_r)
{
    char *copy = strdup(value);

    memcpy(at_r, &copy, sizeof copy);
    return copy != NULL;
}

static bool take_bool(const struct kind *kind, const char *value, void *at_r)
{
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};

    (void)kind;
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

static bool option_type_take_number(const struct kind *kind, const char *value, void *at_r)
{
    uint64_t number = 0;

    if (!text_decimal(text_of(value), kind->max, &number) || number < kind->min)
        return false;
    *(uint64_t *)at_r = number;
    return true;
}

static bool take_duration(const struct kind *kind, const char *value, void *at_r)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct text digits = text_of(value);
    uint64_t unit = 1;
    uint64_t number = 0;

    for (size_t i = 0; digits.len > 0 && i < sizeof units / sizeof *units; i++) {
        if (digits.at[digits.len - 1] == units[i].letter) {
            unit = units[i].seconds;
            digits.len--;
            break;
        }
    }
    if (!text_decimal(digits, kind->max / unit, &number) || number * unit < kind->min)
        return false;
    *(uint64_t *)at_r = number * unit;
    return true;
}

static bool take_path(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return value[0] == '/' && option_type_keep(value, at_r);
}

static bool option_type_take_name(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return value[0] != '\0' && strpbrk(value, "/: \t") == NULL && option_type_keep(value, at_r);
}

static bool option_type_take_domain(const struct kind *kind, const char *value, void *at_r)
{
    char ascii[DOMAIN_MAX + 1];

    (void)kind;
    return domain_to_ascii(text_of(value), ascii) && option_type_keep(ascii, at_r);
}

static bool option_type_take_local(const struct kind *kind, const char *value, void *at_r)
{
    struct address address;

    (void)kind;
    if (strcmp(value, "*") == 0)
        return option_type_keep(value, at_r);
    /* Any domain will do: what is asked is whether this could be a user of one. */
    return strchr(value, '@') == NULL &&
           address_parse(text_of(value), text_of("example.org"), &address) &&
           option_type_keep(value, at_r);
}

static bool take_listen(const struct kind *kind, const char *value, void *at_r)
{
    struct endpoint endpoint;

    (void)kind;
    return endpoint_parse(value, &endpoint) && option_type_keep(value, at_r);
}

/* Printable octets and spaces; what is not ASCII is left to whoever compares it. */
static bool is_printable(const char *value)
{
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    return value[0] != '\0';
}

static bool take_daemon(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return is_printable(value) && option_type_keep(value, at_r);
}

/* A query of some length is written over several lines. */
static bool option_type_take_lines(const struct kind *kind, const char *value, void *at_r)
{
    bool any = false;

    (void)kind;
    for (const char *at = value; *at != '\0'; at++) {
        if (((unsigned char)*at < ' ' && !text_is_white(*at)) || *at == 0x7f)
            return false;
        any = any || !text_is_white(*at);
    }
    return any && option_type_keep(value, at_r);
}

/* The resolver reads the rest. */
static bool take_anchor(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return is_printable(value) &&
           (strcasestr(value, " DS ") != NULL || strcasestr(value, " DNSKEY ") != NULL) &&
           option_type_keep(value, at_r);
}

static bool option_type_take_network(const struct kind *kind, const char *value, void *at_r)
{
    struct network network;

    (void)kind;
    return network_parse(value, &network) && option_type_keep(value, at_r);
}

static bool is_port(const char *value)
{
    uint64_t port;

    return text_decimal(text_of(value), UINT16_MAX, &port) && port > 0;
}

static bool take_port(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return is_port(value) && option_type_keep(value, at_r);
}

/* An address alone, of either family. */
static bool option_type_is_address(struct text t)
{
    struct network network;
    char room[ENDPOINT_TEXT_MAX];

    if (t.len >= sizeof room || memchr(t.at, '/', t.len) != NULL)
        return false;
    memcpy(room, t.at, t.len);
    room[t.len] = '\0';
    return network_parse(room, &network);
}

static bool take_resolver(const struct kind *kind, const char *value, void *at_r)
{
    const char *at = strchr(value, '@');
    const size_t len = at != NULL ? (size_t)(at - value) : strlen(value);

    (void)kind;
    return option_type_is_address((struct text){value, len}) && (at == NULL || is_port(at + 1)) &&
           option_type_keep(value, at_r);
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
    return is_port(port) && option_type_is_address(text_of(at + 1));
}

static bool option_type_take_socket(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    if (strncmp(value, "unix:", 5) == 0)
        return is_unix_socket(value + 5) && option_type_keep(value, at_r);
    if (strncmp(value, "inet:", 5) == 0)
        return strchr(value + 5, ':') == NULL && is_inet_socket(value + 5) &&
               option_type_keep(value, at_r);
    return strncmp(value, "inet6:", 6) == 0 && strchr(value + 6, ':') != NULL &&
           is_inet_socket(value + 6) && option_type_keep(value, at_r);
}

static bool take_octal(const struct kind *kind, const char *value, void *at_r)
{
    char *end = NULL;
    const unsigned long mode = strtoul(value, &end, 8);

    if (!text_is_digit(value[0]) || *end != '\0' || mode < kind->min || mode > kind->max)
        return false;
    *(uint64_t *)at_r = mode;
    return true;
}

static bool take_logins(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return (strcmp(value, "same") == 0 || strcmp(value, "any") == 0 || value[0] == '/') &&
           option_type_keep(value, at_r);
}

static bool take_key(const struct kind *kind, const char *value, void *at_r)
{
    unsigned char key[KEY_OCTETS];

    return key_parse(text_of(value), (enum key_kind)kind->min, key) == KEY_OK &&
           option_type_keep(value, at_r);
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

static bool take_replay(const struct kind *kind, const char *value, void *at_r)
{
    struct redis_address redis;

    (void)kind;
    return (strcmp(value, "none") == 0 || is_path_behind(value, "lmdb:") ||
                   redis_address_parse(text_of(value), &redis)) &&
           option_type_keep(value, at_r);
}

static bool take_events(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return (strcmp(value, "none") == 0 || is_path_behind(value, "sqlite:") ||
                   is_open_address(value, "postgresql://")) &&
           option_type_keep(value, at_r);
}

static bool take_table(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return is_path_behind(value, "lmdb:") && option_type_keep(value, at_r);
}

static bool option_type_take_source(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    return (is_open_address(value, "postgresql://") || is_open_address(value, "ldap://") ||
                   is_open_address(value, "ldaps://") || is_open_address(value, "ldapi://")) &&
           option_type_keep(value, at_r);
}

static bool take_metrics(const struct kind *kind, const char *value, void *at_r)
{
    struct endpoint endpoint;

    (void)kind;
    if (strncmp(value, "unix:", 5) == 0)
        return is_unix_socket(value + 5) && option_type_keep(value, at_r);
    return endpoint_parse(value, &endpoint) && endpoint_is_loopback(&endpoint) &&
           option_type_keep(value, at_r);
}

/* An attribute's description, RFC 4512, 2.5: a name or an object identifier, and options. */
static bool option_type_take_attribute(const struct kind *kind, const char *value, void *at_r)
{
    (void)kind;
    for (const char *at = value; *at != '\0'; at++)
        if (!text_is_digit(*at) && (text_lower(*at) < 'a' || text_lower(*at) > 'z') &&
                strchr("-.;_", *at) == NULL)
            return false;
    return value[0] != '\0' && option_type_keep(value, at_r);
}

/* `expected` is the words themselves, divided by ` or `. */
static bool option_type_take_word(const struct kind *kind, const char *value, void *at_r)
{
    const size_t len = strlen(value);

    for (const char *word = kind->expected; word != NULL; word = strstr(word, " or ")) {
        if (word != kind->expected)
            word += strlen(" or ");
        const char *end = strstr(word, " or ");
        const size_t word_len = end != NULL ? (size_t)(end - word) : strlen(word);
        if (word_len == len && memcmp(word, value, len) == 0)
            return option_type_keep(value, at_r);
    }
    return false;
}

#define TEXT_KIND(take_it, words)                                                                  \
    {                                                                                              \
        .take = (take_it), .expected = (words), .is_text = true                                    \
    }
#define NUMBER_KIND(take_it, words, least, most)                                                   \
    {                                                                                              \
        .take = (take_it), .expected = (words), .min = (least), .max = (most)                      \
    }

const struct kind kind_bool = {.take = take_bool, .expected = "true or false"};
const struct kind kind_path = TEXT_KIND(take_path, "an absolute path");
const struct kind kind_password = {.take = take_path,
        .expected = "the absolute path of a file that has it",
        .is_text = true,
        .hides = true};
const struct kind kind_name = TEXT_KIND(option_type_take_name, "a user of this machine");
const struct kind kind_domain = TEXT_KIND(option_type_take_domain, "a domain name");
const struct kind kind_local = TEXT_KIND(option_type_take_local,
        "the part before the `@`, with %XX for what is not printable, or `*`");
const struct kind kind_listen =
        TEXT_KIND(take_listen, "ADDRESS:PORT, with `*` for all and [..] around an IPv6 address");
const struct kind kind_host_key = {.take = take_key,
        .expected = "host-public:... as printed by `verimail keygen host`",
        .min = KEY_HOST_PUBLIC,
        .is_text = true};
const struct kind kind_service_key = {.take = take_key,
        .expected = "service-public:... as printed by `verimail keygen service`",
        .min = KEY_SERVICE_PUBLIC,
        .is_text = true};
const struct kind kind_replay = TEXT_KIND(take_replay,
        "none, lmdb:/PATH, redis://HOST[:PORT][,HOST[:PORT]]..., rediss://..., or "
        "redis+unix:///PATH, with USER@ before the host but no password");
const struct kind kind_events = TEXT_KIND(take_events,
        "none, sqlite:/PATH, or postgresql://[USER@][HOST][/DATABASE][?...] without a password");
const struct kind kind_events_ip = TEXT_KIND(option_type_take_word, "full or network or none");
const struct kind kind_keep =
        NUMBER_KIND(take_duration, "a time from 1h to 3650d, as in 12h, 90d", 3600, 315360000);
const struct kind kind_metrics =
        TEXT_KIND(take_metrics, "unix:/PATH of at most 107 octets, or a loopback ADDRESS:PORT");
const struct kind kind_alarm = NUMBER_KIND(option_type_take_number,
        "a number from 1 to 1000000 an hour, or 0 for no alarm", 0, 1000000);
const struct kind kind_checks =
        NUMBER_KIND(option_type_take_number, "a number from 1 to 1000", 1, 1000);
const struct kind kind_table = TEXT_KIND(take_table, "lmdb:/PATH");
const struct kind kind_source = TEXT_KIND(option_type_take_source,
        "postgresql://..., ldap://..., ldaps://... or ldapi://..., without a password");
const struct kind kind_phrase = TEXT_KIND(take_daemon, "printable text, not empty");
const struct kind kind_lines =
        TEXT_KIND(option_type_take_lines, "printable text, in one line or several");
const struct kind kind_attribute =
        TEXT_KIND(option_type_take_attribute, "the name of an attribute");
const struct kind kind_share =
        NUMBER_KIND(option_type_take_number, "a number from 0 to 100", 0, 100);
const struct kind kind_patience =
        NUMBER_KIND(take_duration, "a time from 1s to 1h, as in 90s, 15m", 1, 3600);
const struct kind kind_log_format = TEXT_KIND(option_type_take_word, "text or json");
const struct kind kind_log_level =
        TEXT_KIND(option_type_take_word, "info or notice or warning or error");
const struct kind kind_deny = TEXT_KIND(option_type_take_word, "expired or changed or redirected");
const struct kind kind_mode = TEXT_KIND(option_type_take_word, "enforce or monitor");
const struct kind kind_on_no = TEXT_KIND(option_type_take_word, "reject or quarantine or mark");
const struct kind kind_on_permerror = TEXT_KIND(option_type_take_word, "reject or mark");
const struct kind kind_or_tempfail = TEXT_KIND(option_type_take_word, "accept or tempfail");
const struct kind kind_or_reject = TEXT_KIND(option_type_take_word, "accept or reject");
const struct kind kind_resolver = TEXT_KIND(take_resolver, "ADDRESS or ADDRESS@PORT");
const struct kind kind_anchor = TEXT_KIND(
        take_anchor, "a DS or DNSKEY record in one line, as in \". IN DS 20326 8 2 ...\"");
const struct kind kind_daemon = TEXT_KIND(take_daemon, "what the mail server has in {daemon_name}");
const struct kind kind_group = TEXT_KIND(option_type_take_name, "a group of this machine");
const struct kind kind_network = TEXT_KIND(
        option_type_take_network, "an address, or ADDRESS/BITS with no bit set behind them");
const struct kind kind_port = TEXT_KIND(take_port, "a port from 1 to 65535");
const struct kind kind_budget =
        NUMBER_KIND(option_type_take_number, "a number from 1 to 1000000 a minute", 1, 1000000);
const struct kind kind_timeout =
        NUMBER_KIND(take_duration, "a time from 1s to 20s: a mail server waits no longer", 1, 20);
const struct kind kind_socket = TEXT_KIND(option_type_take_socket,
        "unix:/PATH of at most 107 octets, inet:PORT@ADDRESS, or inet6:PORT@ADDRESS");
const struct kind kind_socket_mode =
        NUMBER_KIND(take_octal, "an octal mode from 0600 to 0777", 0600, 0777);
const struct kind kind_logins = TEXT_KIND(take_logins, "same, any, or the path of a table");
const struct kind kind_workers =
        NUMBER_KIND(option_type_take_number, "a number from 1 to 256", 1, 256);
const struct kind kind_connections =
        NUMBER_KIND(option_type_take_number, "a number from 1 to 100000", 1, 100000);
const struct kind kind_rate =
        NUMBER_KIND(option_type_take_number, "a number from 1 to 1000000 a second", 1, 1000000);
const struct kind kind_lifetime =
        NUMBER_KIND(take_duration, "a time from 1m to 365d, as in 90s, 15m, 12h, 7d", 60, 31536000);
const struct kind kind_ttl =
        NUMBER_KIND(take_duration, "a time from 0s to 1h, as in 90s, 15m", 0, ANSWER_TTL_MAX);
