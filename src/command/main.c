// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/escape.h"
#include "version.h"

static const struct command *const commands[] = {
        &command_setup,
        &command_enforce,
        &command_dns,
        &command_doctor,
        &command_keygen,
        &command_rotate,
        &command_stamp,
        &command_digest,
        &command_check,
        &command_ask,
        &command_explain,
        &command_why,
        &command_revoke,
        &command_restore,
        &command_config,
        &command_table,
        &command_report,
        &command_watch,
        NULL,
};

static const char statuses[] =
        "Exit status: 0 YES or done, 1 NO, 2 ALLOW, 3 temperror (no answer), 4 none (the domain\n"
        "does not use Verimail), 5 permerror (the message names no author), 64 command line,\n"
        "65 bad input, 66 cannot be read, 73 cannot be created, 75 try again later,\n"
        "78 configuration.\n";

static const struct command *find_command(const char *name)
{
    for (const struct command *const *c = commands; *c != NULL; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static enum status print_overview(void)
{
    fputs("usage: verimail [-c FILE] COMMAND ...\n\n", stdout);
    for (const struct command *const *c = commands; *c != NULL; c++)
        printf("  %-9s %s\n", (*c)->name, (*c)->summary);
    printf("  %-9s %s\n\n", "help", "show this, or the help of a command");
    fputs("  -c, --config FILE   read FILE instead of " CONFIG_PATH "\n"
          "  -h, --help          this text\n"
          "  -V, --version       the version\n\n",
            stdout);
    fputs(statuses, stdout);
    return STATUS_OK;
}

static enum status print_help(const struct command *command)
{
    printf("usage: verimail [-c FILE] %s %s\n\n%s\n\n%s", command->name, command->synopsis,
            command->summary, command->help);
    return STATUS_OK;
}

static enum status misused(const char *what, const char *argument)
{
    fputs("verimail: ", stderr);
    escape_put(stderr, text_of(argument));
    fprintf(stderr, ": %s: see `verimail help`\n", what);
    return STATUS_USAGE;
}

static enum status help(int argc, char **argv)
{
    if (argc == 0 || strcmp(argv[0], "help") == 0)
        return print_overview();
    const struct command *command = find_command(argv[0]);
    return command != NULL ? print_help(command) : misused("no such command", argv[0]);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

static enum status run_command(const char *config_path, int argc, char **argv)
{
    if (argc == 0)
        return print_overview();
    if (strcmp(argv[0], "help") == 0)
        return help(argc - 1, argv + 1);
    const struct invocation invocation = {find_command(argv[0]), config_path, argc - 1, argv + 1};
    if (invocation.command == NULL)
        return misused("no such command", argv[0]);
    if (wants_help(invocation.argc, invocation.argv))
        return print_help(invocation.command);
    return invocation.command->run(&invocation);
}

/* Reads the options before the command. */
static enum status main_run(int argc, char **argv)
{
    static const struct option options[] = {
            {"config", required_argument, NULL, 'c'},
            {"help", no_argument, NULL, 'h'},
            {"version", no_argument, NULL, 'V'},
            {0},
    };
    const char *config_path = CONFIG_PATH;
    const char *argument = argv[optind];

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "+:c:hV", options, NULL)) != -1;
            argument = argv[optind]) {
        switch (option) {
        case 'c':
            config_path = optarg;
            break;
        case 'h':
            return print_overview();
        case 'V':
            puts("verimail " VERSION);
            return STATUS_OK;
        case ':':
            return misused("needs a file", argument);
        default:
            return misused("no such option", argument);
        }
    }
    return run_command(config_path, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
    /* Missing standard files are opened, so that no file of ours becomes standard output. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (sodium_init() < 0) {
        fputs("verimail: libsodium does not start\n", stderr);
        return STATUS_FAILURE;
    }
    const enum status status = main_run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "verimail: standard output: %s\n", strerror(errno));
        return STATUS_FAILURE;
    }
    return (int)status;
}
