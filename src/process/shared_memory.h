// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_SHARED_MEMORY_H
#define VERIMAIL_PROCESS_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Memory that processes share, also with a program that is started later: a file without a name.
 * Its size is sealed (memfd_create(2)), so that no side can take pages away from under another. */
struct shared_memory {
    void *at;
    size_t size;
    int fd; /* closed in a program that is started; -1: closed already */
};

/* All zero. False with errno. */
bool shared_memory_init(size_t size, struct shared_memory *memory_r)
        __attribute__((warn_unused_result));
/* The same memory in another program. Takes `fd` over on success. False with errno; EPROTO: `fd` is
 * not such memory, or of another size. */
bool shared_memory_attach(int fd, size_t size, struct shared_memory *memory_r)
        __attribute__((warn_unused_result));
/* Closes the descriptor; the memory stays. */
void shared_memory_close_fd(struct shared_memory *memory);
void shared_memory_free(struct shared_memory *memory);

#endif
