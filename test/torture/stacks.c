// SPDX-License-Identifier: ISC
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Preloaded before fault.so. It writes where the program allocates: a struct stack for each
 * allocation goes to the file that VERIMAIL_STACKS names; with VERIMAIL_STACKS_FAILED set, only for
 * those that fail. */

#define STACK_FRAMES 32
#define STACKS_FD 500         /* tests look at the lower ones */
#define STACKS_PLACES 4096    /* that allocate */
#define STACKS_OF_A_PLACE 200 /* what else it does is like that */

struct stack {
    uint32_t number; /* the allocation's, as struct fault_state counts */
    uint32_t count;
    uint64_t frames[STACK_FRAMES]; /* return addresses in the program itself, the innermost first */
};

static int stacks_fd = -1;
static bool stacks_is_failed;
static uint64_t stacks_base; /* of the program */
static uint64_t stacks_end;
static const _Atomic uint32_t *stacks_calls; /* allocations so far */
static struct {
    _Atomic uintptr_t at;
    _Atomic unsigned seen;
} stacks_places[STACKS_PLACES];
static __thread bool stacks_is_busy;

static int stacks_take_program(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    stacks_base = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uint64_t end =
                info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > stacks_end)
            stacks_end = end;
    }
    return 1; /* the program is the first one */
}

static void stacks_find_calls(const char *path)
{
    const char *const *kinds = dlsym(RTLD_DEFAULT, "fault_kinds");
    const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const struct fault_state *state =
            mmap(NULL, sizeof *state, PROT_READ, MAP_SHARED, fd, 0); /* fails without a file */
    uint32_t kind = 0;

    if (fd >= 0)
        close(fd);
    if (state == MAP_FAILED || kinds == NULL)
        abort();
    while (strcmp(kinds[kind], "malloc") != 0)
        kind++;
    stacks_calls = &state->calls[kind];
}

__attribute__((constructor)) static void stacks_begin(void)
{
    const char *path = getenv("VERIMAIL_STACKS");
    void *frames[1];

    stacks_is_busy = true;
    (void)dl_iterate_phdr(stacks_take_program, NULL);
    (void)backtrace(frames, 1); /* the first time it loads a library */
    stacks_find_calls(getenv("VERIMAIL_FAULT"));
    stacks_is_failed = getenv("VERIMAIL_STACKS_FAILED") != NULL;
    if (path != NULL) {
        const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        stacks_fd = fcntl(fd, F_DUPFD_CLOEXEC, STACKS_FD);
        close(fd);
    }
    stacks_is_busy = false;
}

static void stacks_write(uint32_t number)
{
    void *addresses[STACK_FRAMES];
    struct stack stack = {.number = number};

    stacks_is_busy = true;
    const int count = backtrace(addresses, STACK_FRAMES);
    for (int i = 0; i < count; i++) {
        const uint64_t address = (uint64_t)(uintptr_t)addresses[i];
        if (address > stacks_base && address < stacks_end)
            stack.frames[stack.count++] = address - stacks_base;
    }
    if (stack.count > 0 && write(stacks_fd, &stack, sizeof stack) < 0)
        stacks_fd = -1;
    stacks_is_busy = false;
}

static bool stacks_is_new(uintptr_t place)
{
    size_t i = place * 2654435761U % STACKS_PLACES;
    uintptr_t free_place = 0;

    while (stacks_places[i].at != place) {
        if (atomic_compare_exchange_strong(&stacks_places[i].at, &free_place, place))
            break;
        free_place = 0;
        i = (i + 1) % STACKS_PLACES;
    }
    return stacks_places[i].seen++ < STACKS_OF_A_PLACE;
}

static void stacks_note(const void *at, const void *place)
{
    const int error = errno;

    if (stacks_fd >= 0 && !stacks_is_busy && (at == NULL || !stacks_is_failed) &&
            stacks_is_new((uintptr_t)place))
        stacks_write(*stacks_calls);
    errno = error;
}

/* fault.c has reallocarray() call realloc(). */
#define ALLOCATOR(name, parameters, arguments)                                                     \
    void *name parameters                                                                          \
    {                                                                                              \
        static void *(*real)parameters;                                                            \
                                                                                                   \
        if (real == NULL)                                                                          \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        void *at = real arguments;                                                                 \
        stacks_note(at, __builtin_return_address(0));                                              \
        return at;                                                                                 \
    }

ALLOCATOR(malloc, (size_t size), (size))
ALLOCATOR(calloc, (size_t count, size_t size), (count, size))
ALLOCATOR(realloc, (void *old, size_t size), (old, size))
ALLOCATOR(aligned_alloc, (size_t alignment, size_t size), (alignment, size))

int posix_memalign(void **at_r, size_t alignment, size_t size)
{
    static int (*real)(void **, size_t, size_t);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "posix_memalign");
    const int error = real(at_r, alignment, size);
    stacks_note(error == 0 ? *at_r : NULL, __builtin_return_address(0));
    return error;
}
