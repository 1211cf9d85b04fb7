// SPDX-License-Identifier: ISC
#include "users/ldap_limit.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

static volatile sig_atomic_t socket_fd = -1;
static volatile sig_atomic_t reached;
static bool connected;
static struct sigaction before;

static void shut_down(int signum)
{
    const int error = errno;

    (void)signum;
    reached = 1;
    if (socket_fd >= 0)
        (void)shutdown((int)socket_fd, SHUT_RDWR);
    errno = error;
}

static int ldap_limit_take_socket(LDAP *ld, Sockbuf *sb, LDAPURLDesc *server,
        struct sockaddr *address, struct ldap_conncb *cb)
{
    ber_socket_t fd = -1;

    (void)ld;
    (void)server;
    (void)address;
    (void)cb;
    socket_fd = ber_sockbuf_ctrl(sb, LBER_SB_OPT_GET_FD, &fd) == 1 ? fd : -1;
    connected = true;
    return 0;
}

static void forget_socket(LDAP *ld, Sockbuf *sb, struct ldap_conncb *cb)
{
    (void)ld;
    (void)sb;
    (void)cb;
    socket_fd = -1;
}

bool ldap_limit_install(LDAP *ld)
{
    static struct ldap_conncb callbacks = {
            .lc_add = ldap_limit_take_socket, .lc_del = forget_socket};
    struct sigaction action = {.sa_handler = shut_down}; /* without SA_RESTART */

    socket_fd = -1;
    reached = 0;
    connected = false;
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, &before);
    return ldap_set_option(ld, LDAP_OPT_CONNECT_CB, &callbacks) == LDAP_OPT_SUCCESS;
}

void ldap_limit_remove(void)
{
    ldap_limit_end();
    sigaction(SIGALRM, &before, NULL);
    socket_fd = -1;
}

/* Again and again: behind one connection another one may be tried. */
void ldap_limit_begin(uint64_t seconds)
{
    const struct timeval limit = {.tv_sec = (time_t)seconds};
    const struct itimerval timer = {.it_interval = limit, .it_value = limit};

    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

void ldap_limit_end(void)
{
    const struct itimerval none = {0};

    (void)setitimer(ITIMER_REAL, &none, NULL);
}

bool ldap_limit_was_reached(void)
{
    return reached != 0;
}

bool ldap_limit_was_connected(void)
{
    return connected;
}
