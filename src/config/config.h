// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_CONFIG_H
#define VERIMAIL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/log.h"
#include "protocol/rules.h"

#define CONFIG_PATH "/etc/verimail/verimail.conf"
#define CONFIG_MAX 67108864   /* octets of a configuration file */
#define CONFIG_MILTERS_MAX 16 /* sections `milter` */
#define CONFIG_CLIENTS_MAX 64 /* networks in the option `clients` */

struct problems;

/* An owned, NUL-terminated text and the line of the file that gave it; 0: a default. A wrong value
 * leaves its line and no text. */
struct config_text {
    char *at;
    unsigned line;
};

struct config_list {
    struct config_text *at;
    size_t count;
    bool refused; /* a value that was given is not in the list: it was wrong */
};

/* Takes the text over. False when out of memory: the text is then still the caller's. */
bool config_list_add(struct config_list *list, struct config_text text)
        __attribute__((warn_unused_result));
void config_list_free(struct config_list *list);

/* The configuration file (design, section 11; verimail.conf(5)), with every value checked. There is
 * a struct for each section, which begins with the line on which the section begins. Domains are
 * A-labels in lower case, and times are seconds. A text that may be NULL after config_read() says
 * so in its comment. */
struct config_service {
    unsigned line;
    struct config_list listen;
    struct config_text run_as;
    struct config_text state;           /* a folder */
    uint64_t workers;                   /* 0: one per processor */
    struct config_list keys;            /* files and folders: keyfolder.h */
    struct config_list answer_keys;     /* the same; none: conversations are plain */
    struct config_text replay;          /* none, lmdb:PATH, or redis...: see replay_open() */
    struct config_text replay_password; /* a file; NULL: none */
    struct config_text replay_ca;       /* a file of CA certificates; NULL: the machine's */
    struct config_text metrics;         /* unix:PATH or a loopback ADDRESS:PORT; NULL: nowhere */
    uint64_t alarm_forgeries;           /* of one user in an hour; 0: no alarm */
    uint64_t alarm_sending;             /* receiving domains of one user in an hour; 0: no alarm */
    uint64_t alarm_texts;               /* of one payload; 0: no alarm */
    uint64_t connections;               /* per worker, as are the other limits */
    uint64_t connections_per_address;   /* IPv4 /32, IPv6 /64 */
};

/* The record of events, of both daemons. */
struct config_record {
    unsigned line;
    struct config_text store; /* none, sqlite, or postgresql://...: see eventstore_address() */
    uint64_t keep;
    uint64_t size;         /* octets */
    struct config_text ip; /* full, network or none */
};

/* Of both daemons. */
struct config_log {
    unsigned line;
    struct config_text format; /* text or json */
    struct config_text level;  /* info, notice, warning or error */
};

struct config_host {
    unsigned line;
    struct config_text name;
    struct config_list keys; /* public keys, and paths of files and folders: keyfolder.h */
    uint64_t expires;        /* Unix seconds: from then on its stamps are not permitted; 0: never */
};

struct config_user {
    unsigned line;
    struct config_text local;
    struct config_list hosts;
    bool hosts_given; /* `hosts = {}` means none, no `hosts` the domain's */
    struct config_list more_hosts;
    bool allow_unauthorized;
    uint64_t not_before; /* Unix seconds; 0: none */
};

struct config_domain {
    unsigned line;
    struct config_text name;
    bool is_default;
    struct config_list hosts;
    struct config_text classic_key; /* NULL: payloads of 2013 are not opened */
    struct domain_policy policy;    /* testing, lifetime, ttl, subdomains, checks_per_recipient */
    struct config_list deny;
    struct config_text table; /* the option `users`, lmdb:PATH; NULL: none */
    struct config_user *users;
    size_t users_count;
};

/* A service that is asked about a domain's authors without DNS. */
struct config_peer {
    unsigned line;
    struct config_text name;    /* of the domain */
    struct config_text address; /* as endpoint_parse() takes it */
    struct config_text key;     /* answer-public:...; NULL: none is pinned */
};

struct config_stamp {
    unsigned line;
    struct config_text host;
    struct config_text key; /* a file, or a folder, of which the newest counts: keyfolder.h */
    struct config_text service_key;
    struct config_list domains;
};

struct config_verify {
    unsigned line;
    struct config_text authserv_id;
    struct config_text mode;           /* enforce or monitor */
    struct config_text on_no;          /* reject, quarantine or mark */
    struct config_text on_permerror;   /* reject or mark */
    struct config_text on_temperror;   /* accept or tempfail */
    struct config_text on_backscatter; /* accept, mark or reject */
    bool send_ip;
    bool send_rcpt;
    struct config_text resolver;       /* ADDRESS or ADDRESS@PORT; NULL: the machine's */
    struct config_list trust_anchors;  /* DS or DNSKEY records */
    bool trust_anchors_given;          /* `{}` means none, no such option the root's */
    struct config_list allow_networks; /* as network_parse() takes them */
    struct config_list allow_ports;    /* 1 to 65535 */
    uint64_t budget_per_domain;        /* questions a minute with another answer than YES */
};

/* The first section is the daemon's as well: `state`, `metrics`, `alarm_sending` and `run_as` are
 * the first one's for all of them. */
struct config_milter {
    unsigned line;
    struct config_text name; /* NULL: the only one */
    bool alarm_sending_given;
    struct config_text state;   /* a folder */
    struct config_text metrics; /* as in the section `service` */
    uint64_t alarm_sending;     /* likewise */
    struct config_text socket;  /* `unix:PATH` or `inet:PORT@ADDRESS` or `inet6:PORT@ADDRESS` */
    struct config_list clients; /* networks of mail servers, for TCP */
    bool clients_given;
    uint64_t socket_mode;            /* of a unix socket */
    struct config_text socket_group; /* NULL: that of run_as */
    struct config_text run_as;
    struct config_list trusted_networks;
    struct config_list trusted_daemons; /* names of {daemon_name} */
    struct config_list stamp_relayed;   /* networks and names of {daemon_name}, see relayed.h */
    struct config_text relayed_mark;    /* see relayed.h; NULL: none */
    struct config_text logins;          /* same, any, or the path of a table */
    struct config_text on_foreign_from; /* accept or reject */
};

/* Where `verimail table sync` gets a table of users from. */
struct config_directory {
    unsigned line;
    struct config_text name;
    struct config_text table;    /* lmdb:PATH */
    struct config_text source;   /* postgresql://..., ldap://..., ldaps://..., ldapi://... */
    struct config_text password; /* a file; NULL: none */
    struct config_text query;    /* PostgreSQL */
    struct config_text bind_dn;  /* LDAP, from here to `not_before`; NULL: anonymous */
    struct config_text base;
    struct config_text filter;
    struct config_list addresses; /* attributes that hold addresses of a user */
    struct config_text hosts;     /* attributes that hold a rule; NULL: none */
    struct config_text more_hosts;
    struct config_text allow_unauthorized;
    struct config_text not_before;
    struct config_text ca; /* a file of CA certificates; NULL: the machine's */
    bool start_tls;        /* before anything is sent over ldap:// */
    uint64_t timeout;
};

struct config {
    struct config_service *service; /* none or one */
    size_t service_count;
    struct config_record *record; /* one, after config_read() */
    size_t record_count;
    struct config_log *log; /* one, after config_read() */
    size_t log_count;
    struct config_host *hosts;
    size_t hosts_count;
    struct config_domain *domains;
    size_t domains_count;
    struct config_peer *peers;
    size_t peers_count;
    struct config_stamp *stamp; /* none or one */
    size_t stamp_count;
    struct config_verify *verify; /* none or one */
    size_t verify_count;
    struct config_milter *milter; /* at most CONFIG_MILTERS_MAX, of different names */
    size_t milter_count;
    struct config_directory *directories;
    size_t directories_count;
};

/* The section `milter` of this name, NULL or "" for one without; NULL: there is none. */
const struct config_milter *config_find_milter(const struct config *config, const char *name);

/* Reads the file, checks all of it, and sets what the file leaves out. NULL when anything is wrong:
 * `problems` then says what, and where. Key files are not opened. */
struct config *config_read(const char *path, struct problems *problems);
/* The same for the text of such a file, for a process that gets the text from another one. The
 * lines in `problems` are those of `text`. */
struct config *config_read_text(const char *text, size_t len, struct problems *problems);
void config_free(struct config **config);

/* A file with a secret in it must not be readable by everybody, as a key file must not: adds a
 * problem if its mode lets it be. */
void config_check_mode(const struct config *config, mode_t mode, struct problems *problems);

/* What the section `log` says. */
void config_log_settings(
        const struct config *config, enum log_level *level_r, enum log_format *format_r);
/* Makes the log of this process so. */
void config_configure_log(const struct config *config);

/* What a file holds, with a NUL behind it; NULL with errno. EFBIG: more than CONFIG_MAX octets. */
char *config_load(FILE *file, size_t *len_r);

/* The steps of config_read_text(). config_parse() reads sections and values. It returns what it
 * has although values were wrong; NULL after a syntax error, or when out of memory. */
struct config *config_parse(const char *text, size_t len, struct problems *problems);
/* Checks what no value shows by itself: what is missing, stands twice, or does not fit another
 * section. */
void config_check(const struct config *config, struct problems *problems);

#endif
