// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_HASH_H
#define VERIMAIL_CLIENT_HASH_H

#include <sodium.h>
#include <stdlib.h>

/* uthash for tables whose keys strangers choose: hashed with a key of chance, and without an end of
 * the process where out of memory (an entry that was not added has hh.tbl == NULL). Entries stand
 * in the order in which they were added. Included before everything else that includes uthash. */

unsigned hash_octets(const void *key, size_t len);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, value) ((value) = hash_octets((key), (len)))

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <uthash.h>
#pragma GCC diagnostic pop

#endif
