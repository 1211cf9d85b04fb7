// SPDX-License-Identifier: ISC
/* The daemons, the clock and the port. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/client.h"
#include "process/notify.h"
#include "setup/doctor.h"
#include "setup/subprocess.h"
#include "version.h"

#define PORT 26
#define ROOT_ANCHOR "/usr/share/dns/root.key" /* Debian's dns-root-data */

static bool doctor_has_milter(const struct doctor *doctor)
{
    return doctor->config->milter_count > 0;
}

/* What `-t` says, a finding for each line. */
static void doctor_check_daemon(struct doctor *doctor, const char *daemon)
{
    const char *const argv[] = {daemon, "-t", "-c", doctor->config_path, NULL};
    struct subprocess done;
    char remedy[64];
    const bool ok = subprocess_run(argv, text_of(""), &done);

    if (done.how == SUBPROCESS_MISSING) {
        snprintf(remedy, sizeof remedy, "apt install %s", daemon);
        doctor_add(doctor, DOCTOR_ERROR, remedy, "%s is not installed", daemon);
        subprocess_free(&done);
        return;
    }
    struct reader lines = reader_of(text_of(done.errors != NULL ? done.errors : ""));
    while (lines.rest.len > 0) {
        const struct text line = reader_field(&lines, '\n');
        if (line.len > 0)
            doctor_add(doctor, ok ? DOCTOR_WARNING : DOCTOR_ERROR, NULL, "%s -t: %.*s", daemon,
                    (int)line.len, line.at);
    }
    if (!ok && (done.errors == NULL || done.errors[0] == '\0'))
        doctor_add(doctor, DOCTOR_ERROR, NULL, "%s -t fails and does not say why", daemon);
    subprocess_free(&done);
}

void doctor_daemons(struct doctor *doctor)
{
    if (doctor->config->service_count > 0)
        doctor_check_daemon(doctor, "verimaild");
    if (doctor_has_milter(doctor))
        doctor_check_daemon(doctor, "verimail-milter");
    doctor_add_good(doctor, "the daemons take the configuration and the keys");
}

static void doctor_check_version(struct doctor *doctor, const char *daemon)
{
    const char *const argv[] = {daemon, "-V", NULL};
    char remedy[96];
    char wanted[96];
    struct subprocess done;

    snprintf(wanted, sizeof wanted, "%s %s", daemon, VERSION);
    snprintf(remedy, sizeof remedy, "apt install --only-upgrade verimail %s", daemon);
    if (subprocess_run(argv, text_of(""), &done) && done.output != NULL) {
        const struct text said = text_trim(text_of(done.output));
        if (!text_equal(said, text_of(wanted)))
            doctor_add(doctor, DOCTOR_WARNING, remedy, "%.*s is installed beside verimail %s",
                    (int)said.len, said.at, VERSION);
    }
    subprocess_free(&done);
}

void doctor_versions(struct doctor *doctor)
{
    if (doctor->config->service_count > 0)
        doctor_check_version(doctor, "verimaild");
    if (doctor_has_milter(doctor))
        doctor_check_version(doctor, "verimail-milter");
    doctor_add_good(doctor, "all programs are of version %s", VERSION);
}

/* Stamps are refused whose time is more than five minutes in the future. */
void doctor_clock(struct doctor *doctor)
{
    struct timex clock = {0};
    struct stat st;

    if (adjtimex(&clock) == TIME_ERROR && stat("/run/systemd/timesync/synchronized", &st) != 0)
        doctor_add(doctor, DOCTOR_WARNING,
                notify_is_booted() ? "timedatectl set-ntp true" : "apt install chrony",
                "the clock is not synchronised: stamps with a wrong time are worth nothing");
    doctor_add_good(doctor, "the clock is synchronised");
}

/* A question about postmaster, as any client may ask it. */
static enum verdict doctor_ask_port(const struct doctor *doctor, struct client_outcome *outcome_r)
{
    struct endpoint endpoint;
    struct question question = {.payload = text_of(QUESTION_UNSTAMPED), .rcpt = text_of("*")};

    if (!endpoint_parse("127.0.0.1:26", &endpoint) ||
            !address_make(text_of("postmaster"), text_of(doctor->config->domains[0].name.at),
                    &question.user))
        return VERDICT_TEMPERROR;
    client_ask_at(&endpoint, 1, &question, mono_ms() + CLIENT_TIMEOUT, outcome_r);
    return outcome_r->verdict;
}

void doctor_port(struct doctor *doctor)
{
    struct client_outcome outcome = {.verdict = VERDICT_TEMPERROR};
    char text[DISCOVERY_ERROR_MAX];

    if (doctor->config->service_count == 0 || doctor->config->domains_count == 0)
        return;
    if (doctor_ask_port(doctor, &outcome) == VERDICT_TEMPERROR) {
        client_outcome_text(&outcome, text, sizeof text);
        if (outcome.attempt.connected)
            doctor_add(doctor, DOCTOR_ERROR, "ss -ltnp 'sport = :26'",
                    "what listens at port %d of this machine is not verimaild: %s", PORT, text);
        else
            doctor_add(doctor, DOCTOR_ERROR, "systemctl enable --now verimaild",
                    "nothing answers at port %d of this machine: %s", PORT, text);
    }
    doctor_add_good(doctor, "verimaild answers at port %d", PORT);
}

void doctor_dnssec(struct doctor *doctor)
{
    const struct config_verify *verify = doctor->config->verify;

    if (doctor->config->verify_count == 0)
        return;
    if (verify->trust_anchors_given && verify->trust_anchors.count == 0)
        doctor_add(doctor, DOCTOR_WARNING, "verimail.conf: remove `trust_anchors = {}`",
                "trust_anchors is empty: nothing in the DNS is validated");
    else if (!verify->trust_anchors_given && access(ROOT_ANCHOR, R_OK) != 0)
        doctor_add(doctor, DOCTOR_WARNING, "apt install dns-root-data",
                "%s: %s: nothing in the DNS is validated", ROOT_ANCHOR, strerror(errno));
    doctor_add_good(doctor, "the DNS is validated");
}

static bool doctor_is_local(const char *domain)
{
    return domain_is_under(text_of(domain), text_of("test")) ||
           domain_is_under(text_of(domain), text_of("home.arpa"));
}

/* libunbound answers for these zones by itself, unless a resolver is named. */
void doctor_zones(struct doctor *doctor)
{
    const struct config *config = doctor->config;

    if (config->verify_count == 0)
        return;
    for (size_t i = 0; i < config->domains_count && config->verify->resolver.at == NULL; i++)
        if (doctor_is_local(config->domains[i].name.at))
            doctor_add(doctor, DOCTOR_WARNING,
                    "verimail.conf: resolver = \"127.0.0.1\" in the section verify",
                    "%s is in a zone that no resolver is asked about unless one is named",
                    config->domains[i].name.at);
    doctor_add_good(doctor, "no domain is in a zone of libunbound's own");
}
