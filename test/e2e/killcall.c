// SPDX-License-Identifier: ISC
// A process that dies in the middle of its work (LD_PRELOAD). The environment's VERIMAIL_KILL is a
// number: before the call of that number, of those that other processes can see, it is killed.
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void killcall_count(void)
{
    static long left = -1;
    const char *number = getenv("VERIMAIL_KILL");

    if (left < 0)
        left = number != NULL ? strtol(number, NULL, 10) : 0;
    if (left > 0 && --left == 0)
        raise(SIGKILL);
}

static void *killcall_real(const char *name)
{
    void *real = dlsym(RTLD_NEXT, name);

    if (real == NULL)
        abort();
    return real;
}

int link(const char *from, const char *to)
{
    int (*real)(const char *, const char *);

    *(void **)&real = killcall_real("link");
    killcall_count();
    return real(from, to);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);

    *(void **)&real = killcall_real("rename");
    killcall_count();
    return real(from, to);
}

int unlink(const char *path)
{
    int (*real)(const char *);

    *(void **)&real = killcall_real("unlink");
    killcall_count();
    return real(path);
}

int mkostemp(char *name, int flags)
{
    int (*real)(char *, int);

    *(void **)&real = killcall_real("mkostemp");
    killcall_count();
    return real(name, flags);
}

int kill(pid_t pid, int signal)
{
    int (*real)(pid_t, int);

    *(void **)&real = killcall_real("kill");
    if (signal != 0)
        killcall_count();
    return real(pid, signal);
}
