// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_BOOT_H
#define VERIMAIL_TEST_BOOT_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_OCTETS 36

/* Changes the clean flag of a store of counts in this file, so that it names another boot. */
static inline void boot_change(const char *path)
{
    char octets[4096];
    char boot[BOOT_OCTETS];
    const int boot_fd = open(BOOT_FILE, O_RDONLY);
    const int fd = open(path, O_RDWR);

    if (boot_fd < 0 || read(boot_fd, boot, sizeof boot) != (ssize_t)sizeof boot || fd < 0)
        abort();
    const ssize_t len = read(fd, octets, sizeof octets);
    char *at = len > 0 ? memmem(octets, (size_t)len, boot, sizeof boot) : NULL;
    if (at == NULL)
        abort();
    *at = *at == '0' ? '1' : '0';
    if (pwrite(fd, octets, (size_t)len, 0) != len)
        abort();
    close(boot_fd);
    close(fd);
}

#endif
