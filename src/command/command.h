// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_COMMAND_H
#define VERIMAIL_COMMAND_COMMAND_H

#include <sysexits.h>

#include "config/config.h"
#include "config/problems.h"
#include "protocol/verdict.h"

/* What the program ends with: a verdict where one was asked for, else as sysexits.h has it. */
enum status {
    STATUS_OK = 0, /* and YES */
    STATUS_NO = 1,
    STATUS_ALLOW = 2,
    STATUS_TEMPERROR = 3,         /* no answer */
    STATUS_NONE = 4,              /* the domain does not use Verimail */
    STATUS_PERMERROR = 5,         /* the message names no author */
    STATUS_USAGE = EX_USAGE,      /* 64: the command line */
    STATUS_DATA = EX_DATAERR,     /* 65: what was read */
    STATUS_INPUT = EX_NOINPUT,    /* 66: cannot be read */
    STATUS_CREATE = EX_CANTCREAT, /* 73: cannot be created */
    STATUS_FAILURE = EX_TEMPFAIL, /* 75: try again later: disk full, out of memory */
    STATUS_CONFIG = EX_CONFIG,    /* 78: the configuration, or a key that it names */
};

struct invocation;

/* A subcommand: a file of its own, and a line in main.c's table. */
struct command {
    const char *name;
    const char *synopsis; /* behind the name */
    const char *summary;  /* one line, for the list */
    const char *help;     /* the rest of its help, lines with their ends */
    enum status (*run)(const struct invocation *invocation);
};

/* One call of it: the arguments behind its name. */
struct invocation {
    const struct command *command;
    const char *config_path;
    int argc;
    char **argv;
};

extern const struct command command_ask;
extern const struct command command_check;
extern const struct command command_config;
extern const struct command command_digest;
extern const struct command command_dns;
extern const struct command command_doctor;
extern const struct command command_enforce;
extern const struct command command_explain;
extern const struct command command_keygen;
extern const struct command command_report;
extern const struct command command_restore;
extern const struct command command_revoke;
extern const struct command command_rotate;
extern const struct command command_setup;
extern const struct command command_stamp;
extern const struct command command_table;
extern const struct command command_watch;
extern const struct command command_why;

/* One line on standard error, `verimail NAME: ...`; control octets are escaped. */
void command_complain(const struct invocation *invocation, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* What is wrong with the configuration, on standard error. */
void command_print_problems(struct problems *problems);
/* The configuration; NULL after its problems were printed. The problems stay with the caller, who
 * may want to add to them. NULL in `*problems_r` too when out of memory. */
struct config *command_read_config(
        const struct invocation *invocation, struct problems **problems_r);

enum status command_status(enum verdict verdict);

#endif
