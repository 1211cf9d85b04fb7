// SPDX-License-Identifier: ISC
#include "base/port_holder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTEN 0x0A   /* the state of a socket in /proc/net/tcp */
#define NAME_SHOWN 15 /* octets after which the kernel cuts names */
#define LINK_MAX 64   /* octets of `socket:[INODE]`, with a NUL */

/* The inode of a socket that listens at the port, from one of the two tables; 0: none. */
static unsigned long port_holder_inode(const char *table, unsigned port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned long inode = 0;

    while (file != NULL && inode == 0 && fgets(line, sizeof line, file) != NULL) {
        char local[8];
        char state[4];
        char found[24];
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%7s %*s %3s %*s %*s %*s %*s %*s %23s", local, state,
                    found) == 3 &&
                strtoul(local, NULL, 16) == port && strtoul(state, NULL, 16) == LISTEN)
            inode = strtoul(found, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return inode;
}

static bool port_holder_has(const char *pid, const char *wanted)
{
    char path[300];
    char target[LINK_MAX];
    bool found = false;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    for (const struct dirent *entry;
            folder != NULL && !found && (entry = readdir(folder)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        const ssize_t len = readlink(path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static void port_holder_read_name(const char *pid, char *name_r, size_t size)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name_r, (int)size, file) == NULL)
        name_r[0] = '\0';
    name_r[strcspn(name_r, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

static const struct dirent *port_holder_next(DIR *processes)
{
    const struct dirent *entry;

    do
        entry = readdir(processes);
    while (entry != NULL && (entry->d_name[0] < '1' || entry->d_name[0] > '9'));
    return entry;
}

bool port_holder_find(unsigned port, struct port_holder *holder_r)
{
    char wanted[LINK_MAX];
    unsigned long inode = port_holder_inode("/proc/net/tcp", port);

    *holder_r = (struct port_holder){0};
    if (inode == 0)
        inode = port_holder_inode("/proc/net/tcp6", port);
    DIR *processes = inode != 0 ? opendir("/proc") : NULL;
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    for (const struct dirent *entry; processes != NULL && holder_r->pid == 0 &&
                                     (entry = port_holder_next(processes)) != NULL;) {
        if (!port_holder_has(entry->d_name, wanted))
            continue;
        holder_r->pid = (pid_t)strtol(entry->d_name, NULL, 10);
        port_holder_read_name(entry->d_name, holder_r->name, sizeof holder_r->name);
    }
    if (processes != NULL)
        closedir(processes);
    return holder_r->pid != 0;
}

bool port_holder_is_named(const char *holder, const char *program)
{
    return strncmp(holder, program, NAME_SHOWN) == 0;
}

bool port_holder_runs(const char *program)
{
    DIR *processes = opendir("/proc");
    bool runs = false;

    for (const struct dirent *entry;
            processes != NULL && !runs && (entry = port_holder_next(processes)) != NULL;) {
        char name[32];
        port_holder_read_name(entry->d_name, name, sizeof name);
        runs = port_holder_is_named(name, program);
    }
    if (processes != NULL)
        closedir(processes);
    return runs;
}
