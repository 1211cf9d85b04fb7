// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_SPOOL_H
#define VERIMAIL_COMMAND_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/text.h"

#define SPOOL_CHUNK 65536 /* octets copied at once */

/* An unnamed file in TMPDIR (or /tmp), for data that must be read twice. */
struct spool {
    int fd;
    uint64_t len;
};

/* False with errno. */
bool spool_open(struct spool *spool_r) __attribute__((warn_unused_result));
void spool_close(struct spool *spool);
/* Returns the number of octets stored. Fewer than all: errno has the reason. */
size_t spool_add(struct spool *spool, struct text t) __attribute__((warn_unused_result));
/* Writes `len` octets, starting at `offset`, to `fd`. False with errno. */
bool spool_copy(const struct spool *spool, uint64_t offset, uint64_t len, int fd)
        __attribute__((warn_unused_result));

/* read(2) until there is data, and write(2) until all is written. */
ssize_t spool_read(int fd, char *buffer, size_t size);
bool spool_write(int fd, struct text t) __attribute__((warn_unused_result));

#endif
