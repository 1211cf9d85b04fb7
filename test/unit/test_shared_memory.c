// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process/shared_memory.h"
#include "unit.h"

#define SIZE ((size_t)10000)

TEST(both_sides_see_what_one_writes)
{
    struct shared_memory one;
    struct shared_memory other;

    assert_true(shared_memory_init(SIZE, &one));
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(((char *)one.at)[i], 0);
    assert_true(shared_memory_attach(dup(one.fd), SIZE, &other));
    assert_ptr_not_equal(one.at, other.at);
    strcpy((char *)one.at + SIZE - 10, "one");
    assert_string_equal((char *)other.at + SIZE - 10, "one");
    strcpy((char *)other.at, "other");
    shared_memory_close_fd(&one);
    assert_int_equal(one.fd, -1);
    assert_string_equal(one.at, "other");
    shared_memory_free(&one);
    assert_string_equal(other.at, "other");
    shared_memory_free(&other);
}

/* Who holds the descriptor cannot take the pages away: reading them would be SIGBUS. */
TEST(size_stays)
{
    struct shared_memory memory;

    assert_true(shared_memory_init(SIZE, &memory));
    assert_int_equal(ftruncate(memory.fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(memory.fd, SIZE + 1), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(fcntl(memory.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    assert_true((fcntl(memory.fd, F_GETFD) & FD_CLOEXEC) != 0);
    ((char *)memory.at)[SIZE - 1] = 1;
    shared_memory_free(&memory);
}

static int shared_memory_of(off_t size, int seals)
{
    const int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static const struct {
    struct unit_row row;
    off_t size;
    int seals;
    bool taken;
} memories[] = {
        {{.name = "sealed"}, SIZE, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, true},
        {{.name = "smaller"}, SIZE - 1, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, false},
        {{.name = "larger"}, SIZE + 1, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, false},
        {{.name = "may shrink"}, SIZE, F_SEAL_GROW | F_SEAL_SEAL, false},
        {{.name = "may be sealed further"}, SIZE, F_SEAL_SHRINK | F_SEAL_GROW, false},
        {{.name = "not sealed"}, SIZE, 0, false},
};

TEST_EACH(only_sealed_memory_of_that_size_is_taken, memories)
{
    struct shared_memory memory;
    const int fd = shared_memory_of(row->size, row->seals);

    assert_int_equal(shared_memory_attach(fd, SIZE, &memory), row->taken);
    if (row->taken) {
        shared_memory_free(&memory);
        return;
    }
    assert_int_equal(errno, EPROTO);
    close(fd);
}

TEST(what_is_no_memory_is_not_taken)
{
    struct shared_memory memory;
    int ends[2];

    assert_false(shared_memory_attach(-1, SIZE, &memory));
    assert_int_equal(errno, EBADF);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_false(shared_memory_attach(ends[0], SIZE, &memory));
    assert_int_equal(errno, EINVAL);
    close(ends[0]);
    close(ends[1]);
}
