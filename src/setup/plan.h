// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_PLAN_H
#define VERIMAIL_SETUP_PLAN_H

#include <stdio.h>

#include "base/endpoint.h"
#include "config/config.h"
#include "protocol/domain.h"
#include "setup/conf_file.h"
#include "setup/halves.h"
#include "setup/key_store.h"
#include "setup/postfix.h"

/* What a machine is to become, and what is to be done for that. */

enum plan_role {
    PLAN_SERVICE = 1,  /* answers questions */
    PLAN_HOST = 2,     /* stamps */
    PLAN_RECEIVER = 4, /* verifies */
    PLAN_ALL = 7,
};

enum plan_server {
    PLAN_POSTFIX,
    PLAN_SENDMAIL,
    PLAN_NO_SERVER,
};

#define PLAN_KEYS "/etc/verimail/keys"
#define PLAN_USER "verimail"
#define PLAN_STATE "/var/lib/verimail"
#define PLAN_SENDMAIL_FOLDER "/run/verimail"
#define PLAN_ERROR_MAX (KEY_STORE_ERROR_MAX + 256) /* octets with a NUL */

struct plan {
    unsigned roles; /* of enum plan_role */
    struct config_list domains;
    char host[DOMAIN_MAX + 1];   /* this machine's name in mail */
    char target[DOMAIN_MAX + 1]; /* where others find the service */
    struct config_list addresses;
    struct config_list networks; /* whose mail is stamped without a login */
    enum plan_server server;
    char peer[ENDPOINT_TEXT_MAX]; /* where our own service is asked; "": the DNS says it */
    char *test_to;                /* who gets the test message; NULL: nobody */
    struct halves imported;       /* from other machines */

    struct key_store service_key;
    struct key_store answer_key;
    struct key_store host_key;
    struct conf_file conf;
    struct config *config; /* what the file is to say */
    struct postfix postfix;
    uid_t uid; /* the daemons' user */
    gid_t gid;
};

void plan_free(struct plan *plan);

/* The socket of the milter, as the file has it, or for the mail server. */
void plan_socket(const struct plan *plan, char socket_r[POSTFIX_SOCKET_MAX]);

/* From the answers to what is to be done: keys, the text of the configuration, Postfix's settings.
 * `now`: what the configuration says; NULL: there is none. Nothing on the machine is changed. False
 * with a sentence, or with several in `problems`. */
bool plan_make(struct plan *plan, const struct config *now, struct problems *problems,
        char error_r[PLAN_ERROR_MAX]) __attribute__((warn_unused_result));

/* The sections that the configuration lacks, and the domains, hosts and keys that lists in it lack.
 * False when out of memory. */
bool plan_conf(struct plan *plan, const struct config *now) __attribute__((warn_unused_result));

#endif
