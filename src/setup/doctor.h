// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_DOCTOR_H
#define VERIMAIL_SETUP_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/problems.h"
#include "setup/postfix.h"

/* What is wrong with Verimail on this machine, and what mends it. */

enum doctor_state {
    DOCTOR_GOOD,
    DOCTOR_WARNING, /* it works, and could stop to, or is not as safe as it could be */
    DOCTOR_ERROR,
};

/* What one check found. */
struct doctor_finding {
    const char *check; /* its name */
    enum doctor_state state;
    char *text;   /* one line */
    char *remedy; /* the command that mends it, or the line to change; NULL: nothing is to be done
                   */
};

struct doctor {
    const char *config_path;
    const struct config *config;
    bool has_postfix; /* `postfix` is what is there */
    struct postfix postfix;
    const char *check; /* which runs */
    struct doctor_finding *findings;
    size_t count;
    bool failed; /* out of memory: findings are lost */
};

struct doctor_check {
    const char *name;
    void (*run)(struct doctor *doctor);
};

extern const struct doctor_check doctor_checks[]; /* ends with a NULL name */

/* Runs all checks. A check that finds nothing wrong has one finding, which is DOCTOR_GOOD; one that
 * does not concern this machine has none. Call doctor_free() afterwards. */
void doctor_run(const char *config_path, const struct config *config, struct doctor *doctor_r);
void doctor_free(struct doctor *doctor);
enum doctor_state doctor_worst(const struct doctor *doctor);

const char *doctor_state_name(enum doctor_state state); /* "good" ... */

/* For checks. */

/* Adds a finding: the text is a format; `remedy` is copied, and may be NULL. */
void doctor_add(struct doctor *doctor, enum doctor_state state, const char *remedy,
        const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Adds that all is good, unless this check has added something worse. */
void doctor_add_good(struct doctor *doctor, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The checks, by what they look at. */

void doctor_files(struct doctor *doctor); /* configuration and keys, as the daemons' user */
void doctor_state(struct doctor *doctor); /* the state folders */
void doctor_key_age(struct doctor *doctor);
void doctor_daemons(struct doctor *doctor); /* what -t says */
void doctor_versions(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_port(struct doctor *doctor);        /* 26, or another program at it */
void doctor_testing(struct doctor *doctor);     /* for over 30 days */
void doctor_socket(struct doctor *doctor);      /* the milter answers, and Postfix reaches it */
void doctor_mail_server(struct doctor *doctor); /* Postfix asks the milter, before signers */
void doctor_dnssec(struct doctor *doctor);      /* trust anchors */
void doctor_zones(struct doctor *doctor);       /* .test and home.arpa */
void doctor_discovery(struct doctor *doctor);   /* asks our own service as a stranger does */

#endif
