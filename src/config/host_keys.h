// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_HOST_KEYS_H
#define VERIMAIL_CONFIG_HOST_KEYS_H

#include "config/config.h"
#include "protocol/key.h"

/* A public key of a host: `value` is its text, or the path of its file; it was named by `option`.
 * `error`: the end of a sentence that says why it cannot be used, with errno or 0, and the key is
 * then all zero; else NULL. All of it is borrowed for the call. */
typedef void host_keys_on_key(void *context, const struct config_text *option, const char *value,
        const unsigned char public[KEY_OCTETS], const char *error);

/* Calls back for each key of a section `host`, those in files and folders included. */
void host_keys_read(const struct config_host *host, host_keys_on_key *on_key, void *context);

#endif
