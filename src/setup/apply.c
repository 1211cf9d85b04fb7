// SPDX-License-Identifier: ISC
#include "setup/apply.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/notify.h"
#include "setup/subprocess.h"
#include "setup/trial.h"

/* A step: what it does, and whether there is anything to do. */
struct apply_step {
    const char *name;
    bool (*is_needed)(const struct plan *plan);
    void (*print)(const struct plan *plan, FILE *out);
    /* False with a sentence. It undoes what it did by half. */
    bool (*take)(struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX]);
};

static bool apply_fail(char error_r[PLAN_ERROR_MAX], const char *what, const char *why)
{
    snprintf(error_r, PLAN_ERROR_MAX, "%s%s", what, why);
    return false;
}

static bool apply_has_milter(const struct plan *plan)
{
    return (plan->roles & (PLAN_HOST | PLAN_RECEIVER)) != 0;
}

static bool apply_has_service(const struct plan *plan)
{
    return (plan->roles & PLAN_SERVICE) != 0;
}

static bool apply_always(const struct plan *plan)
{
    (void)plan;
    return true;
}

/* Keys, and the folders of daemons. */

static void apply_print_key(const struct key_store *key, FILE *out)
{
    if (key->path != NULL && key->file != NULL)
        fprintf(out, "    %s stays\n", key->file);
    else if (key->path != NULL)
        fprintf(out, "    a new key in %s\n", key->path);
}

static void apply_print_keys(const struct plan *plan, FILE *out)
{
    apply_print_key(&plan->service_key, out);
    apply_print_key(&plan->answer_key, out);
    apply_print_key(&plan->host_key, out);
    fprintf(out, "    for the user %s to read, and nobody else\n", PLAN_USER);
}

/* The folder above the milter's socket; NULL: it is none of ours. */
static bool apply_find_socket_folder(const struct plan *plan, char folder_r[POSTFIX_SOCKET_MAX])
{
    static const char prefix[] = "unix:";
    static const char name[] = "/verimail/";

    plan_socket(plan, folder_r);
    if (strncmp(folder_r, prefix, strlen(prefix)) != 0)
        return false;
    memmove(folder_r, folder_r + strlen(prefix), strlen(folder_r + strlen(prefix)) + 1);
    char *end = strstr(folder_r, name);
    if (end == NULL || strchr(end + strlen(name), '/') != NULL)
        return false;
    end[strlen(name) - 1] = '\0';
    return true;
}

/* Whom the folder lets through to the socket: its group, which the daemon may give away because
 * the folder's mode makes it the group of what is in it. */
static bool apply_make_socket_folder(const struct plan *plan, char error_r[PLAN_ERROR_MAX])
{
    char folder[POSTFIX_SOCKET_MAX];
    const char *name = plan->config->milter->socket_group.at;
    const struct group *group = name != NULL ? getgrnam(name) : NULL;

    if (!apply_find_socket_folder(plan, folder))
        return true;
    if (name != NULL && group == NULL)
        return apply_fail(error_r, "there is no group ", name);
    return group != NULL ? key_store_folder(folder, 02750, plan->uid, group->gr_gid, error_r)
                         : key_store_folder(folder, 0755, plan->uid, plan->gid, error_r);
}

static bool apply_make_key(struct key_store *key, gid_t gid, char error_r[PLAN_ERROR_MAX])
{
    const bool is_ours =
            key->path != NULL &&
            (key->file == NULL || strncmp(key->path, PLAN_KEYS "/", strlen(PLAN_KEYS "/")) == 0) &&
            (key->file == NULL || strcmp(key->path, key->file) != 0);

    return key->path == NULL || ((!is_ours || key_store_folder(key->path, 0750, 0, gid, error_r)) &&
                                        key_store_write(key, gid, error_r));
}

static bool apply_keys(struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    (void)out;
    return key_store_folder(PLAN_KEYS, 0750, 0, plan->gid, error_r) &&
           key_store_folder(PLAN_STATE, 0700, plan->uid, plan->gid, error_r) &&
           apply_make_key(&plan->service_key, plan->gid, error_r) &&
           apply_make_key(&plan->answer_key, plan->gid, error_r) &&
           apply_make_key(&plan->host_key, plan->gid, error_r) &&
           (!apply_has_milter(plan) || apply_make_socket_folder(plan, error_r));
}

/* The configuration. */

static void apply_print_conf(const struct plan *plan, FILE *out)
{
    if (!conf_file_is_changed(&plan->conf)) {
        fprintf(out, "    %s stays as it is\n", plan->conf.path);
        return;
    }
    fprintf(out, plan->conf.is_new ? "    %s, new:\n" : "    %s, of which a copy is kept:\n",
            plan->conf.path);
    conf_file_print_change(&plan->conf, "    | ", out);
}

/* What the daemon says of a configuration. */
static bool apply_test(
        const struct plan *plan, const char *daemon, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    const char *const argv[] = {daemon, "-t", "-c", plan->conf.path, NULL};
    struct subprocess done;
    char text[SUBPROCESS_TEXT_MAX];
    const bool ok = subprocess_run(argv, text_of(""), &done);

    if (done.errors != NULL)
        fputs(done.errors, out);
    if (!ok) {
        subprocess_text(&done, text);
        snprintf(error_r, PLAN_ERROR_MAX, "%s -t %s", daemon, text);
    }
    subprocess_free(&done);
    return ok;
}

/* A file that is not for all to read is for the daemons' group. */
static bool apply_open_conf(const struct plan *plan, char error_r[PLAN_ERROR_MAX])
{
    const char *path = plan->conf.path;
    struct stat st;

    if (stat(path, &st) == 0 && ((st.st_mode & S_IROTH) != 0 ||
                                        (st.st_gid == plan->gid && (st.st_mode & S_IRGRP) != 0) ||
                                        (chown(path, (uid_t)-1, plan->gid) == 0 &&
                                                chmod(path, (st.st_mode & 07777) | S_IRGRP) == 0)))
        return true;
    snprintf(error_r, PLAN_ERROR_MAX, "%s: not for the group of %s to read: %s", path, PLAN_USER,
            strerror(errno));
    return false;
}

/* A configuration that a daemon refuses does not stay. */
static bool apply_conf(struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    char undone[CONF_FILE_ERROR_MAX];

    if (!conf_file_write(&plan->conf, error_r))
        return false;
    if (plan->conf.copy[0] != '\0')
        fprintf(out, "  what it was: %s\n", plan->conf.copy);
    if (apply_open_conf(plan, error_r) &&
            (!apply_has_service(plan) || apply_test(plan, "verimaild", out, error_r)) &&
            (!apply_has_milter(plan) || apply_test(plan, "verimail-milter", out, error_r)))
        return true;
    if (!conf_file_restore(&plan->conf, undone))
        fprintf(out, "%s\n", undone);
    return false;
}

/* The daemons. */

static void apply_print_units(const struct plan *plan, FILE *out)
{
    if (apply_has_service(plan))
        fputs("    verimaild answers questions at port 26\n", out);
    if (apply_has_milter(plan))
        fputs("    verimail-milter stamps and verifies\n", out);
    fputs(notify_is_booted() ? "    started by systemd, now and at every boot\n"
                             : "    systemd does not run here: you start them\n",
            out);
}

static bool apply_systemctl(const char *verb, const char *option, const char *unit, char *error_r)
{
    const char *const argv[] = {"systemctl", verb, option, unit, NULL};
    struct subprocess done;
    char text[SUBPROCESS_TEXT_MAX];
    const bool ok = subprocess_run(argv, text_of(""), &done);

    if (!ok) {
        subprocess_text(&done, text);
        snprintf(error_r, PLAN_ERROR_MAX, "systemctl %s %s %s; see `journalctl -u %s -n 20`", verb,
                unit, text, unit);
    }
    subprocess_free(&done);
    return ok;
}

static bool apply_is_active(const char *unit)
{
    char error[PLAN_ERROR_MAX];

    return apply_systemctl("is-active", "--quiet", unit, error);
}

static bool apply_start(const struct plan *plan, const char *unit, char error_r[PLAN_ERROR_MAX])
{
    const bool was_active = apply_is_active(unit);

    return apply_systemctl("enable", "--now", unit, error_r) &&
           (!was_active || !conf_file_is_changed(&plan->conf) ||
                   apply_systemctl("reload", "--quiet", unit, error_r));
}

static bool apply_disable(const char *unit, char error_r[PLAN_ERROR_MAX])
{
    char error[PLAN_ERROR_MAX];

    return !apply_systemctl("is-enabled", "--quiet", unit, error) ||
           apply_systemctl("disable", "--now", unit, error_r);
}

/* Debian's packages enable all units. One without its sections would fail at every boot, and the
 * socket would open a port behind which nobody answers. */
static bool apply_disable_idle(const struct plan *plan, char error_r[PLAN_ERROR_MAX])
{
    const struct config *config = plan->config;

    return (config->service_count > 0 || (apply_disable("verimaild.socket", error_r) &&
                                                 apply_disable("verimaild.service", error_r))) &&
           (config->stamp_count + config->verify_count > 0 ||
                   apply_disable("verimail-milter.service", error_r));
}

static bool apply_units(struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    if (!notify_is_booted()) {
        fputs("  Start what is not running yet, at every boot:\n", out);
        if (apply_has_service(plan))
            fputs("    verimaild\n", out);
        if (apply_has_milter(plan))
            fputs("    verimail-milter\n", out);
        return true;
    }
    return apply_disable_idle(plan, error_r) &&
           (!apply_has_service(plan) || apply_start(plan, "verimaild", error_r)) &&
           (!apply_has_milter(plan) || apply_start(plan, "verimail-milter", error_r));
}

bool apply_reload(unsigned roles, char error_r[PLAN_ERROR_MAX])
{
    static const struct {
        const char *unit;
        unsigned roles;
    } units[] = {{"verimaild", PLAN_SERVICE}, {"verimail-milter", PLAN_HOST | PLAN_RECEIVER}};

    for (size_t i = 0; i < sizeof units / sizeof *units && notify_is_booted(); i++)
        if ((roles & units[i].roles) != 0 && apply_is_active(units[i].unit) &&
                !apply_systemctl("reload", "--quiet", units[i].unit, error_r))
            return false;
    return true;
}

/* The mail server. */

static bool apply_has_server(const struct plan *plan)
{
    return apply_has_milter(plan) && plan->server != PLAN_NO_SERVER;
}

static void apply_print_sendmail(const struct plan *plan, FILE *out)
{
    char socket[POSTFIX_SOCKET_MAX];

    plan_socket(plan, socket);
    fprintf(out,
            "    sendmail: add this line to sendmail.mc before all other filters, make sendmail.cf "
            "of it, and restart it\n"
            "    INPUT_MAIL_FILTER(`verimail', `S=%s, F=T, T=C:10s;S:30s;R:30s;E:5m')dnl\n",
            socket);
}

static void apply_print_server(const struct plan *plan, FILE *out)
{
    if (plan->server == PLAN_SENDMAIL) {
        apply_print_sendmail(plan, out);
        return;
    }
    if (postfix_changes(&plan->postfix) == 0)
        fprintf(out, "    %s stays as it is\n", plan->postfix.main_cf);
    for (size_t i = 0; i < POSTFIX_SETTINGS; i++)
        if (postfix_is_changed(&plan->postfix.settings[i]))
            fprintf(out, "    %s = %s\n", plan->postfix.settings[i].name,
                    plan->postfix.settings[i].after);
}

static bool apply_server(struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    bool runs = false;

    if (plan->server == PLAN_SENDMAIL) {
        apply_print_sendmail(plan, out);
        return true;
    }
    if (!postfix_apply(&plan->postfix, &runs, error_r))
        return false;
    if (plan->postfix.copy != NULL)
        fprintf(out, "  what it was: %s\n", plan->postfix.copy);
    if (!runs)
        fputs("  Postfix does not run: start it, as in `postfix start`\n", out);
    return true;
}

/* A message of our own. */

static bool apply_has_trial(const struct plan *plan)
{
    return plan->test_to != NULL && (plan->roles & PLAN_HOST) != 0;
}

static void apply_print_trial(const struct plan *plan, FILE *out)
{
    fprintf(out, "    a message from postmaster@%s to %s\n", plan->domains.at[0].at, plan->test_to);
}

static bool apply_trial(struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
{
    return trial_of_keys(plan, out, error_r) && trial_of_mail(plan, out, error_r);
}

static const struct apply_step steps[] = {
        {"Keys and folders", apply_always, apply_print_keys, apply_keys},
        {"Configuration", apply_always, apply_print_conf, apply_conf},
        {"Daemons", apply_always, apply_print_units, apply_units},
        {"Mail server", apply_has_server, apply_print_server, apply_server},
        {"Test", apply_has_trial, apply_print_trial, apply_trial},
};
#define STEPS (sizeof steps / sizeof *steps)

void apply_print(const struct plan *plan, FILE *out)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (!steps[i].is_needed(plan))
            continue;
        fprintf(out, "%s:\n", steps[i].name);
        steps[i].print(plan, out);
    }
}

/* What is done, and what is left, when a step has failed. */
static void apply_print_state(const struct plan *plan, size_t failed, FILE *out)
{
    for (size_t i = 0; i < STEPS; i++)
        if (steps[i].is_needed(plan) && i != failed)
            fprintf(out, "  %s: %s\n", steps[i].name, i < failed ? "done" : "not begun");
    fputs("Nothing of the step that failed is left. When its cause is mended, run the same command "
          "again.\n",
            out);
}

bool apply_plan(struct plan *plan, FILE *out)
{
    char error[PLAN_ERROR_MAX];

    for (size_t i = 0; i < STEPS; i++) {
        if (!steps[i].is_needed(plan))
            continue;
        error[0] = '\0';
        if (!steps[i].take(plan, out, error)) {
            fprintf(out, "%s: failed: %s\n", steps[i].name, error);
            apply_print_state(plan, i, out);
            return false;
        }
        fprintf(out, "%s: done\n", steps[i].name);
    }
    return true;
}
