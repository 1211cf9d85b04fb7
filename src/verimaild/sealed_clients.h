// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_SEALED_CLIENTS_H
#define VERIMAIL_VERIMAILD_SEALED_CLIENTS_H

#include "protocol/sealed.h"

#define SEALED_CLIENTS 4096 /* whose secrets are kept */

/* The secrets that the service shares with clients whose keys it has seen: a saving of an X25519 a
 * question, and nothing more. Of a fixed size, in guarded memory. Clients whose payloads opened
 * never make room for others. */
struct sealed_clients;

/* NULL when out of memory. */
struct sealed_clients *sealed_clients_init(const unsigned char seed[16]);
void sealed_clients_free(struct sealed_clients **clients);

/* False: there is none kept. */
bool sealed_clients_find(struct sealed_clients *clients, const unsigned char key_id[KEY_ID_OCTETS],
        const unsigned char client[KEY_OCTETS], struct sealed_secret *secret_r);
/* Keeps the secret of a client whose box opened. `is_genuine`: its payload opened, too. */
void sealed_clients_keep(struct sealed_clients *clients, const unsigned char key_id[KEY_ID_OCTETS],
        const unsigned char client[KEY_OCTETS], const struct sealed_secret *secret,
        bool is_genuine);

#endif
