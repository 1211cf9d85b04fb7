// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/setup_answers.h"
#include "protocol/policy_record.h"
#include "setup/apply.h"
#include "setup/records.h"
#include "setup/subprocess.h"

/* One run of `verimail setup`. */
struct job {
    const struct invocation *invocation;
    struct setup_options options;
    bool is_dry;
    struct problems *problems;
    struct config *now; /* what the configuration says; NULL: there is none */
    struct plan plan;
};

static bool setup_take_arguments(struct job *job)
{
    struct setup_options *o = &job->options;
    const struct arguments_option options[] = {
            {"--only", .value = &o->only},
            {"--host", .value = &o->host},
            {"--target", .value = &o->target},
            {"--address", .values = &o->addresses},
            {"--network", .values = &o->networks},
            {"--mail-server", .value = &o->mail_server},
            {"--peer", .value = &o->peer},
            {"--test-to", .value = &o->test_to},
            {"--export", .value = &o->export},
            {"--import", .values = &o->imports},
            {"--no-test", .flag = &o->no_test},
            {"--yes", .flag = &o->yes},
            {"--dry-run", .flag = &job->is_dry},
            {NULL},
    };

    o->domains.at = calloc((size_t)job->invocation->argc + 1, sizeof *o->domains.at);
    if (o->domains.at == NULL) {
        command_complain(job->invocation, "out of memory");
        return false;
    }
    if (!arguments_read(job->invocation, options, 0, (size_t)job->invocation->argc, o->domains.at))
        return false;
    while (o->domains.at[o->domains.count] != NULL)
        o->domains.count++;
    return true;
}

static enum status setup_import(struct job *job)
{
    char error[HALVES_ERROR_MAX];

    for (size_t i = 0; i < job->options.imports.count; i++)
        if (!halves_read(job->options.imports.at[i], &job->plan.imported, error)) {
            command_complain(job->invocation, "%s", error);
            return STATUS_INPUT;
        }
    return STATUS_OK;
}

static enum status setup_write_export(
        const struct invocation *invocation, const char *path, const struct halves *halves)
{
    const bool is_stdout = strcmp(path, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(path, "we");
    bool ok = out != NULL && halves_write(halves, out);

    if (out != NULL && !is_stdout)
        ok = fclose(out) == 0 && ok;
    if (ok)
        return STATUS_OK;
    command_complain(invocation, "%s: %s", path, strerror(errno));
    return STATUS_CREATE;
}

/* The public halves for the other machines. */
static enum status setup_export(struct job *job)
{
    const struct setup_options *options = &job->options;
    struct config_list addresses = {0};
    struct halves halves = {0};
    char error[HALVES_ERROR_MAX] = "out of memory";
    enum status status = STATUS_CONFIG;

    if (job->now == NULL) {
        command_complain(job->invocation, "%s: there is none: run `verimail setup` first",
                job->invocation->config_path);
        return status;
    }
    const char *target = job->now->stamp_count > 0    ? job->now->stamp->host.at
                         : job->now->verify_count > 0 ? job->now->verify->authserv_id.at
                                                      : "localhost";
    const bool ok = (options->addresses.count > 0 ? setup_answers_addresses(options, &addresses)
                                                  : records_find_addresses(target, &addresses)) &&
                    halves_collect(job->now, &addresses, &halves, error);
    if (ok)
        status = setup_write_export(job->invocation, options->export, &halves);
    else
        command_complain(job->invocation, "%s", error);
    halves_free(&halves);
    config_list_free(&addresses);
    return status;
}

static enum status setup_read(struct job *job)
{
    char error[CONF_FILE_ERROR_MAX];

    if (geteuid() != 0 && !job->is_dry) {
        command_complain(job->invocation, "only root can set a machine up; --dry-run shows how");
        return STATUS_FAILURE;
    }
    if (!conf_file_read(job->invocation->config_path, &job->plan.conf, error)) {
        command_complain(job->invocation, "%s", error);
        return STATUS_INPUT;
    }
    job->problems = problems_init(job->invocation->config_path);
    if (job->problems == NULL) {
        command_complain(job->invocation, "out of memory");
        return STATUS_FAILURE;
    }
    if (job->plan.conf.is_new)
        return STATUS_OK;
    job->now = config_read(job->invocation->config_path, job->problems);
    if (job->now != NULL)
        return STATUS_OK;
    command_print_problems(job->problems);
    return STATUS_CONFIG;
}

static enum status setup_make_plan(struct job *job)
{
    char error[PLAN_ERROR_MAX];

    if (plan_make(&job->plan, job->now, job->problems, error))
        return STATUS_OK;
    if (error[0] != '\0')
        command_complain(job->invocation, "%s", error);
    else
        command_print_problems(job->problems);
    return STATUS_CONFIG;
}

static bool setup_is_wanted(const struct job *job)
{
    if (job->options.yes)
        return true;
    char *said = setup_answers_ask("Do all this? yes or no", "yes");
    const bool is_wanted = said != NULL && (said[0] == 'y' || said[0] == 'Y');

    free(said);
    if (!is_wanted)
        puts("Nothing is changed.");
    return is_wanted;
}

static void setup_print_step(const char *command, const char *what)
{
    printf("  %-28s %s\n", command, what);
}

static void setup_print_next(const struct job *job)
{
    const struct plan *plan = &job->plan;
    struct policy_record policy = {.has_key = true};
    char text[POLICY_RECORD_MAX] = "";
    struct writer w = writer_of(text, sizeof text - 1);
    const struct records records = {&plan->domains, plan->target, &plan->addresses, text};

    if ((plan->roles & PLAN_SERVICE) != 0) {
        (void)!key_parse(text_of(plan->answer_key.pair.public), KEY_ANSWER_PUBLIC, policy.key);
        policy_record_format(&policy, &w);
        puts("\nPublish these DNS records, and let the Internet reach port 26 of this machine:\n");
        records_print(&records, stdout);
    }
    puts("\nWhat comes next:");
    if ((plan->roles & (PLAN_SERVICE | PLAN_HOST)) == PLAN_HOST)
        setup_print_step("verimail setup --export FILE",
                "then `verimail setup --import FILE` where the service runs");
    if ((plan->roles & PLAN_SERVICE) != 0)
        setup_print_step("verimail dns", "when the records are published: what others see of them");
    setup_print_step("verimail doctor", "what is wrong on this machine, now and whenever you ask");
    if ((plan->roles & (PLAN_SERVICE | PLAN_RECEIVER)) != 0)
        setup_print_step("verimail report", "in a week: what would have been refused");
    if ((plan->roles & PLAN_RECEIVER) != 0)
        setup_print_step("verimail enforce receiver", "then: forged mail is refused here");
    if ((plan->roles & PLAN_SERVICE) != 0)
        setup_print_step(
                "verimail enforce origin", "then: others refuse mail that your hosts did not send");
}

static enum status setup_carry_out(struct job *job)
{
    printf("This is to be done for ");
    for (size_t i = 0; i < job->plan.domains.count; i++)
        printf("%s%s", i > 0 ? ", " : "", job->plan.domains.at[i].at);
    printf(" on %s:\n\n", job->plan.host);
    apply_print(&job->plan, stdout);
    putchar('\n');
    if (job->is_dry) {
        setup_print_next(job);
        return STATUS_OK;
    }
    if (!setup_is_wanted(job))
        return STATUS_OK;
    fflush(stdout);
    if (!apply_plan(&job->plan, stdout))
        return STATUS_FAILURE;
    setup_print_next(job);
    return STATUS_OK;
}

static enum status setup(struct job *job)
{
    enum status status = STATUS_USAGE;

    if (!setup_take_arguments(job))
        return status;
    status = setup_read(job);
    if (status == STATUS_OK && job->options.export != NULL)
        return setup_export(job);
    if (status == STATUS_OK)
        status = setup_import(job);
    if (status == STATUS_OK)
        status = setup_answers(job->invocation, &job->options, job->now, &job->plan);
    if (status == STATUS_OK)
        status = setup_make_plan(job);
    if (status == STATUS_OK)
        status = setup_carry_out(job);
    return status;
}

static enum status setup_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation};

    subprocess_extend_path();
    const enum status status = setup(&job);
    free(job.options.domains.at);
    free(job.options.addresses.at);
    free(job.options.networks.at);
    free(job.options.imports.at);
    config_free(&job.now);
    plan_free(&job.plan);
    problems_free(&job.problems);
    return status;
}

const struct command command_setup = {
        .name = "setup",
        .synopsis = "DOMAIN... [--only ROLE[,ROLE]] [--yes] [--dry-run] [OPTION...]",
        .summary = "set this machine up, for the mail of your domains",
        .help = "  --only ROLES          service, host, receiver: what this machine is to be\n"
                "  --host NAME           this machine's name in mail\n"
                "  --target NAME         the name where others find the service\n"
                "  --address ADDRESS     a public address of that name; may be repeated\n"
                "  --network NETWORK     whose mail is yours without a login; may be repeated\n"
                "  --mail-server NAME    postfix, sendmail or none\n"
                "  --peer ADDRESS:PORT   where your own service is asked about your own users\n"
                "  --test-to ADDRESS     who gets the test message\n"
                "  --no-test             send none\n"
                "  --export FILE         only write the public halves of the keys, for --import\n"
                "  --import FILE         take those of another machine in; may be repeated\n"
                "  --yes                 ask nothing: take the usual answers\n"
                "  --dry-run             only say what would be done\n"
                "\n"
                "It asks what it cannot know, shows what it is going to do, and does it. It can be "
                "run again.\n",
        .run = setup_run,
};
