// SPDX-License-Identifier: ISC
#include "users/ldap_session.h"

#include <errno.h>
#include <ldap.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/one_line.h"

#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt" /* of the package */
#define ACTIVE_DIRECTORY "1.2.840.113556.1.4.800"         /* LDAP_CAP_ACTIVE_DIRECTORY_OID */
#define LDAPS "ldaps://"
#define LDAPI "ldapi://"
#define BEHIND 1 /* seconds; libldap's own limit comes first */
#define EVERYTHING "(objectClass=*)"

/* libldap limits the wait for the first octet of a message only. It has no limit for the rest of
 * the message, or for a TLS handshake. SIGALRM adds one: its handler shuts the connection down, and
 * libldap sees the end of the connection. One connection of the process at a time can have this
 * limit. */

/* Whether a connection was made at all, before anything was sent over it. */
bool ldap_limit_was_connected(void);

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

/* Installs the limit. Call it before the first operation of `ld`. False when out of memory. */
static bool ldap_limit_install(LDAP *ld)
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

static void ldap_limit_end(void)
{
    const struct itimerval none = {0};

    (void)setitimer(ITIMER_REAL, &none, NULL);
}

/* Starts the limit: the operations that follow end after `seconds`. A further call restarts it. */
/* The alarm repeats, because libldap may try another connection after the first. */
static void ldap_limit_begin(uint64_t seconds)
{
    const struct timeval limit = {.tv_sec = (time_t)seconds};
    const struct itimerval timer = {.it_interval = limit, .it_value = limit};

    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

bool ldap_limit_was_connected(void)
{
    return connected;
}

static struct timeval ldap_session_timeout(const struct config_directory *directory)
{
    return (struct timeval){.tv_sec = (time_t)directory->timeout};
}

bool ldap_session_fail(struct ldap_session *s, const char *doing, int error, const char *detail)
{
    char *said = NULL;

    if (reached != 0)
        detail = "gives no answer";
    if (detail == NULL && s->ld != NULL)
        (void)ldap_get_option(s->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &said);
    const int used = snprintf(s->error, DIRECTORY_ERROR_MAX, "%.200s: %s: %s",
            s->directory->source.at, doing, ldap_err2string(error));
    if (detail == NULL)
        detail = said;
    if (detail != NULL && *detail != '\0' && used > 0 && used < DIRECTORY_ERROR_MAX - 2) {
        memcpy(s->error + used, ": ", 2);
        one_line_put(detail, s->error + used + 2, DIRECTORY_ERROR_MAX - (size_t)used - 2);
    }
    ldap_memfree(said);
    return false;
}

static bool ldap_session_set(struct ldap_session *s, int option, const void *value)
{
    const int error = ldap_set_option(s->ld, option, value);

    return error == LDAP_OPT_SUCCESS || ldap_session_fail(s, "set up", LDAP_LOCAL_ERROR, "");
}

static bool set_up(struct ldap_session *s)
{
    const struct timeval limit = ldap_session_timeout(s->directory);
    const int version = LDAP_VERSION3;
    const int never = LDAP_DEREF_NEVER;
    const int seconds = (int)s->directory->timeout;

    return ldap_session_set(s, LDAP_OPT_PROTOCOL_VERSION, &version) &&
           ldap_session_set(s, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) &&
           ldap_session_set(s, LDAP_OPT_DEREF, &never) &&
           ldap_session_set(s, LDAP_OPT_NETWORK_TIMEOUT, &limit) &&
           ldap_session_set(s, LDAP_OPT_TIMEOUT, &limit) &&
           ldap_session_set(s, LDAP_OPT_TIMELIMIT, &seconds);
}

static bool is_ldaps(const struct ldap_session *s)
{
    return strncmp(s->directory->source.at, LDAPS, strlen(LDAPS)) == 0;
}

static const char *certificates(const struct ldap_session *s)
{
    return s->directory->ca.at != NULL ? s->directory->ca.at : CERTIFICATES;
}

/* The last option applies the others. */
static bool set_up_tls(struct ldap_session *s)
{
    const char *ca = certificates(s);
    const int demand = LDAP_OPT_X_TLS_DEMAND;
    const int least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const int is_server = 0;

    if (!is_ldaps(s) && !s->directory->start_tls)
        return true;
    if (!ldap_session_set(s, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) ||
            !ldap_session_set(s, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least))
        return false;
    if (ldap_set_option(s->ld, LDAP_OPT_X_TLS_CACERTFILE, ca) == LDAP_OPT_SUCCESS &&
            ldap_set_option(s->ld, LDAP_OPT_X_TLS_NEWCTX, &is_server) == LDAP_OPT_SUCCESS)
        return true;
    return ldap_session_fail(s, "the file of certificates cannot be used", LDAP_LOCAL_ERROR, ca);
}

/* libldap does not report what GnuTLS found, or that the certificate was the cause. */
static bool fail_tls(struct ldap_session *s, const char *doing, int error)
{
    char detail[DIRECTORY_ERROR_MAX];

    snprintf(detail, sizeof detail,
            "it shows no certificate for this host that one in %s has signed", certificates(s));
    return ldap_session_fail(s, doing, error, detail);
}

/* errno is meaningful for a unix socket only. */
static bool ldap_session_connect_to(struct ldap_session *s)
{
    const bool is_local = strncmp(s->directory->source.at, LDAPI, strlen(LDAPI)) == 0;

    errno = 0;
    const int error = ldap_connect(s->ld);
    const int cause = errno;

    if (error == LDAP_SUCCESS)
        return true;
    if (ldap_limit_was_connected() && is_ldaps(s))
        return fail_tls(s, "TLS", error);
    return ldap_session_fail(s, "connect", error, is_local && cause != 0 ? strerror(cause) : NULL);
}

static bool start_tls(struct ldap_session *s)
{
    if (!s->directory->start_tls)
        return true;
    const int error = ldap_start_tls_s(s->ld, NULL, NULL);
    if (error == LDAP_CONNECT_ERROR)
        return fail_tls(s, "StartTLS", error);
    return error == LDAP_SUCCESS || ldap_session_fail(s, "StartTLS", error, NULL);
}

/* A bind without a password would succeed as anonymous, which may see only a part of it. */
static bool bind_as(struct ldap_session *s, const char *password)
{
    const char *dn = s->directory->bind_dn.at;
    struct berval word = {0};

    if (dn == NULL)
        return true;
    if (password == NULL)
        return ldap_session_fail(s, "bind", LDAP_LOCAL_ERROR, "expected a password");
    char *copy = strdup(password);
    if (copy == NULL)
        return ldap_session_fail(s, "bind", LDAP_NO_MEMORY, "");
    word.bv_val = copy;
    word.bv_len = strlen(copy);
    const int error = ldap_sasl_bind_s(s->ld, dn, LDAP_SASL_SIMPLE, &word, NULL, NULL, NULL);
    explicit_bzero(copy, word.bv_len);
    free(copy);
    return error == LDAP_SUCCESS || ldap_session_fail(s, "bind", error, NULL);
}

int ldap_session_get(struct ldap_session *s, const char *dn, char *attribute, LDAPMessage **found_r)
{
    char *attributes[] = {attribute, NULL};
    struct timeval limit = ldap_session_timeout(s->directory);

    ldap_limit_begin(s->directory->timeout + BEHIND);
    int error = ldap_search_ext_s(s->ld, dn, LDAP_SCOPE_BASE, EVERYTHING, attributes, 0, NULL, NULL,
            &limit, LDAP_NO_LIMIT, found_r);
    ldap_limit_end();
    if (error == LDAP_SUCCESS && ldap_first_entry(s->ld, *found_r) == NULL)
        error = LDAP_NO_SUCH_OBJECT;
    return error;
}

/* If this cannot be read, the server is treated as not Active Directory. Other errors show at the
 * search. */
static void find_out(struct ldap_session *s)
{
    char name[] = "supportedCapabilities";
    LDAPMessage *found = NULL;

    if (ldap_session_get(s, "", name, &found) == LDAP_SUCCESS) {
        struct berval **values = ldap_get_values_len(s->ld, ldap_first_entry(s->ld, found), name);
        for (size_t i = 0; values != NULL && values[i] != NULL; i++)
            s->is_active_directory =
                    s->is_active_directory || strcmp(values[i]->bv_val, ACTIVE_DIRECTORY) == 0;
        ldap_value_free_len(values);
    }
    ldap_msgfree(found);
}

static bool open_session(struct ldap_session *s, const char *password)
{
    ldap_limit_begin(s->directory->timeout);
    const bool good = set_up(s) && set_up_tls(s) && ldap_session_connect_to(s) && start_tls(s) &&
                      bind_as(s, password);
    ldap_limit_end();
    if (good)
        find_out(s);
    return good;
}

bool ldap_session_open(struct ldap_session *s, const struct config_directory *directory,
        const char *password, char error_r[DIRECTORY_ERROR_MAX])
{
    *s = (struct ldap_session){.directory = directory, .error = error_r};
    if (setenv("LDAPNOINIT", "1", 1) != 0)
        return ldap_session_fail(s, "set up", LDAP_NO_MEMORY, "");
    const int error = ldap_initialize(&s->ld, directory->source.at);
    if (error != LDAP_SUCCESS)
        return ldap_session_fail(s, "set up", error, "");
    const bool good = ldap_limit_install(s->ld)
                              ? open_session(s, password)
                              : ldap_session_fail(s, "set up", LDAP_NO_MEMORY, "");
    if (!good)
        ldap_session_close(s);
    return good;
}

void ldap_session_close(struct ldap_session *s)
{
    if (s->ld != NULL)
        (void)ldap_unbind_ext_s(s->ld, NULL, NULL);
    s->ld = NULL;
    ldap_limit_end();
    sigaction(SIGALRM, &before, NULL);
    socket_fd = -1;
}

bool ldap_session_search(struct ldap_session *s, const char *base, int scope, const char *filter,
        char **attributes, LDAPControl **controls, int *id_r)
{
    struct timeval limit = ldap_session_timeout(s->directory);

    ldap_limit_begin(s->directory->timeout + BEHIND);
    const int error = ldap_search_ext(
            s->ld, base, scope, filter, attributes, 0, controls, NULL, &limit, LDAP_NO_LIMIT, id_r);
    ldap_limit_end();
    return error == LDAP_SUCCESS || ldap_session_fail(s, "search", error, NULL);
}

LDAPMessage *ldap_session_next(struct ldap_session *s, int id)
{
    struct timeval limit = ldap_session_timeout(s->directory);
    LDAPMessage *message = NULL;
    int error = LDAP_TIMEOUT;

    ldap_limit_begin(s->directory->timeout + BEHIND);
    const int type = ldap_result(s->ld, id, LDAP_MSG_ONE, &limit, &message);
    ldap_limit_end();
    if (type > 0)
        return message;
    if (type < 0 && ldap_get_option(s->ld, LDAP_OPT_RESULT_CODE, &error) != LDAP_OPT_SUCCESS)
        error = LDAP_OTHER;
    (void)ldap_session_fail(s, "search", error, type < 0 ? NULL : "gives no answer");
    return NULL;
}
