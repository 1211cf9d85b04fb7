// SPDX-License-Identifier: ISC
#include "command/rotate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "command/arguments.h"
#include "command/daemon.h"
#include "command/escape.h"
#include "protocol/judge.h"

#define RELOAD_TIMEOUT 45000 /* milliseconds: 30 s to be ready, 10 s for what is open */
#define LIFETIME_DEFAULT (UINT64_C(7) * 86400) /* seconds, where no domain says it */

void rotate_complain_no_folder(const struct rotation *rotation, bool is_service, const char *user,
        const struct config_text *key)
{
    const char *option = is_service ? "keys" : "key";
    const char *folder = is_service ? "/etc/verimail/keys/service" : "/etc/verimail/keys/host";

    command_complain(rotation->invocation,
            "%s:%u: the option %s names no folder: make one (install -d -g %s -m 750 %s), put the "
            "key there (mv %s %s/2026-01-01.key), and write %s = %s\"%s\"%s",
            rotation->invocation->config_path, key->line, option, user, folder, key->at, folder,
            option, is_service ? "{" : "", folder, is_service ? "}" : "");
}

void rotate_say(const struct rotation *rotation, const char *format, ...)
{
    char *sentence = NULL;
    va_list args;

    (void)rotation;
    va_start(args, format);
    const int len = vasprintf(&sentence, format, args);
    va_end(args);
    if (len < 0)
        return;
    escape_controls(stdout, (struct text){sentence, (size_t)len});
    putchar('\n');
    free(sentence);
}

void rotate_tell(const struct rotation *rotation, const char *subject, const char *because,
        const char *command)
{
    struct log_line line;

    if (!rotation->unattended) {
        rotate_say(rotation, "On the machine of %s: %s:", subject, because);
        rotate_say(rotation, "    %s", command);
        return;
    }
    log_begin(&line, LOG_LEVEL_ALARM, "alarm");
    log_string(&line, "about", "key");
    log_string(&line, "subject", subject);
    log_string(&line, "because", because);
    log_string(&line, "remedy", command);
    log_end(&line);
}

static enum status rotate_wait(const struct rotation *rotation, const struct daemon_reload *reload)
{
    if (daemon_has_reloaded(reload, RELOAD_TIMEOUT)) {
        rotate_say(rotation, "%s has reloaded", DAEMON_SERVICE);
        return STATUS_OK;
    }
    command_complain(rotation->invocation,
            "%s did not reload in time: `journalctl -u %s` says why; then run this again",
            DAEMON_SERVICE, DAEMON_SERVICE);
    return STATUS_FAILURE;
}

enum status rotate_reload(const struct rotation *rotation, const char *program)
{
    struct daemon_reload reload;

    switch (daemon_reload(program, rotation->invocation->config_path, &reload)) {
    case DAEMON_RELOADED:
        if (strcmp(program, DAEMON_SERVICE) == 0)
            return rotate_wait(rotation, &reload);
        rotate_say(rotation, "%s reloads", program);
        return STATUS_OK;
    case DAEMON_ABSENT:
        rotate_say(rotation, "%s does not run here by this file: nothing to reload", program);
        return STATUS_OK;
    case DAEMON_DENIED:
        break;
    }
    command_complain(rotation->invocation, "%s: %s: run this as root", program, strerror(errno));
    return STATUS_FAILURE;
}

static uint64_t rotate_keep(const struct config *config)
{
    uint64_t lifetime = config->domains_count > 0 ? 0 : LIFETIME_DEFAULT;

    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].policy.lifetime > lifetime)
            lifetime = config->domains[i].policy.lifetime;
    return lifetime + JUDGE_FUTURE;
}

static enum status rotate_worse(enum status a, enum status b)
{
    return a != STATUS_OK ? a : b;
}

/* Both kinds, as far as this machine has them; then the old ones. */
static enum status rotate_all(const struct rotation *rotation)
{
    const struct config *config = rotation->config;
    enum status status = STATUS_OK;

    if (config->service_count > 0)
        status = rotate_service(rotation);
    if (config->stamp_count > 0)
        status = rotate_worse(status, rotate_host(rotation));
    return rotate_worse(status, rotate_remove_old(rotation));
}

/* One kind, and the old keys. */
static enum status rotate_kind(const struct rotation *rotation, const char *kind)
{
    const bool is_service = strcmp(kind, "service") == 0;
    const size_t count =
            is_service ? rotation->config->service_count : rotation->config->stamp_count;

    if (count == 0) {
        command_complain(rotation->invocation, "%s: no %s section",
                rotation->invocation->config_path, is_service ? "service" : "stamp");
        return STATUS_CONFIG;
    }
    const enum status status = is_service ? rotate_service(rotation) : rotate_host(rotation);
    return status == STATUS_OK ? rotate_remove_old(rotation) : status;
}

static enum status rotate_do(const struct rotation *rotation, const char *const *operands)
{
    const char *what = operands[0];

    if (what == NULL)
        return rotate_all(rotation);
    if (strcmp(what, "accept") == 0 && operands[1] != NULL)
        return operands[2] != NULL ? rotate_accept(rotation, operands[1], operands[2])
                                   : rotate_accept(rotation, NULL, operands[1]);
    if ((strcmp(what, "service") == 0 || strcmp(what, "host") == 0) && operands[1] == NULL)
        return rotate_kind(rotation, what);
    command_complain(rotation->invocation,
            "%s: expected nothing, service, host, or accept [HOST] KEY", what);
    return STATUS_USAGE;
}

static enum status rotate_run(const struct invocation *invocation)
{
    struct rotation rotation = {.invocation = invocation, .unix_now = unix_now()};
    const char *operands[3];
    const struct arguments_option options[] = {
            {"--user", .value = &rotation.user},
            {"--prepare", .flag = &rotation.prepares},
            {"--yes", .flag = &rotation.yes},
            {"--unattended", .flag = &rotation.unattended},
            {NULL},
    };
    enum status status = STATUS_CONFIG;

    if (!arguments_read(invocation, options, 0, 3, operands))
        return STATUS_USAGE;
    rotation.config = command_read_config(invocation, &rotation.problems);
    if (rotation.config != NULL) {
        log_init();
        config_configure_log(rotation.config);
        rotation.keep = rotate_keep(rotation.config);
        status = rotate_do(&rotation, operands);
        log_flush();
    }
    config_free(&rotation.config);
    problems_free(&rotation.problems);
    return status;
}

const struct command command_rotate = {
        .name = "rotate",
        .synopsis = "[service | host | accept [HOST] KEY] [--user USER] [--prepare] [--yes] "
                    "[--unattended]",
        .summary = "change keys, in an order that loses no mail",
        .help = "  service            the service's key: made, loaded, then taken by the hosts\n"
                "  host               this sending host's key: made, known to the service, then "
                "used\n"
                "  accept KEY         on a sending host: the service's new public key\n"
                "  accept HOST KEY    where the service runs: the new public key of that host\n"
                "  --user USER        ask a service elsewhere about this user, to see whether it\n"
                "                     has the host's new key; else about postmaster\n"
                "  --prepare          stop before the new key is used, for several services\n"
                "  --yes              use a host's new key although the service cannot be asked\n"
                "  --unattended       ask no other machine: what needs one becomes an alarm in the "
                "log\n"
                "\n"
                "Without a word both kinds, as far as this machine has them. What was interrupted\n"
                "is finished first. What has to be done on other machines is printed. Keys whose\n"
                "stamps are past are removed. The options of keys must name folders.\n",
        .run = rotate_run,
};
