// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "fake_client.h"
#include "filter/verifier.h"
#include "unit.h"

#define DIGEST_LEN "43"

static struct conf conf_verify(const char *options)
{
    char text[1024];

    snprintf(text, sizeof text,
            "domain own.example { }\nverify { authserv_id = mx.example.net\n%s }", options);
    struct conf conf = conf_of(text);
    if (problems_count(conf.problems) > 0) {
        print_error("%s", problems_text(conf.problems));
        fail();
    }
    return conf;
}

/* `fields`: lines of `Name:value`. */
static struct message_parser *parser_of(const char *fields, enum message_result broken)
{
    struct message_parser *parser = message_parser_init(NULL);
    struct reader lines = reader_of(text_of(fields));

    assert_non_null(parser);
    while (lines.rest.len > 0) {
        struct reader line = reader_of(reader_field(&lines, '\n'));
        const struct text name = reader_until(&line, ':');
        const struct field field = field_of(name, reader_rest(&line));
        message_parser_field(parser, &field);
    }
    message_parser_header_end(parser);
    if (broken != MESSAGE_OK)
        message_parser_broken(parser, broken);
    (void)!message_parser_end(parser);
    return parser;
}

/* What the rest of a row is about; the mode does not matter. */
struct row {
    const char *fields;
    enum message_result broken;
    enum verdict verdict; /* the client's */
    enum reason reason;
    enum client_step step;
    const char *options;
    const char *want; /* verdict, reason; action, code, status, text; field */
};

#define ALICE "From: Alice <alice@example.org>\n"
#define TEMPFAIL "on_temperror = tempfail"
#define YOURS                                                                                      \
    " says that it did not send this message (Verimail); if it is yours, send it through that "    \
    "domain's own mail server"
#define FIELD "|mx.example.net; verimail="
#define NO_FIELD "|-"
#define ANSWER(verdict, reason) MESSAGE_OK, VERDICT_##verdict, REASON_##reason, CLIENT_ANSWERED
#define FAILS(step) MESSAGE_OK, VERDICT_TEMPERROR, REASON_NONE, CLIENT_##step
#define UNASKED MESSAGE_OK, VERDICT_YES, REASON_STAMPED, CLIENT_ANSWERED

static void check_row(const struct row *row)
{
    struct conf conf = conf_verify(row->options);
    struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
    struct message_parser *parser = parser_of(row->fields, row->broken);
    struct verification found;
    char got[2048];

    fake_client.outcome = (struct client_outcome){
            .verdict = row->verdict, .reason = row->reason, .step = row->step};
    memset(&found, 'x', sizeof found);
    assert_non_null(verifier);
    verifier_judge(
            verifier, fake_client_get(), parser, &(struct verifier_envelope){0}, NULL, "", &found);
    snprintf(got, sizeof got, "%s %.*s|%s %s %s %s|%s", verdict_name(found.verdict),
            (int)found.reason.len, found.reason.at, action_name(found.reply.action),
            found.reply.code, found.reply.status, found.reply.text,
            found.field[0] != '\0' ? found.field : "-");
    if (strcmp(got, row->want) != 0) {
        print_error("%s%s\ngot:  %s\nwant: %s\n", row->fields, row->options, got, row->want);
        fail();
    }
    assert_int_equal(found.asked, found.author != NULL);
    message_parser_free(&parser);
    verifier_free(&verifier);
    assert_null(verifier);
    conf_free(&conf);
}

#define CHECK(rows)                                                                                \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)                                     \
    check_row(&(rows)[i])

TEST(answers)
{
    static const struct row rows[] = {
            {ALICE, ANSWER(YES, STAMPED), "",
                    "YES stamped|accept   " FIELD "pass header.from=alice@example.org"},
            {ALICE, ANSWER(YES, STAMPED), "on_no = reject on_permerror = reject " TEMPFAIL,
                    "YES stamped|accept   " FIELD "pass header.from=alice@example.org"},
            {ALICE, ANSWER(YES, NONE), "",
                    "YES |accept   " FIELD "pass header.from=alice@example.org"},
            {ALICE, ANSWER(ALLOW, REDIRECTED), "",
                    "ALLOW redirected|accept   " FIELD
                    "neutral reason=\"redirected\" header.from=example.org"},
            {ALICE, ANSWER(ALLOW, HOST), "on_no = quarantine",
                    "ALLOW host|accept   " FIELD "neutral reason=\"host\" header.from=example.org"},
            {ALICE, ANSWER(ALLOW, NONE), "",
                    "ALLOW |accept   " FIELD "neutral header.from=example.org"},
            {ALICE, MESSAGE_OK, VERDICT_NONE, REASON_NONE, CLIENT_NO_SERVICE, "",
                    "none |accept   " NO_FIELD},
            {ALICE, MESSAGE_OK, VERDICT_NONE, REASON_NONE, CLIENT_NO_SERVICE, TEMPFAIL,
                    "none |accept   " NO_FIELD},
            {ALICE, ANSWER(NO, UNSTAMPED), "",
                    "NO unstamped|reject 550 5.7.1 example.org" YOURS FIELD
                    "fail header.from=example.org"},
            {ALICE, MESSAGE_OK, VERDICT_NO, REASON_FORGED, CLIENT_CACHED, "on_no = reject",
                    "NO forged|reject 550 5.7.1 example.org" YOURS FIELD
                    "fail header.from=example.org"},
            {ALICE, ANSWER(NO, REFUSED), "on_no = quarantine",
                    "NO refused|quarantine   " FIELD "fail header.from=example.org"},
            {ALICE, ANSWER(NO, NONE), "on_no = mark",
                    "NO |accept   " FIELD "fail header.from=example.org"},
    };

    CHECK(rows);
}

#define SILENT                                                                                     \
    "The Verimail service of example.org does not answer; try again later, or tell that domain's " \
    "postmaster"
#define TEMPERROR FIELD "temperror header.from=example.org"

TEST(errors_of_the_network)
{
    static const struct row rows[] = {
            {ALICE, FAILS(DNS), "", "temperror dns|accept   " TEMPERROR},
            {ALICE, FAILS(FORBIDDEN), "", "temperror step|accept   " TEMPERROR},
            {ALICE, FAILS(RESTING), "on_temperror = accept", "temperror step|accept   " TEMPERROR},
            {ALICE, FAILS(NO_ANSWER), "", "temperror step|accept   " TEMPERROR},
            {ALICE, FAILS(DNS), TEMPFAIL,
                    "temperror dns|tempfail 451 4.4.3 The DNS of example.org does not say whether "
                    "that domain uses Verimail; try again later, or tell its postmaster" TEMPERROR},
            {ALICE, FAILS(FORBIDDEN), TEMPFAIL,
                    "temperror step|tempfail 451 4.7.1 " SILENT TEMPERROR},
            {ALICE, FAILS(RESTING), TEMPFAIL,
                    "temperror step|tempfail 451 4.7.1 " SILENT TEMPERROR},
            {ALICE, FAILS(NO_ANSWER), TEMPFAIL,
                    "temperror step|tempfail 451 4.7.1 " SILENT TEMPERROR},
    };

    CHECK(rows);
}

#define BUDGET                                                                                     \
    "temperror step|tempfail 451 4.7.1 Too many messages in the name of example.org were not "     \
    "confirmed lately (Verimail); try again later" TEMPERROR
#define SHORTAGE                                                                                   \
    "temperror step|tempfail 451 4.7.1 This server cannot ask example.org about the message now "  \
    "(Verimail); try again later" TEMPERROR
#define MEMORY                                                                                     \
    "temperror memory|tempfail 451 4.7.1 This message cannot be read: out of memory "              \
    "(Verimail); "                                                                                 \
    "try again later" FIELD "temperror"

TEST(floods_do_not_switch_it_off)
{
    static const struct row rows[] = {
            {ALICE, FAILS(BUDGET), "", BUDGET},
            {ALICE, FAILS(BUDGET), TEMPFAIL, BUDGET},
            {ALICE, FAILS(SHORTAGE), "", SHORTAGE},
            {ALICE, FAILS(SHORTAGE), TEMPFAIL, SHORTAGE},
            {ALICE, FAILS(FAILURE), "", SHORTAGE},
            {ALICE, FAILS(FAILURE), TEMPFAIL, SHORTAGE},
            {ALICE, MESSAGE_MEMORY, VERDICT_YES, REASON_STAMPED, CLIENT_ANSWERED, "", MEMORY},
            {ALICE, MESSAGE_MEMORY, VERDICT_YES, REASON_STAMPED, CLIENT_ANSWERED,
                    "on_permerror = mark", MEMORY},
    };

    CHECK(rows);
}

#define ONE " (Verimail); give it one From field with one address"
#define PROGRAM " (Verimail); the program that made it has to be corrected"
#define REJECT(word, what, advice)                                                                 \
    "permerror " word "|reject 550 5.7.1 This message " what advice FIELD                          \
    "permerror reason=\"" word "\""
#define MARK(word) "permerror " word "|accept   " FIELD "permerror reason=\"" word "\""

TEST(messages_without_an_author)
{
    static const struct row rows[] = {
            {"Subject: x\n", UNASKED, "", REJECT("no-from", "has no From field", ONE)},
            {"Subject: x\n", UNASKED, "on_no = mark", REJECT("no-from", "has no From field", ONE)},
            {"Subject: x\n", UNASKED, "on_permerror = mark", MARK("no-from")},
            {ALICE ALICE, UNASKED, "",
                    REJECT("several-froms", "has more than one From field", ONE)},
            {ALICE "from: bob@example.org\n", UNASKED, "on_permerror = mark",
                    MARK("several-froms")},
            {"From: a@example.org, b@example.net\n", UNASKED, "",
                    REJECT("from", "has a From field that is not one mailbox", ONE)},
            {"From: \x1b[1m%s@evil.example\n", UNASKED, TEMPFAIL,
                    REJECT("from", "has a From field that is not one mailbox", ONE)},
            {ALICE, MESSAGE_TOO_LARGE, VERDICT_YES, REASON_STAMPED, CLIENT_ANSWERED, "",
                    REJECT("too-large", "has a header section over 1 MiB or 2000 fields", PROGRAM)},
            {ALICE, MESSAGE_NOT_FIELD, VERDICT_YES, REASON_STAMPED, CLIENT_ANSWERED, "",
                    REJECT("not-field", "has a line in its header section that is no field",
                            PROGRAM)},
    };

    CHECK(rows);
}

/* Without a certain author, what decides is whether a domain that uses Verimail could be meant. */
static const struct uncertain_row {
    const char *fields;
    const char *sender;
    enum discovery_result found;
    const char *options;
    const char *looked_for; /* NULL: nothing */
    const char *want;       /* verdict, reason; action, code, status, text; field */
} uncertain_rows[] = {
#define LATER                                                                                      \
    ", and whether a domain that could be meant uses Verimail is not known now; give it one From " \
    "field with one address, or try again later" FIELD "temperror"
#define FIFTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CUT FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY
        {"From: a@x.example, b@y.example\n", "", DISCOVERY_NONE, "", "x.example y.example",
                "none from|accept   " NO_FIELD},
        {"From: a@x.example, b@y.example\n", "", DISCOVERY_ERROR, "", "x.example y.example",
                "temperror from|tempfail 451 4.7.1 This message has a From field that is not one "
                "mailbox" LATER},
        {"From: a@x.example\nFrom: b@y.example\n", "", DISCOVERY_SHORTAGE, "on_temperror = accept",
                "x.example y.example",
                "temperror several-froms|tempfail 451 4.7.1 This message has more than one From "
                "field" LATER},
        {"From: a@x.example, b@y.example\n", "", DISCOVERY_FOUND, "on_permerror = mark",
                "x.example y.example", MARK("from")},
        {"From: a@x.example, b@own.example\n", "", DISCOVERY_NONE, "", NULL,
                REJECT("from", "has a From field that is not one mailbox", ONE)},
        {"From: a@x.example, b@mail.own.example\n", "", DISCOVERY_NONE, "on_permerror = mark", NULL,
                MARK("from")},
        {"From: ceo\n", "", DISCOVERY_NONE, "on_permerror = mark", NULL, MARK("from")},
        {"Subject: x\n", "<a@x.example>", DISCOVERY_NONE, "on_permerror = mark", NULL,
                MARK("no-from")},
        {"From : a@x.example\n", "", DISCOVERY_FOUND, "", "x.example",
                REJECT("spaced", "has white space before the colon of a header field", PROGRAM)},
        {"X: a\rFrom: a@x.example\n", "", DISCOVERY_FOUND, "", "x.example",
                REJECT("bare-cr", "has a CR in its header section that ends no line", PROGRAM)},
        {"From: a@x.example\nTo: " CUT CUT "\n", "", DISCOVERY_FOUND, "", "x.example",
                REJECT("long-line", "has a header line over 990 octets, which mail servers cut",
                        PROGRAM)},
        {"From : a@x.example\n", "", DISCOVERY_NONE, "", "x.example",
                "none spaced|accept   " NO_FIELD},
        {"X: a\rFrom: a@x.example\nFrom: b@y.example\n", "", DISCOVERY_NONE, "",
                "x.example y.example", "none bare-cr|accept   " NO_FIELD},
        {"\xa0"
         "from\x01: a@x.example\nFrom: b@y.example\nFrom: c@z.example\n",
                "", DISCOVERY_NONE, "", "x.example y.example z.example",
                "none several-froms|accept   " NO_FIELD},
};

TEST(without_a_certain_author)
{
    for (size_t i = 0; i < sizeof uncertain_rows / sizeof *uncertain_rows; i++) {
        const struct uncertain_row *row = &uncertain_rows[i];
        struct conf conf = conf_verify(row->options);
        struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
        struct message_parser *parser = parser_of(row->fields, MESSAGE_OK);
        const struct verifier_envelope envelope = {.sender = text_of(row->sender)};
        struct verification found;
        char got[2048];
        fake_client.found = row->found;
        fake_client.looked_for[0] = '\0';
        assert_non_null(verifier);
        verifier_judge(verifier, fake_client_get(), parser, &envelope, NULL, "", &found);
        snprintf(got, sizeof got, "%s %.*s|%s %s %s %s|%s", verdict_name(found.verdict),
                (int)found.reason.len, found.reason.at, action_name(found.reply.action),
                found.reply.code, found.reply.status, found.reply.text,
                found.field[0] != '\0' ? found.field : "-");
        if (strcmp(got, row->want) != 0 ||
                strcmp(fake_client.looked_for, row->looked_for != NULL ? row->looked_for : "") != 0)
            fail_msg("%s\ngot:  %s, %s\nwant: %s, %s", row->fields, got, fake_client.looked_for,
                    row->want, row->looked_for);
        message_parser_free(&parser);
        verifier_free(&verifier);
        conf_free(&conf);
    }
    fake_client.found = DISCOVERY_FOUND;
}

/* A domain of 253 octets fits into the reply, and nothing of the local part is in it. */
TEST(replies_have_the_domain_alone)
{
    static const enum client_step steps[] = {CLIENT_ANSWERED, CLIENT_DNS, CLIENT_FORBIDDEN,
            CLIENT_RESTING, CLIENT_NO_ANSWER, CLIENT_SHORTAGE, CLIENT_BUDGET, CLIENT_FAILURE};
    char domain[DOMAIN_MAX + 1];
    char field[400];

    for (size_t i = 0; i < DOMAIN_MAX; i++)
        domain[i] = i % 64 == 59 ? '.' : 'd';
    domain[DOMAIN_MAX] = '\0';
    snprintf(field, sizeof field, "From: \"se%%cr et\"@%s\n", domain);
    struct message_parser *parser = parser_of(field, MESSAGE_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct conf conf = conf_verify(TEMPFAIL);
        struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
        struct verification found;
        fake_client.outcome = (struct client_outcome){
                .verdict = i == 0 ? VERDICT_NO : VERDICT_TEMPERROR, .step = steps[i]};
        verifier_judge(verifier, fake_client_get(), parser, &(struct verifier_envelope){0}, NULL,
                "", &found);
        assert_int_not_equal(found.reply.action, ACTION_ACCEPT);
        if (strstr(found.reply.text, domain) == NULL)
            fail_msg("%s", found.reply.text);
        assert_null(strstr(found.reply.text, "cr"));
        assert_in_range(strlen(found.reply.text), DOMAIN_MAX + 20, 480);
        for (const char *at = found.reply.text; *at != '\0'; at++)
            assert_true(*at >= ' ' && *at < 0x7f && *at != '%');
        verifier_free(&verifier);
        conf_free(&conf);
    }
    message_parser_free(&parser);
}

#define STAMP(user) "Verimail: " user " UEFZTE9BRA\n"
#define ASKED(payload) "alice@example.org payload=" payload " rcpt=example.net digest=" DIGEST_LEN

TEST(what_is_asked)
{
    static const struct {
        const char *fields;
        const char *options;
        const char *want;
        size_t stamps;
    } rows[] = {
            {ALICE, "", ASKED("-") " ip=192.0.2.1", 0},
            {ALICE STAMP("alice@example.org"), "", ASKED("UEFZTE9BRA") " ip=192.0.2.1", 1},
            {ALICE STAMP("alice@example.org"), "send_ip = no", ASKED("UEFZTE9BRA") " ip=", 1},
            {ALICE STAMP("bob@example.org"), "send_ip = yes", ASKED("-") " ip=192.0.2.1", 0},
            {ALICE STAMP("alice@example.org"), "send_rcpt = no",
                    "alice@example.org payload=UEFZTE9BRA rcpt= digest=" DIGEST_LEN " ip=192.0.2.1",
                    1},
            {ALICE, "send_rcpt = yes send_ip = no", ASKED("-") " ip=", 0},
            {ALICE STAMP("alice@example.org") STAMP("Alice@Example.org"), "",
                    ASKED("-") " ip=192.0.2.1", 2},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conf conf = conf_verify(rows[i].options);
        struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
        struct message_parser *parser = parser_of(rows[i].fields, MESSAGE_OK);
        struct verification found;
        fake_client.asked = 0;
        verifier_judge(verifier, fake_client_get(), parser,
                &(struct verifier_envelope){
                        text_of("x@example.com"), text_of("example.net"), text_of("192.0.2.1")},
                NULL, "", &found);
        assert_int_equal(fake_client.asked, 1);
        assert_string_equal(fake_client.question, rows[i].want);
        assert_int_equal(found.stamps, rows[i].stamps);
        assert_true(found.asked);
        assert_ptr_equal(fake_client.policy, verifier_policy(verifier));
        message_parser_free(&parser);
        verifier_free(&verifier);
        conf_free(&conf);
    }
}

TEST(messages_without_an_author_ask_nobody)
{
    struct conf conf = conf_verify("");
    struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
    struct message_parser *parser = parser_of(ALICE ALICE, MESSAGE_OK);
    struct verification found;

    assert_non_null(verifier);
    fake_client.asked = 0;
    verifier_judge(
            verifier, fake_client_get(), parser, &(struct verifier_envelope){0}, NULL, "", &found);
    assert_int_equal(fake_client.asked, 0);
    assert_false(found.asked);
    assert_null(found.author);
    assert_int_equal(found.error, MESSAGE_PARSER_SEVERAL_FROMS);
    message_parser_free(&parser);
    verifier_free(&verifier);
    conf_free(&conf);
}

TEST(the_policy_is_what_the_section_says)
{
    struct conf conf = conf_verify("budget_per_domain = 8\n"
                                   "allow_networks = {\"10.0.0.0/8\", \"::1\"}\n"
                                   "mode = monitor");
    struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
    const struct client_policy *policy = verifier_policy(verifier);

    assert_non_null(verifier);
    assert_int_equal(policy->timeout, CLIENT_TIMEOUT);
    assert_int_equal(policy->budget_per_domain, 8);
    assert_int_equal(policy->budget_per_address, 80);
    assert_int_equal(policy->acl.networks_count, 2);
    assert_int_equal(policy->acl.networks[0].prefix, 96 + 8);
    assert_int_equal(policy->acl.networks[1].prefix, 128);
    assert_int_equal(policy->acl.ports_count, 0);
    assert_true(verifier_is_monitor(verifier));
    verifier_free(&verifier);
    verifier_free(&verifier);
    conf_free(&conf);
    conf = conf_verify("");
    verifier = verifier_init(conf.config->verify, conf.config);
    assert_int_equal(verifier_policy(verifier)->timeout, CLIENT_TIMEOUT);
    assert_int_equal(verifier_policy(verifier)->budget_per_domain, CLIENT_BUDGET_PER_DOMAIN);
    assert_int_equal(verifier_policy(verifier)->budget_per_address, CLIENT_BUDGET_PER_ADDRESS);
    assert_int_equal(verifier_policy(verifier)->acl.networks_count, 0);
    assert_int_equal(verifier_policy(verifier)->acl.ports_count, 0);
    assert_false(verifier_is_monitor(verifier));
    verifier_free(&verifier);
    conf_free(&conf);
}

TEST(clients)
{
    static const struct {
        const char *options;
        const char *want; /* resolver and trust anchors; with a dot at the end: no others */
    } table[] = {
            {"", "-"},
            {"resolver = \"127.0.0.1@53\" trust_anchors = {}", "127.0.0.1@53."},
            {"trust_anchors = {\"a. IN DS 1 8 2 00\", \"b. DNSKEY 257 3 8 AA\"}",
                    "-|a. IN DS 1 8 2 00|b. DNSKEY 257 3 8 AA."},
    };
    char error[DISCOVERY_ERROR_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct conf conf = conf_verify(table[i].options);
        assert_null(verifier_client(conf.config->verify, NULL, NULL, error));
        assert_int_equal(errno, EINVAL);
        assert_string_equal(fake_client.made_with, table[i].want);
        conf_free(&conf);
    }
}

/* The command line verifies without a section of its own, and so without a name. */
TEST(without_a_name_there_is_no_field)
{
    struct conf conf = conf_of("verify { }");
    struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
    struct message_parser *parser = parser_of(ALICE, MESSAGE_OK);
    struct verification found;

    assert_non_null(verifier);
    fake_client.outcome = (struct client_outcome){.verdict = VERDICT_YES, .reason = REASON_STAMPED};
    verifier_judge(verifier, fake_client_get(), parser, &(struct verifier_envelope){0}, NULL, "\n",
            &found);
    assert_string_equal(found.field, "");
    message_parser_free(&parser);
    verifier_free(&verifier);
    conf_free(&conf);
}

#define DEFERRED                                                                                   \
    "The Verimail service of example.org does not answer, and that domain wants its mail to wait"

static const struct {
    struct unit_row row;
    bool is_peer;
    bool defer;
    enum client_step step;
    const char *options;
    enum action want;
    const char *reply; /* how it begins */
} silent_rows[] = {
        {{"a peer"}, true, false, CLIENT_NO_ANSWER, "", ACTION_TEMPFAIL,
                "The Verimail service of example.org does not answer;"},
        {{"a peer, whatever on_temperror says"}, true, false, CLIENT_NO_ANSWER,
                "on_temperror = accept", ACTION_TEMPFAIL,
                "The Verimail service of example.org does not answer;"},
        {{"a peer that rests"}, true, false, CLIENT_RESTING, "", ACTION_TEMPFAIL,
                "The Verimail service of example.org does not answer;"},
        {{"the DNS below a peer"}, true, false, CLIENT_DNS, "", ACTION_TEMPFAIL,
                "The DNS of example.org does not say"},
        {{"outage=defer"}, false, true, CLIENT_NO_ANSWER, "", ACTION_TEMPFAIL, DEFERRED},
        {{"outage=defer, whatever on_temperror says"}, false, true, CLIENT_NO_ANSWER,
                "on_temperror = accept", ACTION_TEMPFAIL, DEFERRED},
        {{"outage=defer, and a rest"}, false, true, CLIENT_RESTING, "", ACTION_TEMPFAIL, DEFERRED},
        {{"outage=defer, and forbidden addresses"}, false, true, CLIENT_FORBIDDEN, "",
                ACTION_TEMPFAIL, DEFERRED},
        {{"outage=defer, and no address"}, false, true, CLIENT_DNS, "", ACTION_TEMPFAIL, DEFERRED},
        {{"outage=defer, and no budget"}, false, true, CLIENT_BUDGET, "", ACTION_TEMPFAIL,
                "Too many messages in the name of example.org"},
        {{"another service"}, false, false, CLIENT_NO_ANSWER, "", ACTION_ACCEPT, ""},
        {{"another's DNS"}, false, false, CLIENT_DNS, "", ACTION_ACCEPT, ""},
};

TEST_EACH(who_is_silent, silent_rows)
{
    struct conf conf = conf_verify(row->options);
    struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
    struct message_parser *parser = parser_of(ALICE, MESSAGE_OK);
    struct verification found;

    assert_non_null(verifier);
    fake_client.outcome = (struct client_outcome){.verdict = VERDICT_TEMPERROR,
            .step = row->step,
            .is_peer = row->is_peer,
            .defer = row->defer};
    verifier_judge(
            verifier, fake_client_get(), parser, &(struct verifier_envelope){0}, NULL, "", &found);
    assert_int_equal(found.reply.action, row->want);
    assert_memory_equal(found.reply.text, row->reply, strlen(row->reply));
    assert_string_equal(found.field, "mx.example.net; verimail=temperror header.from=example.org");
    message_parser_free(&parser);
    verifier_free(&verifier);
    conf_free(&conf);
}

/* They are among our own domains: a mailbox without a domain could mean one. */
TEST(peers_are_in_the_policy)
{
    struct conf conf = conf_of("verify { authserv_id = mx.example.net }\n"
                               "peer z.example { address = \"127.0.0.1:26\" }\n"
                               "peer \"B\xc3\xbc"
                               "cher.example\" { address = \"[::1]:2626\" }\n");
    assert_non_null(conf.config);
    struct verifier *verifier = verifier_init(conf.config->verify, conf.config);
    assert_non_null(verifier);
    const struct peers *peers = &verifier_policy(verifier)->peers;
    struct message_parser *parser = parser_of("From: ceo\n", MESSAGE_OK);
    char text[ENDPOINT_TEXT_MAX];
    struct verification found;

    assert_non_null(verifier);
    assert_int_equal(peers->count, 2);
    endpoint_format(&peers_find(peers, text_of("xn--bcher-kva.example"))->endpoint, text);
    assert_string_equal(text, "[::1]:2626");
    endpoint_format(&peers_find(peers, text_of("z.example"))->endpoint, text);
    assert_string_equal(text, "127.0.0.1:26");
    verifier_judge(
            verifier, fake_client_get(), parser, &(struct verifier_envelope){0}, NULL, "", &found);
    assert_int_equal(found.verdict, VERDICT_PERMERROR);
    assert_string_equal(found.meant, "z.example");
    message_parser_free(&parser);
    verifier_free(&verifier);
    conf_free(&conf);
}
