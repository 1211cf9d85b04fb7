// SPDX-License-Identifier: ISC
#include "milter/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/network.h"

#define UNIX "unix:"
#define BUSY "another process answers at this socket; stop it, or set another socket"
#define NETWORK_INSTRUCTIONS 13 /* at most */
#define FILTER_MAX (20 + (CONFIG_CLIENTS_MAX + 3) * NETWORK_INSTRUCTIONS)
#define DESCRIPTORS_MAX 1024 /* the socket's is among so many */

/* The path of a unix socket; NULL: it is TCP. */
static const char *socket_unix_path(const struct config_milter *milter)
{
    const char *socket = milter->socket.at;

    return strncmp(socket, UNIX, sizeof UNIX - 1) == 0 ? socket + sizeof UNIX - 1 : NULL;
}

static bool socket_fail(char error_r[SOCKET_ERROR_MAX], const char *path, const char *what)
{
    snprintf(error_r, SOCKET_ERROR_MAX, "%s: %s", path, what);
    return false;
}

static bool socket_fail_errno(char error_r[SOCKET_ERROR_MAX], const char *path, const char *what)
{
    snprintf(error_r, SOCKET_ERROR_MAX, "%s: %s: %s", path, what, strerror(errno));
    return false;
}

/* Does not wait. -1 with errno. */
static int socket_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)strncat(address.sun_path, path, sizeof address.sun_path - 1);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Whether those whom the socket is for may pass through a folder. For members of its group, the
 * mode for others does not count. */
static bool socket_may_pass(const struct stat *folder, gid_t group, bool everybody)
{
    const bool as_group = !everybody && folder->st_gid == group;

    return (folder->st_mode & (as_group ? S_IXGRP : S_IXOTH)) != 0;
}

static bool socket_folders_lead_to(
        const char *path, gid_t group, bool everybody, char error_r[SOCKET_ERROR_MAX])
{
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path] = "";
    struct stat st;

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (stat(folder, &st) != 0)
            return socket_fail_errno(error_r, folder, "the socket's folder");
        if (!S_ISDIR(st.st_mode))
            return socket_fail(error_r, folder, "is not a folder");
        if (!socket_may_pass(&st, group, everybody))
            return socket_fail(error_r, folder,
                    everybody ? "not everybody may pass through this folder, so mail servers "
                                "cannot reach the socket; run chmod o+x on it"
                              : "the socket's group may not pass through this folder, so the mail "
                                "server cannot reach the socket; run chgrp and chmod g+x on it, or "
                                "set another socket_group");
    }
    return true;
}

/* The socket's path must be free, or have a socket that no process listens at. Only ECONNREFUSED
 * proves that: any other error may come from a process that is busy or does not let us connect. */
static enum socket_result socket_make_way(const char *path, char error_r[SOCKET_ERROR_MAX])
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return SOCKET_OPENED;
        (void)socket_fail(error_r, path, strerror(errno));
        return SOCKET_FAILED;
    }
    if (!S_ISSOCK(st.st_mode)) {
        (void)socket_fail(
                error_r, path, "exists and is not a socket; remove it, or set another socket");
        return SOCKET_FAILED;
    }
    const int fd = socket_connect_unix(path);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errno == EAGAIN) {
        (void)socket_fail(error_r, path, BUSY);
        return SOCKET_BUSY;
    }
    if (errno == ECONNREFUSED && unlink(path) == 0)
        return SOCKET_OPENED;
    (void)socket_fail_errno(error_r, path,
            errno == ECONNREFUSED ? "cannot be replaced" : "exists, and cannot be connected to");
    return SOCKET_FAILED;
}

static bool socket_open_by_libmilter(const struct config_milter *milter)
{
    char buffer[128];

    (void)snprintf(buffer, sizeof buffer, "%s", milter->socket.at);
    errno = 0;
    return smfi_setconn(buffer) == MI_SUCCESS && smfi_opensocket(false) == MI_SUCCESS;
}

/* libmilter may leave no errno. */
static enum socket_result socket_fail_to_open(char error_r[SOCKET_ERROR_MAX], const char *what)
{
    if (errno == EADDRINUSE) {
        (void)socket_fail(error_r, what, BUSY);
        return SOCKET_BUSY;
    }
    if (errno != 0)
        (void)socket_fail_errno(error_r, what, "cannot be opened");
    else
        (void)socket_fail(error_r, what, "cannot be opened");
    return SOCKET_FAILED;
}

/* In a folder with the set-group-ID bit the socket has the right group already. Otherwise only root
 * and members of that group can give it. */
static bool socket_give_to(const char *path, gid_t group)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_gid == group || chown(path, (uid_t)-1, group) == 0);
}

static enum socket_result socket_open_unix(const struct config_milter *milter, const char *path,
        gid_t group, char error_r[SOCKET_ERROR_MAX])
{
    const mode_t mode = (mode_t)milter->socket_mode;
    const bool everybody = (mode & S_IWOTH) != 0;

    if (!socket_folders_lead_to(path, group, everybody, error_r))
        return SOCKET_FAILED;
    const enum socket_result way = socket_make_way(path, error_r);
    if (way != SOCKET_OPENED)
        return way;
    /* Until the group is right, no other user may connect. */
    const mode_t before = umask(0177);
    const bool opened = socket_open_by_libmilter(milter);
    umask(before);
    if (!opened)
        return socket_fail_to_open(error_r, path);
    if (socket_give_to(path, group) && chmod(path, mode) == 0)
        return SOCKET_OPENED;
    (void)socket_fail_errno(error_r, path, "cannot be given to its group");
    (void)unlink(path);
    return SOCKET_FAILED;
}

static bool socket_listens_on_tcp(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int listens = 0;
    socklen_t listens_size = sizeof listens;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) == 0 && listens &&
           getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* A filter of the kernel for the packets that come to the socket. libmilter accepts connections by
 * itself, and does not tell from where. */
struct socket_filter {
    struct sock_filter at[FILTER_MAX];
    unsigned short count;
};

static void socket_filter_add(struct socket_filter *filter, struct sock_filter instruction)
{
    filter->at[filter->count++] = instruction;
}

/* Puts the packet's source address into the scratch memory, as struct network has it. */
static void socket_filter_begin(struct socket_filter *filter)
{
    static const struct sock_filter load[] = {
            BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF),
            BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40, 0, 8),
            BPF_STMT(BPF_LD | BPF_IMM, 0),
            BPF_STMT(BPF_ST, 0),
            BPF_STMT(BPF_ST, 1),
            BPF_STMT(BPF_LD | BPF_IMM, 0xffff),
            BPF_STMT(BPF_ST, 2),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
            BPF_STMT(BPF_ST, 3),
            BPF_STMT(BPF_JMP | BPF_JA, 8),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 8),
            BPF_STMT(BPF_ST, 0),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
            BPF_STMT(BPF_ST, 1),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 16),
            BPF_STMT(BPF_ST, 2),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 20),
            BPF_STMT(BPF_ST, 3),
    };

    for (size_t i = 0; i < sizeof load / sizeof *load; i++)
        socket_filter_add(filter, load[i]);
}

/* Admits a network. A word that differs leads to what is behind it. */
static void socket_filter_admit(struct socket_filter *filter, const char *text)
{
    struct network network;

    if (!network_parse(text, &network))
        return;
    const unsigned words = (network.prefix + 31) / 32;
    for (unsigned i = 0; i < words; i++) {
        const unsigned bits = network.prefix - i * 32 < 32 ? network.prefix - i * 32 : 32;
        uint32_t word;
        memcpy(&word, network.address + i * sizeof word, sizeof word);
        socket_filter_add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, i));
        socket_filter_add(filter,
                (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, UINT32_MAX << (32 - bits)));
        socket_filter_add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                          ntohl(word), 0, (uint8_t)((words - 1 - i) * 3 + 1)));
    }
    socket_filter_add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
}

/* Reads inet:PORT@ADDRESS. */
static bool socket_inet_endpoint(const char *socket, struct endpoint *endpoint_r)
{
    const char *port = strchr(socket, ':') + 1;
    const char *at = strchr(port, '@');
    char text[ENDPOINT_TEXT_MAX + 8];

    if (at == NULL)
        return false;
    const bool v6 = strchr(at, ':') != NULL;
    (void)snprintf(text, sizeof text, "%s%s%s:%.*s", v6 ? "[" : "", at + 1, v6 ? "]" : "",
            (int)(at - port), port);
    return endpoint_parse(text, endpoint_r);
}

/* The daemon connects to its own socket, so the machine itself is among the clients. */
static void socket_filter_make(const struct config_milter *milter, struct socket_filter *filter_r)
{
    struct endpoint endpoint;
    char own[ENDPOINT_TEXT_MAX];

    filter_r->count = 0;
    socket_filter_begin(filter_r);
    socket_filter_admit(filter_r, "127.0.0.0/8");
    socket_filter_admit(filter_r, "::1");
    if (socket_inet_endpoint(milter->socket.at, &endpoint) && !endpoint_is_any(&endpoint)) {
        endpoint_format_address(&endpoint, own);
        socket_filter_admit(filter_r, own);
    }
    for (size_t i = 0; i < milter->clients.count; i++)
        socket_filter_admit(filter_r, milter->clients.at[i].at);
    socket_filter_add(filter_r, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0));
}

/* libmilter does not tell the socket's descriptor. Accepted connections inherit both options. */
static bool socket_set_options(const struct config_milter *milter)
{
    struct socket_filter filter;
    const int one = 1;
    bool set = false;

    socket_filter_make(milter, &filter);
    const struct sock_fprog program = {.len = filter.count, .filter = filter.at};
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_MAX; fd++) {
        if (!socket_listens_on_tcp(fd))
            continue;
        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
            return false;
        set = true;
    }
    return set;
}

enum socket_result socket_open(
        const struct config_milter *milter, gid_t group, char error_r[SOCKET_ERROR_MAX])
{
    const char *path = socket_unix_path(milter);

    if (path != NULL)
        return socket_open_unix(milter, path, group, error_r);
    if (!socket_open_by_libmilter(milter))
        return socket_fail_to_open(error_r, milter->socket.at);
    if (socket_set_options(milter))
        return SOCKET_OPENED;
    (void)socket_fail(error_r, milter->socket.at, "the kernel's filter of `clients` cannot be set");
    return SOCKET_FAILED;
}

int socket_connect(const struct config_milter *milter)
{
    const char *path = socket_unix_path(milter);
    struct endpoint endpoint;
    int fd = -1;

    if (path != NULL)
        return socket_connect_unix(path);
    if (socket_inet_endpoint(milter->socket.at, &endpoint))
        fd = socket(endpoint.address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)!connect(fd, &endpoint.address.any, endpoint.len);
    return fd;
}

void socket_knock(const struct config_milter *milter)
{
    const int fd = socket_connect(milter);

    if (fd >= 0)
        close(fd);
}

void socket_remove(const struct config_milter *milter)
{
    const char *path = socket_unix_path(milter);
    struct stat st;

    if (path != NULL && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path);
}
