// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_STAMPER_H
#define VERIMAIL_FILTER_STAMPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/date.h"
#include "config/config.h"
#include "protocol/message_parser.h"
#include "protocol/sealer.h"

#define STAMPER_MESSAGE_ID_MAX (DOMAIN_MAX + 32) /* octets with a NUL */

/* A sending host by the section `stamp`: its domains, and the keys that it makes stamps with, which
 * are in guarded memory. All threads of a process may use one at once. */
struct stamper;

/* `secret`: the host's secret key; the caller wipes it. `stamp` is borrowed. NULL with a sentence
 * in
 * `*error_r`. */
struct stamper *stamper_init(const struct config_stamp *stamp,
        const unsigned char secret[KEY_OCTETS], const char **error_r);
void stamper_free(struct stamper **stamper);

/* Whether the user is at one of our domains (exactly), or at this host itself: mail servers write
 * bounces as MAILER-DAEMON@ their own name. */
bool stamper_is_ours(const struct stamper *stamper, const struct address *user);

/* The fields that a message may lack. `date_r`: of `now`, Unix seconds. */
void stamper_make_missing(const struct stamper *stamper, uint64_t now, char date_r[DATE_TEXT_MAX],
        char message_id_r[STAMPER_MESSAGE_ID_MAX]);

/* Writes the value of a field Verimail, folded with `eol`, as stamp_format() does. `now`: Unix
 * seconds. */
enum sealer_result stamper_seal(const struct stamper *stamper, const struct address *user,
        const struct receiving *receiving, uint64_t now, struct text digest, const char *eol,
        struct writer *w) __attribute__((warn_unused_result));

#endif
