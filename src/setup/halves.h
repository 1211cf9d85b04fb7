// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_HALVES_H
#define VERIMAIL_SETUP_HALVES_H

#include <limits.h>
#include <stdio.h>

#include "base/endpoint.h"
#include "config/config.h"
#include "protocol/key.h"

/* What machines of one origin tell each other in a file: the public halves of their keys, and which
 * domains they are for. Nothing of it is secret. A line each, with `#` before comments:
 *
 *   domain  NAME
 *   service KEY         the public key of the service
 *   address ADDRESS:26  where that service is asked
 *   host    NAME KEY    a sending host's public key; one with several has several lines
 */
struct halves {
    struct config_list domains;
    char service[KEY_TEXT_MAX + 1];  /* "": not known */
    char address[ENDPOINT_TEXT_MAX]; /* "": not known */
    struct config_host *hosts;       /* their names and keys alone */
    size_t hosts_count;
};

#define HALVES_ERROR_MAX (PATH_MAX + 256) /* octets with a NUL */

/* Adds what the file says; of two services the last one stays. False with a sentence. */
bool halves_read(const char *path, struct halves *halves, char error_r[HALVES_ERROR_MAX])
        __attribute__((warn_unused_result));
/* What this machine has to tell: `config`, its key files, and the public addresses of its service.
 * False with a sentence. */
bool halves_collect(const struct config *config, const struct config_list *addresses,
        struct halves *halves_r, char error_r[HALVES_ERROR_MAX])
        __attribute__((warn_unused_result));
/* False with errno. */
bool halves_write(const struct halves *halves, FILE *out) __attribute__((warn_unused_result));
void halves_free(struct halves *halves);

#endif
