// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_SLOT_H
#define VERIMAIL_REPLAY_REDIS_SLOT_H

#include <stdint.h>

#include "protocol/text.h"

#define REDIS_SLOT_COUNT 16384

/* Where a key lies in a cluster (Redis cluster specification, "Key distribution model" and "Hash
 * tags"): what stands between the first `{` and the next `}` decides, unless that is nothing or
 * there is none; else the whole key. */
uint16_t redis_slot_of(struct text key);

/* CRC-16/XMODEM: of "123456789" it is 0x31C3. */
uint16_t redis_slot_crc16(struct text t);

#endif
