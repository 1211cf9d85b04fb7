// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_OPTION_TYPE_H
#define VERIMAIL_CONFIG_OPTION_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#define OPTION_TYPE_PRINT_MAX 24 /* octets, with a NUL */

/* What a value is stored as. */
enum option_type_value {
    OPTION_TYPE_TEXT,   /* struct config_text */
    OPTION_TYPE_NUMBER, /* uint64_t; a time is seconds */
    OPTION_TYPE_BOOL,   /* bool */
};

/* What an option's value may be, how it is read, and how it is printed. */
struct option_type {
    enum option_type_value value;
    /* Reads `value` and, when it is good, stores it at `at_r`. A text is a copy that the caller
     * frees, stored as the `char *` that a struct config_text begins with. */
    bool (*parse)(const struct option_type *type, const char *value, void *at_r);
    /* What is stored at `at`, written as in the file but without quotes. Returns a borrowed text:
     * the stored one, a constant, or `buffer_r`. NULL: a text that is not set. No such function: it
     * is a secret. */
    const char *(*print)(const void *at, char buffer_r[OPTION_TYPE_PRINT_MAX]);
    bool (*accept)(const char *value); /* whether a text may be that; NULL: `parse` knows itself */
    /* Why a value is refused: the end of a sentence, static; NULL, or no such function: nothing
     * that `expected` does not say. */
    const char *(*fault)(const struct option_type *type, const char *value);
    const char *expected; /* what an error says a good value is */
    uint64_t min;
    uint64_t max;
    bool is_secret;       /* a value that is refused may be a secret: no error shows it */
    bool is_text_in_json; /* a number that JSON cannot write as people know it */
};

extern const struct option_type option_type_alarm;       /* per hour; 0: off */
extern const struct option_type option_type_alarm_texts; /* per payload; 0: off */
extern const struct option_type option_type_anchor;      /* a DS or DNSKEY record */
extern const struct option_type option_type_answer_key;  /* of a service's answer key */
extern const struct option_type option_type_attribute;   /* the name of an LDAP attribute */
extern const struct option_type option_type_bool;        /* true, false, yes, no, on, off */
extern const struct option_type option_type_budget;      /* per minute */
extern const struct option_type option_type_checks;      /* per recipient */
extern const struct option_type option_type_connections;
extern const struct option_type option_type_daemon; /* a value of the macro {daemon_name} */
extern const struct option_type option_type_date;   /* a date with its time, see date_parse() */
extern const struct option_type option_type_end;    /* a date, or one with its time */
extern const struct option_type option_type_section_name;
extern const struct option_type option_type_deny;
extern const struct option_type option_type_domain;   /* stored as A-labels */
extern const struct option_type option_type_group;    /* a group of this machine */
extern const struct option_type option_type_host_key; /* a host's public key, or a path */
extern const struct option_type option_type_keep;     /* a time, mostly days */
extern const struct option_type option_type_lifetime; /* a time: 90, 90s, 15m, 12h, 7d */
extern const struct option_type option_type_lines;    /* printable text, in one line or several */
extern const struct option_type option_type_listen;   /* ADDRESS:PORT, see endpoint_parse() */
extern const struct option_type option_type_local;    /* a canonical local part, or `*` */
extern const struct option_type option_type_log_format;
extern const struct option_type option_type_log_level;
extern const struct option_type option_type_logins;       /* same, any, or an absolute path */
extern const struct option_type option_type_metrics;      /* unix:PATH or a loopback ADDRESS:PORT */
extern const struct option_type option_type_mode;         /* enforce, monitor */
extern const struct option_type option_type_network;      /* see network_parse() */
extern const struct option_type option_type_on_no;        /* reject, quarantine, mark */
extern const struct option_type option_type_on_permerror; /* reject, mark */
/* accept, mark, reject */
extern const struct option_type option_type_on_backscatter;
extern const struct option_type option_type_or_reject;    /* accept, reject */
extern const struct option_type option_type_or_tempfail;  /* accept, tempfail */
extern const struct option_type option_type_password;     /* the path of a file with a secret */
extern const struct option_type option_type_path;         /* absolute */
extern const struct option_type option_type_phrase;       /* printable text in one line */
extern const struct option_type option_type_port;         /* 1 to 65535 */
extern const struct option_type option_type_timeout;      /* a time */
extern const struct option_type option_type_record_ip;    /* full, network, none */
extern const struct option_type option_type_record_size;  /* octets: 64M, 10G, 1T */
extern const struct option_type option_type_record_store; /* none, sqlite, postgresql://... */
extern const struct option_type option_type_relayed;      /* a network, or as option_type_daemon */
extern const struct option_type option_type_relayed_mark; /* see relayed.h */
extern const struct option_type option_type_replay;       /* none, lmdb:PATH, a Redis address */
extern const struct option_type option_type_resolver;     /* ADDRESS or ADDRESS@PORT */
extern const struct option_type option_type_service;      /* ADDRESS:PORT to connect to */
extern const struct option_type option_type_service_key;  /* the text of a service's public key */
extern const struct option_type option_type_socket; /* unix:PATH, inet:PORT@ADDRESS, inet6:... */
extern const struct option_type option_type_socket_mode; /* written in octal */
extern const struct option_type option_type_source;      /* postgresql://..., ldap://... */
extern const struct option_type option_type_table;       /* lmdb:PATH */
extern const struct option_type option_type_ttl;         /* a time, at most ANSWER_TTL_MAX */
extern const struct option_type option_type_user;        /* a user of this machine */
extern const struct option_type option_type_workers;

#endif
