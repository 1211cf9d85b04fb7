// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FAULT_H
#define VERIMAIL_TEST_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_PATH_MAX 64 /* octets with the NUL */
#define FAULT_KINDS_MAX 64

/* Makes calls of a program fail on purpose: system calls by name, and in a preloaded library
 * allocations. A unit test links fault.c and calls these functions. The torture preloads it, and
 * writes the same state to the file that the environment's VERIMAIL_FAULT names. */
struct fault_state {
    _Atomic uint32_t kind;                   /* an index into fault_kinds; FAULT_NONE */
    _Atomic uint32_t left;                   /* calls of that kind until the one that fails */
    _Atomic uint32_t stays;                  /* 1: all later ones fail too */
    _Atomic uint32_t met;                    /* calls that failed on purpose */
    _Atomic uint32_t seen;                   /* calls of that kind */
    char path[FAULT_PATH_MAX];               /* only calls with a path that ends so; "": all */
    _Atomic uint32_t calls[FAULT_KINDS_MAX]; /* of each kind, whether one is to fail or not */
};

#define FAULT_NONE UINT32_MAX
#define FAULT_REPORT                                                                               \
    99 /* the exit status of a process that has leaks, as the sanitizer's options say */

extern const char *const fault_kinds[]; /* ends with NULL */

/* From now on the call number `n` (1: the next) of this kind fails once. */
void fault_once(const char *kind, uint32_t n);
/* From now on all calls of this kind fail whose path ends with `path`. */
void fault_always(const char *kind, const char *path);
/* No call fails any more. Returns how many did. */
uint32_t fault_end(void);

#endif
