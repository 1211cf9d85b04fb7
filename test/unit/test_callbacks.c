// SPDX-License-Identifier: ISC
#include "milter/milter.h"

#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture.h"
#include "fixture_session.h"

/* libmilter's functions, as far as callbacks.c calls them. They write down what is asked of the
 * mail server, a line each. */
struct smfi_str {
    void *priv;
    char asked[4096];
    bool refuses; /* the mail server does not take changes */
};

static struct smfiDesc registered;
static size_t largest; /* packet */
static struct {
    const char *name;
    const char *value;
} macros[2];

int smfi_register(struct smfiDesc description)
{
    registered = description;
    return MI_SUCCESS;
}

int smfi_setbacklog(int backlog)
{
    return backlog > 0 ? MI_SUCCESS : MI_FAILURE;
}

size_t smfi_setmaxdatasize(size_t size)
{
    largest = size;
    return 65535;
}

int smfi_main(void)
{
    return MI_SUCCESS;
}

void *smfi_getpriv(SMFICTX *context)
{
    return context->priv;
}

int smfi_setpriv(SMFICTX *context, void *priv)
{
    context->priv = priv;
    return MI_SUCCESS;
}

char *smfi_getsymval(SMFICTX *context, char *name)
{
    static char id[] = "4Fz9";

    (void)context;
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
        if (macros[i].name != NULL && strcmp(name, macros[i].name) == 0)
            return (char *)(uintptr_t)macros[i].value;
    return strcmp(name, "i") == 0 ? id : NULL;
}

static int asked(
        SMFICTX *context, const char *what, int number, const char *name, const char *value)
{
    const size_t len = strlen(context->asked);

    snprintf(context->asked + len, sizeof context->asked - len, "%s %d %s:%s\n", what, number, name,
            value != NULL ? value : "-");
    return context->refuses ? MI_FAILURE : MI_SUCCESS;
}

int smfi_chgheader(SMFICTX *context, char *name, int number, char *value)
{
    return asked(context, "change", number, name, value);
}

int smfi_insheader(SMFICTX *context, int place, char *name, char *value)
{
    return asked(context, "insert", place, name, strcmp(name, STAMP_NAME) == 0 ? "(stamp)" : value);
}

int smfi_addheader(SMFICTX *context, char *name, char *value)
{
    (void)value;
    return asked(context, "add", 0, name, "");
}

int smfi_quarantine(SMFICTX *context, char *reason)
{
    return asked(context, "quarantine", 0, "", reason);
}

int smfi_setreply(SMFICTX *context, char *code, char *status, char *text)
{
    const size_t len = strlen(context->asked);

    snprintf(context->asked + len, sizeof context->asked - len, "reply %s %s %s\n", code, status,
            text);
    return MI_SUCCESS;
}

static char bob[] = "<bob@b.example>";
static char *rcpt[] = {bob, NULL};

#define EVERYTHING (~0UL)
#define ALL_BUT(bits) (EVERYTHING & ~(unsigned long)(bits))
#define NO_WAITING (SMFIP_NR_CONN | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)

/* A connection of a mail server that can do this much. */
static SMFICTX begin(unsigned long actions, unsigned long steps, sfsistat *status_r)
{
    SMFICTX context = {.priv = NULL};
    unsigned long got[4];

    *status_r = registered.xxfi_negotiate(
            &context, actions, steps, 0, 0, &got[0], &got[1], &got[2], &got[3]);
    if (*status_r != SMFIS_CONTINUE)
        return context;
    assert_int_equal(got[0] & ~actions, 0);
    assert_int_equal(got[1] & ~steps, 0);
    assert_int_equal(got[2], 0);
    assert_int_equal(got[3], 0);
    return context;
}

static void use(const char *config)
{
    struct problems *problems = problems_init("f");
    struct bundle bundle = {
            .path = strdup("f"), .config = strdup(config), .config_len = strlen(config)};

    assert_non_null(problems);
    assert_int_equal(sodium_init() >= 0, true);
    bundle.key_len = strlen(FIXTURE_HOST_KEY);
    bundle.key = sodium_malloc(bundle.key_len);
    assert_non_null(bundle.key);
    memcpy(bundle.key, FIXTURE_HOST_KEY, bundle.key_len);
    struct snapshot *snapshot = snapshot_init(&bundle, problems);
    if (snapshot == NULL)
        print_error("%s", problems_text(problems));
    assert_non_null(snapshot);
    callbacks_use(snapshot);
    bundle_clear(&bundle);
    problems_free(&problems);
}

BEFORE_EACH()
{
    fake_client = (struct fake_client){0};
    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT);
    memset(macros, 0, sizeof macros);
    assert_true(callbacks_register());
    callbacks_verify(fake_client_get());
    use(FIXTURE_BOTH FIXTURE_MILTER(""));
}

AFTER_EACH()
{
    callbacks_use(NULL);
}

static void field(SMFICTX *context, const char *name, const char *value, sfsistat want)
{
    char *name_copy = strdup(name);
    char *value_copy = strdup(value);

    assert_int_equal(registered.xxfi_header(context, name_copy, value_copy), want);
    free(name_copy);
    free(value_copy);
}

struct message_row {
    struct unit_row row;
    const char *config; /* NULL: FIXTURE_BOTH FIXTURE_MILTER("") */
    bool is_inbound;
    unsigned long actions;
    unsigned long steps;
    enum verdict verdict;
    const char *name; /* of a field above the others; NULL: there is none */
    const char *value;
    bool refuses;
    bool is_known; /* the outcome, before the body comes */
    sfsistat body; /* the answer to a piece of it */
    sfsistat want;
    const char *asked;
};

#define OURS "Authentication-Results"
#define FORGED OURS, "mx.example.net; verimail=pass"
#define ALL EVERYTHING, EVERYTHING
#define INSERTED(space, text) "insert 0 " OURS ":" space "mx.example.net; verimail=" text "\n"
#define PASS "pass\n header.from=a@example.org"
#define FAIL "fail header.from=example.org"

static const struct message_row messages[] = {
        {{"pass"}, NULL, true, ALL, VERDICT_YES, .want = SMFIS_CONTINUE,
                .asked = INSERTED(" ", PASS)},
        {{"pass, without a space"}, NULL, true, EVERYTHING, ALL_BUT(SMFIP_HDR_LEADSPC), VERDICT_YES,
                .want = SMFIS_CONTINUE, .asked = INSERTED("", PASS)},
        {{"no service"}, NULL, true, ALL, VERDICT_NONE, .want = SMFIS_CONTINUE, .asked = ""},
        {{"no service, as is known"}, NULL, true, ALL, VERDICT_NONE, .is_known = true,
                .body = SMFIS_SKIP, .want = SMFIS_CONTINUE, .asked = ""},
        {{"no service, and no way to skip"}, NULL, true, EVERYTHING, ALL_BUT(SMFIP_SKIP),
                VERDICT_NONE, .is_known = true, .body = SMFIS_NOREPLY, .want = SMFIS_CONTINUE,
                .asked = ""},
        {{"a forged result"}, NULL, true, ALL, VERDICT_NONE, FORGED, .want = SMFIS_CONTINUE,
                .asked = "change 1 " OURS ":-\n"},
        {{"reject"}, NULL, true, ALL, VERDICT_NO, FORGED, .want = SMFIS_REJECT,
                .asked = "reply 550 5.7.1 example.org says that it did not send this message "
                         "(Verimail); if it is yours, send it through that domain's own mail "
                         "server\n"},
        {{"tempfail"}, FIXTURE_VERIFY("on_temperror = tempfail") FIXTURE_MILTER(""), true, ALL,
                VERDICT_TEMPERROR, .want = SMFIS_TEMPFAIL,
                .asked = "reply 451 4.7.1 The Verimail service of example.org does not answer; try "
                         "again later, or tell that domain's postmaster\n"},
        {{"quarantine"}, FIXTURE_VERIFY("on_no = quarantine") FIXTURE_MILTER(""), true, ALL,
                VERDICT_NO, .want = SMFIS_CONTINUE,
                .asked = INSERTED(" ", FAIL) "quarantine 0 :Verimail: the author's domain did not "
                                             "send it\n"},
        {{"no quarantine"}, FIXTURE_VERIFY("on_no = quarantine") FIXTURE_MILTER(""), true,
                ALL_BUT(SMFIF_QUARANTINE), EVERYTHING, VERDICT_NO, .want = SMFIS_TEMPFAIL,
                .asked = INSERTED(" ", FAIL)},
        {{"changes are refused"}, NULL, true, ALL, VERDICT_YES, .refuses = true,
                .want = SMFIS_TEMPFAIL, .asked = INSERTED(" ", PASS)},
        {{"a deletion that was not negotiated"}, NULL, true, ALL_BUT(SMFIF_CHGHDRS), EVERYTHING,
                VERDICT_NONE, FORGED, .want = SMFIS_REJECT,
                .asked = "reply 550 5.7.1 This message has header fields that must be removed, "
                         "which this mail server does not let its mail filter do (Verimail)\n"},
        {{"no deletion is needed"}, NULL, true, ALL_BUT(SMFIF_CHGHDRS), EVERYTHING, VERDICT_YES,
                .want = SMFIS_CONTINUE, .asked = INSERTED(" ", PASS)},
        {{"rejected without a deletion"}, NULL, true, ALL_BUT(SMFIF_CHGHDRS), EVERYTHING,
                VERDICT_NO, FORGED, .want = SMFIS_REJECT,
                .asked = "reply 550 5.7.1 example.org says that it did not send this message "
                         "(Verimail); if it is yours, send it through that domain's own mail "
                         "server\n"},
        {{"an empty field name"}, NULL, true, ALL, VERDICT_YES, .name = "", .value = " x",
                .body = SMFIS_SKIP, .want = SMFIS_REJECT,
                .asked = "reply 550 5.7.1 This message has a line in its header section that is no "
                         "field (Verimail); the program that made it has to be corrected\n"},
        {{"a stamp"}, NULL, false, ALL, .want = SMFIS_CONTINUE,
                .asked = "add 0 Date:\nadd 0 Message-ID:\ninsert 0 Verimail:(stamp)\n"},
        {{"a stamp instead of another"}, NULL, false, ALL, .name = "Verimail",
                .value = "a@example.org UEFZTE9BRA", .want = SMFIS_CONTINUE,
                .asked = "change 1 Verimail:-\nadd 0 Date:\nadd 0 Message-ID:\n"
                         "insert 0 Verimail:(stamp)\n"},
};

TEST_EACH(message, messages)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    sfsistat status;

    if (row->config != NULL)
        use(row->config);
    fake_client.outcome = (struct client_outcome){.verdict = row->verdict};
    fake_client.needs_no_digest = row->is_known;
    peer.sin_addr.s_addr = htonl(row->is_inbound ? 0xc6336403 : INADDR_LOOPBACK);
    SMFICTX context = begin(row->actions, row->steps, &status);
    context.refuses = row->refuses;
    assert_int_equal(status, SMFIS_CONTINUE);
    assert_int_equal(
            registered.xxfi_connect(&context, NULL, (struct sockaddr *)&peer), SMFIS_NOREPLY);
    assert_int_equal(registered.xxfi_envfrom(&context, rcpt), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_envrcpt(&context, rcpt), SMFIS_NOREPLY);
    if (row->name != NULL)
        field(&context, row->name, row->value, SMFIS_NOREPLY);
    field(&context, "From", " a@example.org", SMFIS_NOREPLY);
    assert_int_equal(registered.xxfi_eoh(&context), SMFIS_NOREPLY);
    assert_int_equal(registered.xxfi_body(&context, (unsigned char[]){"x\r\n"}, 3), row->body);
    assert_int_equal(registered.xxfi_eom(&context), row->want);
    assert_string_equal(context.asked, row->asked);
    assert_int_equal(registered.xxfi_close(&context), SMFIS_CONTINUE);
    assert_null(context.priv);
}

TEST(what_a_mail_server_may_be_unable_to_do)
{
    static const struct {
        unsigned long actions;
        sfsistat want;
    } table[] = {
            {EVERYTHING, SMFIS_CONTINUE},
            {SMFIF_ADDHDRS | SMFIF_CHGHDRS, SMFIS_CONTINUE},
            {SMFIF_ADDHDRS, SMFIS_CONTINUE},
            {SMFIF_CHGHDRS, SMFIS_CONTINUE},
            {0, SMFIS_CONTINUE},
    };
    sfsistat status;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        SMFICTX context = begin(table[i].actions, EVERYTHING, &status);
        assert_int_equal(status, table[i].want);
        registered.xxfi_close(&context);
    }
}

TEST(packets_of_a_mebibyte)
{
    assert_int_equal(largest, 1 << 20);
}

/* A message of 192.0.2.1, or of this machine, with up to two macros. */
struct macro_row {
    struct unit_row row;
    const char *names[2];
    const char *values[2];
    bool is_local;
    bool is_stamped;
};

static const struct macro_row macro_rows[] = {
        {{"none"}, {NULL}, {NULL}, false, false},
        {{"a login and its type"}, {"{auth_type}", "{auth_authen}"}, {"PLAIN", "a@example.org"},
                false, true},
        {{"a login alone"}, {"{auth_authen}"}, {"a@example.org"}, false, true},
        {{"a login without braces"}, {"auth_authen"}, {"a@example.org"}, false, true},
        {{"an empty login"}, {"{auth_authen}"}, {""}, false, false},
        {{"a daemon that is trusted"}, {"{daemon_name}"}, {"submit"}, false, true},
        {{"a daemon without braces"}, {"daemon_name"}, {"submit"}, false, true},
        {{"another daemon"}, {"daemon_name"}, {"smtp"}, false, false},
        {{"a trusted network"}, {NULL}, {NULL}, true, true},
        {{"a trusted network, from outside"}, {"{verimail_direction}"}, {"in"}, true, false},
        {{"without braces"}, {"verimail_direction"}, {"in"}, true, false},
        {{"a login, from outside"}, {"{verimail_direction}", "{auth_authen}"},
                {"in", "a@example.org"}, true, false},
        {{"a trusted daemon, from outside"}, {"{verimail_direction}", "{daemon_name}"},
                {"in", "submit"}, false, false},
        {{"out raises nothing"}, {"{verimail_direction}"}, {"out"}, false, false},
        {{"out lowers nothing"}, {"{verimail_direction}"}, {"out"}, true, true},
};

TEST_EACH(macro, macro_rows)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    sfsistat status;

    use(FIXTURE_BOTH FIXTURE_MILTER("trusted_daemons = {submit}"));
    for (size_t i = 0; i < 2; i++) {
        macros[i].name = row->names[i];
        macros[i].value = row->values[i];
    }
    fake_client.outcome = (struct client_outcome){.verdict = VERDICT_YES};
    peer.sin_addr.s_addr = htonl(row->is_local ? INADDR_LOOPBACK : 0xc0000201);
    SMFICTX context = begin(EVERYTHING, EVERYTHING, &status);
    registered.xxfi_connect(&context, NULL, (struct sockaddr *)&peer);
    assert_int_equal(registered.xxfi_envfrom(&context, rcpt), SMFIS_CONTINUE);
    registered.xxfi_envrcpt(&context, rcpt);
    field(&context, "From", " a@example.org", SMFIS_NOREPLY);
    registered.xxfi_eoh(&context);
    assert_int_equal(registered.xxfi_eom(&context), SMFIS_CONTINUE);
    registered.xxfi_close(&context);
    if (row->is_stamped)
        assert_non_null(strstr(context.asked, "insert 0 Verimail:"));
    else
        assert_string_equal(context.asked, INSERTED(" ", PASS));
}

/* Behind QUIT_NC there is a close like any other, and then a connect without a negotiation. */
TEST(another_session_on_the_same_connection)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    sfsistat status;

    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SMFICTX context = begin(SMFIF_ADDHDRS, SMFIP_NR_CONN, &status);
    for (size_t i = 0; i < 3; i++) {
        context.asked[0] = '\0';
        assert_int_equal(
                registered.xxfi_connect(&context, NULL, (struct sockaddr *)&peer), SMFIS_NOREPLY);
        assert_int_equal(registered.xxfi_envfrom(&context, rcpt), SMFIS_CONTINUE);
        assert_int_equal(registered.xxfi_envrcpt(&context, rcpt), SMFIS_CONTINUE);
        field(&context, "From", "a@example.org", SMFIS_CONTINUE);
        assert_int_equal(registered.xxfi_eoh(&context), SMFIS_CONTINUE);
        assert_int_equal(registered.xxfi_eom(&context), SMFIS_CONTINUE);
        assert_non_null(strstr(context.asked, "insert 0 Verimail:"));
        registered.xxfi_close(&context);
        assert_null(context.priv);
    }
}

/* A mail server that waits for each answer gets one. */
TEST(answers_that_are_waited_for)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    sfsistat status;

    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SMFICTX context = begin(EVERYTHING, ALL_BUT(NO_WAITING), &status);
    assert_int_equal(
            registered.xxfi_connect(&context, NULL, (struct sockaddr *)&peer), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_envfrom(&context, rcpt), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_envrcpt(&context, rcpt), SMFIS_CONTINUE);
    field(&context, "From", "a@example.org", SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_eoh(&context), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_body(&context, (unsigned char[]){"x\r\n"}, 3), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_abort(&context), SMFIS_CONTINUE);
    /* A body that does not matter. */
    assert_int_equal(registered.xxfi_envfrom(&context, rcpt), SMFIS_CONTINUE);
    field(&context, "Received", "x", SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_eoh(&context), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_body(&context, (unsigned char[]){"x\r\n"}, 3), SMFIS_SKIP);
    assert_int_equal(registered.xxfi_close(&context), SMFIS_CONTINUE);
}

/* A mail server that talks out of turn gets messages refused for now. */
TEST(calls_without_a_connection)
{
    sfsistat status;
    SMFICTX context = begin(EVERYTHING, EVERYTHING, &status);

    struct capture capture = capture_begin();
    char log[500];
    log_init();
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    assert_int_equal(registered.xxfi_envfrom(&context, rcpt), SMFIS_TEMPFAIL);
    (void)capture_read(&capture, log, sizeof log);
    capture_end(&capture);
    assert_non_null(strstr(log, "error=\"the mail server sent MAIL before a connection\""));
    assert_int_equal(registered.xxfi_envrcpt(&context, rcpt), SMFIS_NOREPLY);
    field(&context, "From", " a@example.org", SMFIS_NOREPLY);
    assert_int_equal(registered.xxfi_eoh(&context), SMFIS_NOREPLY);
    assert_int_equal(registered.xxfi_eom(&context), SMFIS_TEMPFAIL);
    assert_int_equal(registered.xxfi_abort(&context), SMFIS_CONTINUE);
    assert_int_equal(registered.xxfi_close(&context), SMFIS_CONTINUE);
    SMFICTX never = {.priv = NULL};
    assert_int_equal(registered.xxfi_connect(&never, NULL, NULL), SMFIS_TEMPFAIL);
    assert_int_equal(registered.xxfi_eom(&never), SMFIS_TEMPFAIL);
    assert_int_equal(registered.xxfi_close(&never), SMFIS_CONTINUE);
}

TEST(one_session_too_many)
{
    static SMFICTX contexts[MILTER_SESSIONS_MAX];
    struct sockaddr_in peer = {.sin_family = AF_INET};
    sfsistat status;

    for (size_t i = 0; i < MILTER_SESSIONS_MAX; i++) {
        contexts[i] = begin(EVERYTHING, EVERYTHING, &status);
        registered.xxfi_connect(&contexts[i], NULL, (struct sockaddr *)&peer);
    }
    SMFICTX more = begin(EVERYTHING, EVERYTHING, &status);
    registered.xxfi_connect(&more, NULL, (struct sockaddr *)&peer);
    assert_int_equal(registered.xxfi_envfrom(&more, rcpt), SMFIS_TEMPFAIL);
    assert_string_equal(more.asked,
            "reply 421 4.3.2 This server has too many sessions with its mail filter (Verimail); "
            "try again later\n");
    assert_int_equal(registered.xxfi_envfrom(&contexts[0], rcpt), SMFIS_CONTINUE);
    /* One ends, and another one takes its place. */
    registered.xxfi_close(&contexts[0]);
    registered.xxfi_connect(&more, NULL, (struct sockaddr *)&peer);
    assert_int_equal(registered.xxfi_envfrom(&more, rcpt), SMFIS_CONTINUE);
    registered.xxfi_close(&more);
    for (size_t i = 1; i < MILTER_SESSIONS_MAX; i++)
        registered.xxfi_close(&contexts[i]);
}

/* A connection keeps the snapshot that it began with. */
TEST(a_reload_counts_from_the_next_connection_on)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    sfsistat status;

    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SMFICTX before = begin(EVERYTHING, EVERYTHING, &status);
    registered.xxfi_connect(&before, NULL, (struct sockaddr *)&peer);
    use(FIXTURE_VERIFY("") FIXTURE_MILTER("trusted_networks = {}"));
    SMFICTX after = begin(EVERYTHING, EVERYTHING, &status);
    registered.xxfi_connect(&after, NULL, (struct sockaddr *)&peer);
    fake_client.outcome.verdict = VERDICT_YES;
    for (unsigned i = 0; i < 2; i++) {
        SMFICTX *context = i == 0 ? &before : &after;
        assert_int_equal(registered.xxfi_envfrom(context, rcpt), SMFIS_CONTINUE);
        registered.xxfi_envrcpt(context, rcpt);
        field(context, "From", " a@example.org", SMFIS_NOREPLY);
        registered.xxfi_eoh(context);
        assert_int_equal(registered.xxfi_eom(context), SMFIS_CONTINUE);
        registered.xxfi_close(context);
    }
    assert_non_null(strstr(before.asked, "insert 0 Verimail:"));
    assert_string_equal(after.asked, INSERTED(" ", PASS));
}
