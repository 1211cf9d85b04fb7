// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_OPTION_TYPE_H
#define VERIMAIL_CONFIG_OPTION_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An owned, NUL-terminated text and the line of the file that gave it; 0: a default. Where a wrong
 * value was given there is a line and no text. */
struct config_text {
    char *at;
    unsigned line;
};

struct config_list {
    struct config_text *at;
    size_t count;
    bool refused; /* a value that was given is not among them: it was wrong */
};

void config_list_free(struct config_list *list);
/* Takes the text over. False when out of memory; the text is then still the caller's. */
bool config_list_add(struct config_list *list, struct config_text text)
        __attribute__((warn_unused_result));

/* What a value may be. `take` reads `value` and, when it is good, stores it at `at_r`, which is of
 * the type the kind's comment names; a text is a copy that the caller frees. */
struct kind {
    bool (*take)(const struct kind *kind, const char *value, void *at_r);
    const char *expected; /* how a message calls a good value */
    uint64_t min;
    uint64_t max;
    bool is_text; /* char *, the first member of a struct config_text */
    bool hides;   /* what is no good value may be a secret: it is not shown */
};

extern const struct kind kind_bool;         /* bool: true, false, yes, no, on, off */
extern const struct kind kind_path;         /* char *: absolute */
extern const struct kind kind_password;     /* the same, of a file with a secret */
extern const struct kind kind_name;         /* char *: a user of this machine */
extern const struct kind kind_domain;       /* char *, as A-labels */
extern const struct kind kind_local;        /* char *, canonical local part or `*` */
extern const struct kind kind_listen;       /* char *: ADDRESS:PORT, as endpoint_parse() takes it */
extern const struct kind kind_host_key;     /* char *: the text form of a host's public key */
extern const struct kind kind_service_key;  /* char *: the text form of a service's public key */
extern const struct kind kind_replay;       /* char *: none, lmdb:PATH, a Redis address */
extern const struct kind kind_events;       /* char *: none, sqlite:PATH, postgresql://... */
extern const struct kind kind_events_ip;    /* char *: full, network, none */
extern const struct kind kind_keep;         /* uint64_t, seconds, in days mostly */
extern const struct kind kind_metrics;      /* char *: unix:PATH or a loopback ADDRESS:PORT */
extern const struct kind kind_alarm;        /* uint64_t, per hour; 0: off */
extern const struct kind kind_checks;       /* uint64_t, per recipient */
extern const struct kind kind_table;        /* char *: lmdb:PATH */
extern const struct kind kind_source;       /* char *: postgresql://..., ldap://... */
extern const struct kind kind_phrase;       /* char *: any printable text */
extern const struct kind kind_lines;        /* char *: the same, over several lines, too */
extern const struct kind kind_attribute;    /* char *: the name of an LDAP attribute */
extern const struct kind kind_share;        /* uint64_t, per cent */
extern const struct kind kind_patience;     /* uint64_t, seconds */
extern const struct kind kind_log_format;   /* char * */
extern const struct kind kind_log_level;    /* char * */
extern const struct kind kind_deny;         /* char * */
extern const struct kind kind_workers;      /* uint64_t */
extern const struct kind kind_connections;  /* uint64_t */
extern const struct kind kind_rate;         /* uint64_t, per second */
extern const struct kind kind_lifetime;     /* uint64_t, seconds: 90, 90s, 15m, 12h, 7d */
extern const struct kind kind_mode;         /* char *: enforce, monitor */
extern const struct kind kind_on_no;        /* char *: reject, quarantine, mark */
extern const struct kind kind_on_permerror; /* char *: reject, mark */
extern const struct kind kind_or_tempfail;  /* char *: accept, tempfail */
extern const struct kind kind_or_reject;    /* char *: accept, reject */
extern const struct kind kind_resolver;     /* char *: ADDRESS or ADDRESS@PORT */
extern const struct kind kind_anchor;       /* char *: a DS or DNSKEY record */
extern const struct kind kind_daemon;       /* char *: a value of the macro {daemon_name} */
extern const struct kind kind_group;        /* char *: a group of this machine */
extern const struct kind kind_network;      /* char *, as network_parse() takes it */
extern const struct kind kind_port;         /* char *: 1 to 65535 */
extern const struct kind kind_budget;       /* uint64_t, per minute */
extern const struct kind kind_timeout;      /* uint64_t, seconds */
extern const struct kind kind_socket;       /* char *: unix:PATH, inet:PORT@ADDRESS, inet6:... */
extern const struct kind kind_socket_mode;  /* uint64_t, written in octal */
extern const struct kind kind_logins;       /* char *: same, any, or an absolute path */
extern const struct kind kind_ttl;          /* uint64_t, seconds, at most ANSWER_TTL_MAX */

#endif
