// SPDX-License-Identifier: ISC
/* The ways of mail and of questions: Postfix to the milter, strangers to the service. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/section.h"
#include "events/event.h"
#include "events/privacy.h"
#include "events/store.h"
#include "filter/verifier.h"
#include "process/child.h"
#include "setup/answer_public.h"
#include "setup/doctor.h"
#include "setup/records.h"
#include "setup/subprocess.h"

#define UNIX "unix:"
#define TRY_TIMEOUT 10         /* seconds */
#define DAY UINT64_C(86400000) /* milliseconds */
#define PROVEN_DAYS 7
#define POSTFIX_USER "postfix"
#define SUN_PATH_MAX sizeof((struct sockaddr_un *)NULL)->sun_path

/* A connection to a unix socket, as Postfix's user. */
struct doctor_connection {
    const struct passwd *user; /* NULL: as this one */
    const char *path;
};

static int doctor_connect(void *context, int report)
{
    const struct doctor_connection *connection = context;
    const struct passwd *user = connection->user;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int error = 0;

    (void)strncat(address.sun_path, connection->path, sizeof address.sun_path - 1);
    if (user != NULL && geteuid() == 0 &&
            (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                    setuid(user->pw_uid) != 0))
        error = errno;
    const int fd = error == 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (error == 0 &&
            (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0))
        error = errno;
    return write(report, &error, sizeof error) == (ssize_t)sizeof error ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}

/* 0, or the error that the user gets. */
static int doctor_try_socket(const struct passwd *user, const char *path)
{
    struct doctor_connection connection = {user, path};
    int error = EAGAIN;

    (void)child_run(doctor_connect, &connection, TRY_TIMEOUT, &error, sizeof error);
    return error;
}

/* The remedies make the folder and the socket the group's, as `setup` does. */
static void doctor_check_reach(struct doctor *doctor, const char *path)
{
    const struct passwd *postfix = doctor->has_postfix ? getpwnam(POSTFIX_USER) : NULL;
    char remedy[4 * SUN_PATH_MAX + 128];
    int error = doctor_try_socket(NULL, path);

    if (error != 0) {
        doctor_add(doctor, DOCTOR_ERROR, "systemctl enable --now verimail-milter",
                "verimail-milter does not answer at %s: %s", path, strerror(error));
        return;
    }
    error = postfix != NULL ? doctor_try_socket(postfix, path) : 0;
    if (error == 0)
        return;
    const int len = (int)(strrchr(path, '/') - path);
    snprintf(remedy, sizeof remedy,
            "chgrp " POSTFIX_USER " %.*s %s && chmod 2750 %.*s && chmod 660 %s", len, path, path,
            len, path, path);
    doctor_add(doctor, DOCTOR_ERROR, remedy, "Postfix cannot connect to %s: %s", path,
            strerror(error));
}

/* The services of master.cf that a milter is asked by, and whether they run in the chroot. */
static bool doctor_is_chrooted(void)
{
    static const char *const argv[] = {"postconf", "-F", "*/inet/chroot", NULL};
    struct subprocess done;
    const bool is_chrooted = subprocess_run(argv, text_of(""), &done) && done.output != NULL &&
                             strstr(done.output, "= y") != NULL;

    subprocess_free(&done);
    return is_chrooted;
}

void doctor_socket(struct doctor *doctor)
{
    char remedy[PATH_MAX + 128];

    if (doctor->config->milter_count == 0 ||
            strncmp(doctor->config->milter->socket.at, UNIX, strlen(UNIX)) != 0)
        return;
    const char *path = doctor->config->milter->socket.at + strlen(UNIX);
    if (doctor->has_postfix) {
        const size_t len = strlen(doctor->postfix.queue);
        const bool is_below = strncmp(path, doctor->postfix.queue, len) == 0 && path[len] == '/';
        snprintf(remedy, sizeof remedy,
                "verimail.conf: socket = \"unix:%s/verimail/milter.sock\" in the section milter",
                doctor->postfix.queue);
        if (!is_below && doctor_is_chrooted())
            doctor_add(doctor, DOCTOR_ERROR, remedy, "%s is outside of Postfix's chroot %s", path,
                    doctor->postfix.queue);
    }
    doctor_check_reach(doctor, path);
    doctor_add_good(doctor, "the milter answers at %s", path);
}

/* OpenDKIM, dkimpy-milter, and what else signs: by its name, or by the ports of Debian's. */
static bool doctor_is_signer(struct text milter)
{
    static const char *const marks[] = {"dkim", "DKIM", ":8891", ":8892"};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (memmem(milter.at, milter.len, marks[i], strlen(marks[i])) != NULL)
            return true;
    return false;
}

/* A signer that comes before the stamp does not cover it, and one of DKIM2 is broken by it. */
static bool doctor_is_behind_signer(const char *list, const char *socket)
{
    struct text rest = text_of(list);

    for (struct text milter = postfix_next_milter(&rest); milter.len > 0;
            milter = postfix_next_milter(&rest)) {
        if (memmem(milter.at, milter.len, socket, strlen(socket)) != NULL)
            return false;
        if (doctor_is_signer(milter))
            return true;
    }
    return false;
}

static void doctor_check_list(
        struct doctor *doctor, const struct postfix_setting *setting, const char *socket)
{
    char error[POSTFIX_ERROR_MAX];
    char *expanded = postfix_get(setting->name, true, error);
    char *remedy = NULL;

    if (expanded == NULL || asprintf(&remedy, "postconf -e '%s = %s' && postfix reload",
                                    setting->name, setting->after) < 0) {
        doctor->failed = true;
        free(expanded);
        return;
    }
    if (strstr(expanded, socket) == NULL)
        doctor_add(doctor, DOCTOR_ERROR, remedy, "%s does not name the milter: %s", setting->name,
                expanded[0] != '\0' ? expanded : "it is empty");
    else if (doctor_is_behind_signer(expanded, socket))
        doctor_add(doctor, DOCTOR_WARNING, remedy,
                "%s: what signs comes before the milter, and does not cover the stamp",
                setting->name);
    free(remedy);
    free(expanded);
}

void doctor_mail_server(struct doctor *doctor)
{
    char socket[POSTFIX_SOCKET_MAX];

    if (doctor->config->milter_count == 0 || !doctor->has_postfix)
        return;
    postfix_socket(doctor->postfix.queue, doctor->config->milter->socket.at, socket);
    if (!postfix_plan(&doctor->postfix, doctor->config->milter->socket.at)) {
        doctor->failed = true;
        return;
    }
    for (size_t i = 0; i < 2; i++)
        doctor_check_list(doctor, &doctor->postfix.settings[i], socket);
    doctor_add_good(doctor, "Postfix asks the milter before it signs");
}

struct doctor_askers {
    struct config_list own; /* addresses of this machine */
    bool has_foreign;
};

/* Whether an asker, or its network, is in the public Internet and not in a network of ours. */
static bool doctor_is_foreign(const struct doctor_askers *askers, struct text asker)
{
    const struct target_acl acl = {0};
    struct endpoint endpoint;
    char text[ENDPOINT_TEXT_MAX];

    snprintf(text, sizeof text, memchr(asker.at, ':', asker.len) != NULL ? "[%.*s]:26" : "%.*s:26",
            (int)asker.len, asker.at);
    if (!endpoint_parse(text, &endpoint) || target_acl_check(&acl, &endpoint) != TARGET_ACL_OK)
        return false;
    for (size_t i = 0; i < askers->own.count; i++)
        if (privacy_network(text_of(askers->own.at[i].at)) == privacy_network(asker))
            return false;
    return true;
}

static bool doctor_take_asker(void *context, const struct eventstore_value *values, size_t count)
{
    struct doctor_askers *askers = context;

    if (count == 1 && values[0].text.len > 0)
        askers->has_foreign = doctor_is_foreign(askers, values[0].text);
    return !askers->has_foreign;
}

/* Whether the record has an answer about the domain to another network on each of these days. */
static bool doctor_answered_on(
        struct eventstore *store, const char *domain, struct doctor_askers *askers)
{
    const uint64_t now = unix_ms();
    bool each = true;

    for (uint64_t i = 0; each && i < PROVEN_DAYS; i++) {
        const struct eventstore_value parameters[] = {record_number(now - (i + 1) * DAY),
                record_number(now - i * DAY), record_text(text_of(domain))};
        askers->has_foreign = false;
        each = eventstore_query(store,
                       "SELECT \"asker\" FROM event WHERE \"time\" >= $1 AND \"time\" < $2 AND "
                       "\"domain\" = $3",
                       parameters, 3, doctor_take_asker, askers) &&
               askers->has_foreign;
    }
    return each;
}

/* A service that the world has reached for a week may ask that mail waits for it. */
static void doctor_propose_outage(struct doctor *doctor, const char *domain)
{
    const struct config *config = doctor->config;
    struct doctor_askers askers = {0};
    char error[EVENTSTORE_ERROR_MAX];
    char remedy[DOMAIN_MAX + 32];
    char *address = eventstore_address(
            config->record->store.at, config->service->state.at, EVENTSTORE_SERVICE);
    struct eventstore *store =
            address != NULL ? eventstore_open(address, &event_kind, EVENTSTORE_READ, error) : NULL;

    snprintf(remedy, sizeof remedy, "verimail dns --print %s", domain);
    if (store != NULL && records_find_addresses("localhost", &askers.own) &&
            doctor_answered_on(store, domain, &askers))
        doctor_add(doctor, DOCTOR_GOOD, remedy,
                "%s: its service answered other networks on each of the last %d days: with "
                "outage=defer in the policy record no forgery passes where it gives no answer",
                domain, PROVEN_DAYS);
    config_list_free(&askers.own);
    eventstore_close(&store);
    free(address);
}

/* The policy record beside the service's own keys. */
static void doctor_look_at_policy(
        struct doctor *doctor, const char *domain, const struct discovery_answer *discovery)
{
    struct answer_public public;
    char error[ANSWER_PUBLIC_ERROR_MAX];
    char remedy[DOMAIN_MAX + 32];

    snprintf(remedy, sizeof remedy, "verimail dns %s", domain);
    if (discovery->result != DISCOVERY_FOUND)
        return;
    if (discovery->policy_result > POLICY_RECORD_OK)
        doctor_add(doctor, DOCTOR_ERROR, remedy,
                "%s: its policy record %s, so it counts as if there were none", domain,
                policy_record_result_text(discovery->policy_result));
    else if (!answer_public_read(doctor->config, &public, error))
        doctor_add(doctor, DOCTOR_ERROR, NULL, "the answer key: %s", error);
    else if (!answer_public_fits(&public, &discovery->policy))
        doctor_add(doctor, DOCTOR_ERROR, remedy,
                "%s: its policy record has a key that the service does not have", domain);
    else if (public.count > 0 && !discovery->policy.has_key)
        doctor_add(doctor, DOCTOR_WARNING, remedy,
                "%s: the service has an answer key, but no policy record says so: verifiers ask in "
                "plain text",
                domain);
    else if (!discovery->policy.defer)
        doctor_propose_outage(doctor, domain);
}

static void doctor_ask_domain(struct doctor *doctor, struct client *client,
        const struct client_policy *policy, const char *domain)
{
    struct client_outcome outcome;
    struct question question = {.payload = text_of(QUESTION_UNSTAMPED), .rcpt = text_of("*")};
    char text[DISCOVERY_ERROR_MAX];
    char remedy[DOMAIN_MAX + 32];

    if (!address_make(text_of("postmaster"), text_of(domain), &question.user))
        return;
    client_ask(client, policy, &question, text_of(""), &outcome);
    doctor_look_at_policy(doctor, domain, &outcome.discovery);
    if (outcome.verdict != VERDICT_NONE && outcome.verdict != VERDICT_TEMPERROR)
        return;
    client_outcome_text(&outcome, text, sizeof text);
    snprintf(remedy, sizeof remedy, "verimail dns %s", domain);
    doctor_add(doctor, DOCTOR_ERROR, remedy, "%s: a verifier gets no answer: %s", domain, text);
}

/* As a verifier anywhere asks, without the peers that this machine knows. */
static void doctor_ask(struct doctor *doctor, const struct config_verify *verify)
{
    static struct client *kept; /* its end would wait for libunbound, which may hang */
    const struct config *config = doctor->config;
    char error[DISCOVERY_ERROR_MAX];
    struct verifier *verifier = verifier_init(verify, config);

    if (verifier == NULL) {
        doctor->failed = true;
        return;
    }
    struct client_policy policy = *verifier_policy(verifier);
    policy.peers = (struct peers){0};
    kept = verifier_client(verify, NULL, NULL, error);
    if (kept == NULL)
        doctor_add(doctor, DOCTOR_ERROR, NULL, "%s", error);
    for (size_t i = 0; kept != NULL && i < config->domains_count; i++)
        doctor_ask_domain(doctor, kept, &policy, config->domains[i].name.at);
    doctor_add_good(doctor, "the service of each domain answers those who find it by the DNS");
    verifier_free(&verifier);
}

void doctor_discovery(struct doctor *doctor)
{
    const struct section *section = section_within(&section_root, "verify");
    struct config_verify defaults = {0};

    if (doctor->config->service_count == 0)
        return;
    if (doctor->config->verify_count > 0)
        doctor_ask(doctor, doctor->config->verify);
    else if (section_defaults(section, &defaults))
        doctor_ask(doctor, &defaults);
    else
        doctor->failed = true;
    section_clear(section, &defaults);
}
