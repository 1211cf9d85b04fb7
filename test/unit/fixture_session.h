// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_SESSION_H
#define VERIMAIL_TEST_FIXTURE_SESSION_H

#include "config/problems.h"
#include "fake_client.h"
#include "filter/session.h"
#include "unit.h"

#define FIXTURE_HOST_KEY "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk"
#define FIXTURE_STAMP                                                                              \
    "stamp { host = mail.example.org\nkey = \"/k\"\n"                                              \
    "service_key = \"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\"\n"          \
    "domains = {example.org, example.com} }\n"
#define FIXTURE_VERIFY(options) "verify { authserv_id = mx.example.net\n" options " }\n"
#define FIXTURE_MILTER(options) "milter { socket = \"unix:/s\"\n" options " }\n"
#define FIXTURE_BOTH FIXTURE_STAMP FIXTURE_VERIFY("")

/* A policy made of a configuration's text and its table of logins, NULL: none. The host key is
 * FIXTURE_HOST_KEY. Only errors are logged. */
struct fixture_policy {
    struct problems *problems;
    struct config *config;
    struct policy policy;
};

struct fixture_policy fixture_policy_make(const char *config, const char *logins);
void fixture_policy_end(struct fixture_policy *fixture);

/* One message as a mail server reports it, the fake client's outcome, and what is to come of it. */
struct fixture_session {
    struct unit_row row;
    const char *config; /* NULL: FIXTURE_BOTH FIXTURE_MILTER("") */
    const char *logins;
    const char *ip;       /* of the SMTP client; NULL: the mail server does not say */
    const char *hostname; /* as the mail server calls it */
    struct mail_command mail;
    const char *rcpts;  /* with a space between two; NULL: <bob@b.example> */
    const char *fields; /* `Name:value` each, and a line end */
    const char *body;   /* NULL: there is none */
    enum verdict verdict;
    enum reason reason;
    enum client_step step;
    bool is_peer;       /* the outcome is of a peer */
    const char *server; /* `ADDRESS:PORT` that was connected to; NULL: none */
    bool has_later;
    enum verdict later_verdict; /* the outcome of the second question */
    enum client_step later_step;
    /* `accept`, or `reject 550 5.7.1 text`; a line end, and a line for each change in the order in
     * which it is made: `-Name 1,2,3+` removes fields by number, and all from the last; `_Name`
     * adds a field below all others, and `+Name: value` one above. Folds are unfolded; a stamp
     * ends behind its user. */
    const char *decision;
    const char *question; /* to the fake client; NULL: whatever it is */
    /* The line up to `ms=`; NULL: nothing is logged. */
    const char *log;
    const char *later_log; /* the line behind it, likewise; NULL: whatever it is */
    /* The values of its event in the order of the table `mail`, with | between, without the time
     * and the milliseconds; the name of a payload is STAMP. "": there is none. NULL: it is
     * not checked; else it alone is. */
    const char *record;
};

/* Does what the row says, and fails the test where something else comes of it. */
void fixture_session_check(const struct fixture_session *row);

/* Reports the row's message to a session, all but its end. */
void fixture_session_report(struct session *session, const struct fixture_session *row);

/* The text of a decision as above, in static memory. */
const char *fixture_session_decision(const struct decision *decision);

#endif
