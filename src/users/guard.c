// SPDX-License-Identifier: ISC
#include "users/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

/* A missing page; an invalid address; a division by a page size of 0. */
static const int caught[] = {SIGBUS, SIGSEGV, SIGFPE};

#define CAUGHT (sizeof caught / sizeof *caught)

static struct sigaction before[CAUGHT];
static _Thread_local sigjmp_buf *volatile way_out;

static void call_earlier(int signum, siginfo_t *info, void *context)
{
    for (size_t i = 0; i < CAUGHT; i++) {
        if (caught[i] != signum)
            continue;
        if ((before[i].sa_flags & SA_SIGINFO) != 0)
            before[i].sa_sigaction(signum, info, context);
        else if (before[i].sa_handler != SIG_DFL && before[i].sa_handler != SIG_IGN)
            before[i].sa_handler(signum);
    }
}

static void guard_on_signal(int signum, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;

    const bool is_met =
            info->si_code > 0; /* a fault of the processor, not a signal that a process sent */

    if (is_met)
        guard_give_up();
    call_earlier(signum, info, context);
    /* The default action is restored, and the same instruction faults again. */
    if (is_met) {
        sigaddset(&interrupted->uc_sigmask, signum);
        return;
    }
    (void)signal(signum, SIG_DFL);
    raise(signum);
}

void guard_install(void)
{
    /* No signal is blocked in the handler, so that leaving it needs no system call. */
    struct sigaction action = {
            .sa_sigaction = guard_on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};

    for (size_t i = 0; i < CAUGHT; i++) {
        struct sigaction now;
        if (sigaction(caught[i], NULL, &now) != 0 ||
                ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == guard_on_signal))
            continue;
        before[i] = now;
        sigaction(caught[i], &action, NULL);
    }
}

bool guard_run(void (*work)(void *context), void *context)
{
    sigjmp_buf here;

    if (sigsetjmp(here, 0) != 0) {
        way_out = NULL;
        return false;
    }
    way_out = &here;
    work(context);
    way_out = NULL;
    return true;
}

void guard_give_up(void)
{
    if (way_out != NULL)
        siglongjmp(*way_out, 1);
}
