// SPDX-License-Identifier: ISC
#include "setup/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/arguments.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "setup/subprocess.h"

#define NAME_WIDTH 12 /* columns */

/* As monitoring programs expect them. */
static enum status doctor_status(enum doctor_state state)
{
    static const enum status statuses[] = {
            [DOCTOR_GOOD] = STATUS_OK, [DOCTOR_WARNING] = STATUS_NO, [DOCTOR_ERROR] = STATUS_ALLOW};

    return statuses[state];
}

static void doctor_print_json(const struct doctor *doctor)
{
    json_t *document = json_text_object();
    json_t *findings = json_text_array();

    json_text_set(document, "state", json_text_string(doctor_state_name(doctor_worst(doctor))));
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_finding *finding = &doctor->findings[i];
        json_t *object = json_text_object();
        json_text_set(object, "check", json_text_string(finding->check));
        json_text_set(object, "state", json_text_string(doctor_state_name(finding->state)));
        json_text_set(object, "text", json_text_string(finding->text));
        if (finding->remedy != NULL)
            json_text_set(object, "remedy", json_text_string(finding->remedy));
        json_text_append(findings, object);
    }
    json_text_set(document, "findings", findings);
    json_text_print(stdout, document);
}

static void doctor_print(const struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_finding *finding = &doctor->findings[i];
        printf("%-8s %-*s ", doctor_state_name(finding->state), NAME_WIDTH, finding->check);
        escape_controls(stdout, text_of(finding->text));
        if (finding->remedy != NULL) {
            fputs(" -> ", stdout);
            escape_controls(stdout, text_of(finding->remedy));
        }
        putchar('\n');
    }
}

static enum status doctor_report(
        const struct invocation *invocation, const struct config *config, bool as_json)
{
    struct doctor doctor;

    doctor_run(invocation->config_path, config, &doctor);
    enum status status = doctor_status(doctor_worst(&doctor));
    if (doctor.failed) {
        command_complain(invocation, "out of memory");
        status = STATUS_FAILURE;
    } else if (as_json) {
        doctor_print_json(&doctor);
    } else {
        doctor_print(&doctor);
    }
    doctor_free(&doctor);
    return status;
}

static enum status command_doctor_run(const struct invocation *invocation)
{
    bool as_json = false;
    const struct arguments_option options[] = {{"--json", .flag = &as_json}, {NULL}};
    struct problems *problems = NULL;
    enum status status = STATUS_CONFIG;

    if (!arguments_read(invocation, options, 0, 0, NULL))
        return STATUS_USAGE;
    if (geteuid() != 0) {
        command_complain(invocation, "only root sees what the daemons' user sees: run it as root");
        return STATUS_FAILURE;
    }
    subprocess_extend_path();
    struct config *config = command_read_config(invocation, &problems);
    if (config != NULL)
        status = doctor_report(invocation, config, as_json);
    config_free(&config);
    problems_free(&problems);
    return status;
}

const struct command command_doctor = {
        .name = "doctor",
        .synopsis = "[--json]",
        .summary = "what is wrong on this machine, and what mends it",
        .help = "  --json    print JSON\n"
                "\n"
                "A line for each check; behind the arrow stands the command that mends it.\n",
        .run = command_doctor_run,
};
