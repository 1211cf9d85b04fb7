// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_RECORDS_H
#define VERIMAIL_SETUP_RECORDS_H

#include <stdio.h>

#include "config/config.h"
#include "protocol/domain.h"

#define RECORDS_SRV "_verimail._tcp."
#define RECORDS_SRV_NAME_MAX (sizeof RECORDS_SRV + DOMAIN_MAX) /* octets with a NUL */
#define RECORDS_TTL 3600

/* What the DNS of our domains should say about the service. */
struct records {
    const struct config_list *domains;
    const char *target;                  /* the name where the service is found */
    const struct config_list *addresses; /* of the target; none: they are not known */
    const char *policy;                  /* the policy record; NULL: there is none */
};

/* A DNS record. */
struct record {
    char name[RECORDS_SRV_NAME_MAX];
    const char *type;
    char value[DOMAIN_MAX + 32]; /* as a zone file has it */
};

struct record records_srv(const char *domain, const char *target);
struct record records_policy(const char *domain, const char *policy);
/* `address`: of either family. */
struct record records_address(const char *target, const char *address);

/* Lines of a zone file, and the same as a table of name, type and value for a panel. */
void records_print(const struct records *records, FILE *out);

/* This machine's public addresses: of `target` as its resolver knows it, else of its interfaces.
 * False when out of memory; none may be found. */
bool records_find_addresses(const char *target, struct config_list *addresses_r)
        __attribute__((warn_unused_result));

#endif
