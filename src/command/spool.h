// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_SPOOL_H
#define VERIMAIL_COMMAND_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/text.h"

#define SPOOL_CHUNK 65536 /* octets moved at once */

/* A file without a name in TMPDIR (or /tmp), for what must be read twice. */
struct spool {
    int fd;
    uint64_t len;
};

/* False with errno. */
bool spool_open(struct spool *spool_r) __attribute__((warn_unused_result));
void spool_close(struct spool *spool);
/* Returns the octets that it took: fewer than all with errno. */
size_t spool_add(struct spool *spool, struct text t) __attribute__((warn_unused_result));
/* Writes `len` octets from `offset` on to `fd`. False with errno. */
bool spool_copy(const struct spool *spool, uint64_t offset, uint64_t len, int fd)
        __attribute__((warn_unused_result));

/* read(2) and write(2) until something came, or all is gone. */
ssize_t spool_read(int fd, char *buffer, size_t size);
bool spool_write(int fd, struct text t) __attribute__((warn_unused_result));

#endif
