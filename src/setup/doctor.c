// SPDX-License-Identifier: ISC
#include "setup/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct doctor_check doctor_checks[] = {
        {"files", doctor_files},
        {"state", doctor_state},
        {"key-age", doctor_key_age},
        {"daemons", doctor_daemons},
        {"versions", doctor_versions},
        {"clock", doctor_clock},
        {"port", doctor_port},
        {"socket", doctor_socket},
        {"mail-server", doctor_mail_server},
        {"dnssec", doctor_dnssec},
        {"zones", doctor_zones},
        {"discovery", doctor_discovery},
        {"testing", doctor_testing},
        {NULL},
};

const char *doctor_state_name(enum doctor_state state)
{
    static const char *const names[] = {
            [DOCTOR_GOOD] = "good", [DOCTOR_WARNING] = "warning", [DOCTOR_ERROR] = "error"};

    return names[state];
}

/* One file may be named twice in a configuration. */
static bool doctor_has(const struct doctor *doctor, const struct doctor_finding *finding)
{
    for (size_t i = 0; i < doctor->count; i++)
        if (doctor->findings[i].check == finding->check &&
                strcmp(doctor->findings[i].text, finding->text) == 0)
            return true;
    return false;
}

static void __attribute__((format(printf, 4, 0))) doctor_put(struct doctor *doctor,
        enum doctor_state state, const char *remedy, const char *format, va_list args)
{
    struct doctor_finding *larger =
            reallocarray(doctor->findings, doctor->count + 1, sizeof *larger);
    struct doctor_finding finding = {.check = doctor->check, .state = state};

    if (larger != NULL)
        doctor->findings = larger;
    finding.remedy = remedy != NULL ? strdup(remedy) : NULL;
    if (larger == NULL || (remedy != NULL && finding.remedy == NULL) ||
            vasprintf(&finding.text, format, args) < 0) {
        free(finding.remedy);
        doctor->failed = true;
        return;
    }
    if (doctor_has(doctor, &finding)) {
        free(finding.remedy);
        free(finding.text);
        return;
    }
    doctor->findings[doctor->count++] = finding;
}

void doctor_add(
        struct doctor *doctor, enum doctor_state state, const char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    doctor_put(doctor, state, remedy, format, args);
    va_end(args);
}

void doctor_add_good(struct doctor *doctor, const char *format, ...)
{
    va_list args;

    if (doctor->count > 0 && doctor->findings[doctor->count - 1].check == doctor->check)
        return;
    va_start(args, format);
    doctor_put(doctor, DOCTOR_GOOD, NULL, format, args);
    va_end(args);
}

void doctor_run(const char *config_path, const struct config *config, struct doctor *doctor_r)
{
    char error[POSTFIX_ERROR_MAX];

    *doctor_r = (struct doctor){.config_path = config_path, .config = config};
    doctor_r->has_postfix = postfix_read(&doctor_r->postfix, error);
    for (const struct doctor_check *check = doctor_checks; check->name != NULL; check++) {
        doctor_r->check = check->name;
        check->run(doctor_r);
    }
}

void doctor_free(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        free(doctor->findings[i].text);
        free(doctor->findings[i].remedy);
    }
    free(doctor->findings);
    postfix_free(&doctor->postfix);
    *doctor = (struct doctor){0};
}

enum doctor_state doctor_worst(const struct doctor *doctor)
{
    enum doctor_state worst = DOCTOR_GOOD;

    for (size_t i = 0; i < doctor->count; i++)
        if (doctor->findings[i].state > worst)
            worst = doctor->findings[i].state;
    return worst;
}
