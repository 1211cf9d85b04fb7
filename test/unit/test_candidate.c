// SPDX-License-Identifier: ISC
#include "milter/candidate.h"

#include <sodium.h>
#include <string.h>

#include "folder.h"
#include "unit.h"

#define VERIFY(options) "verify { authserv_id = mx.example.net\n" options " }\n"
#define STAMP                                                                                      \
    "stamp { host = m.example.org\nkey = \"/nonexistent\"\nservice_key = "                         \
    "\"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\"\n"                        \
    "domains = {example.org} }\n"
#define MILTER(options) "milter { socket = \"unix:/s\"\n" options " }\n"

static struct folder folder;

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static bool read_config(
        const char *config, struct candidate *candidate_r, struct problems *problems)
{
    char path[FOLDER_PATH_MAX];

    folder_write(&folder, "conf", config, strlen(config), 0644);
    folder_path(&folder, "conf", path);
    return candidate_read(path, candidate_r, problems);
}

static const struct {
    struct unit_row row;
    const char *first;
    const char *now;
    const char *want;
} changes[] = {
        {{"nothing"}, VERIFY("") MILTER("run_as = nobody"), VERIFY("") MILTER("run_as = nobody"),
                ""},
        {{"what takes no restart"}, VERIFY("") MILTER("run_as = nobody"),
                VERIFY("mode = monitor on_no = mark")
                        MILTER("run_as = nobody trusted_networks = {} logins = any"),
                ""},
        {{"the socket"}, VERIFY("") "milter { socket = \"unix:/s\" run_as = nobody }",
                VERIFY("") "milter { socket = \"inet:10026@127.0.0.1\" run_as = nobody }",
                "f:3: socket: inet:10026@127.0.0.1: expected a restart to change it\n"},
        {{"its mode and its group"}, VERIFY("") MILTER("run_as = nobody"),
                VERIFY("") MILTER("run_as = nobody socket_mode = 0600 socket_group = daemon"),
                "f:4: socket_group: daemon: expected a restart to change it\n"
                "f:3: socket_mode: expected a restart to change it\n"},
        {{"the user"}, VERIFY("") MILTER("run_as = nobody"), VERIFY("") MILTER("run_as = daemon"),
                "f:4: run_as: daemon: expected a restart to change it\n"},
        {{"the resolver"}, VERIFY("resolver = \"127.0.0.1\"") MILTER("run_as = nobody"),
                VERIFY("resolver = \"127.0.0.2\"") MILTER("run_as = nobody"),
                "f:2: resolver: 127.0.0.2: expected a restart to change it\n"},
        {{"no trust anchors"}, VERIFY("") MILTER("run_as = nobody"),
                VERIFY("trust_anchors = {}") MILTER("run_as = nobody"),
                "f:1: trust_anchors: expected a restart to change them\n"},
        {{"a new section verify"},
                "stamp { host = m.example.org\nkey = \"/nonexistent\"\n"
                "service_key = "
                "\"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\"\n"
                "domains = {example.org} }\n" MILTER("run_as = nobody"),
                VERIFY("") MILTER("run_as = nobody"),
                "f:1: a new section `verify`: expected a restart: until then nothing is "
                "verified\n"},
        {{"no section verify"}, VERIFY("resolver = \"127.0.0.1\"") MILTER("run_as = nobody"),
                "stamp { host = m.example.org\nkey = \"/nonexistent\"\n"
                "service_key = "
                "\"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\"\n"
                "domains = {example.org} }\n" MILTER("run_as = nobody"),
                ""},
};

TEST_EACH(change, changes)
{
    struct problems *problems = problems_init("f");
    struct problems *warnings = problems_init("f");
    struct candidate first;
    struct candidate now;

    assert_non_null(problems);
    assert_non_null(warnings);
    (void)!read_config(row->first, &first, problems);
    (void)!read_config(row->now, &now, problems);
    if (first.config == NULL || now.config == NULL)
        print_error("%s", problems_text(problems));
    assert_non_null(first.config);
    assert_non_null(now.config);
    candidate_warn_of_restart(&now, first.config, warnings);
    assert_string_equal(problems_text(warnings), row->want);
    candidate_clear(&first);
    candidate_clear(&now);
    problems_free(&problems);
    problems_free(&warnings);
}

static const struct {
    struct unit_row row;
    const char *config;
    bool want;
    const char *said; /* one of the problems; NULL: there are none */
    size_t count;
} readings[] = {
        {{"good"}, VERIFY("") MILTER("run_as = nobody"), true, NULL, 0},
        {{"several sections"},
                VERIFY("") "milter a { socket = \"unix:/a\" run_as = nobody }\n"
                           "milter b { socket = \"unix:/b\" logins = any }\n",
                true, NULL, 0},
        {{"a table of logins of the second one"},
                VERIFY("") "milter a { socket = \"unix:/a\" run_as = nobody }\n"
                           "milter b { socket = \"unix:/b\" logins = \"/nonexistent\" }\n",
                false, "f:4: unusable table of logins", 1},
        {{"several sections, one without a name"},
                VERIFY("") "milter { socket = \"unix:/a\" run_as = nobody }\n"
                           "milter b { socket = \"unix:/b\" }\n",
                false, "several sections `milter`, and one without a name", 1},
        {{"two of one name"},
                VERIFY("") "milter b { socket = \"unix:/a\" run_as = nobody }\n"
                           "milter b { socket = \"unix:/b\" }\n",
                false, "a second milter: b", 1},
        {{"two at one socket"},
                VERIFY("") "milter a { socket = \"unix:/a\" run_as = nobody }\n"
                           "milter b { socket = \"unix:/a\" }\n",
                false, "a second milter at one socket: unix:/a", 1},
        {{"the daemon's options in a later section"},
                VERIFY("") "milter a { socket = \"unix:/a\" }\n"
                           "milter b { socket = \"unix:/b\" run_as = nobody }\n",
                false, "in a later section `milter`: expected them in the first one", 1},
        {{"a name that is none"}, VERIFY("") "milter \"a b\" { socket = \"unix:/a\" }\n", false,
                "bad milter: a b: expected 1 to 32 of a-z, 0-9 and -", 1},
        {{"a syntax error"}, "milter {", false, ":1: ", 1},
        {{"no section"}, VERIFY(""), false, "no section: milter", 1},
        {{"a group"}, VERIFY("") MILTER("run_as = nobody socket_group = no-such-group"), false,
                "socket_group: no-such-group: expected a group of this machine", 1},
        {{"all in one go"},
                "stamp { host = m.example.org\nkey = \"/nonexistent/key\"\n"
                "service_key = "
                "\"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\"\n"
                "domains = {example.org} }\n" MILTER(
                        "run_as = nobody socket_group = no-such-group logins = \"/nonexistent\""),
                false, "unusable table of logins", 3},
};

TEST_EACH(reading, readings)
{
    struct problems *problems = problems_init("f");
    struct candidate candidate;

    assert_non_null(problems);
    assert_int_equal(read_config(row->config, &candidate, problems), row->want);
    if (problems_count(problems) != row->count ||
            (row->said != NULL && strstr(problems_text(problems), row->said) == NULL))
        fail_msg("want %zu with \"%s\", got: %s", row->count, row->said != NULL ? row->said : "",
                problems_text(problems));
    candidate_clear(&candidate);
    candidate_clear(&candidate);
    problems_free(&problems);
}

#define MARK "relayed_mark = \"X-Our-Gateway: 0123456789abcdef\""
#define BEHIND                                                                                     \
    ": expected mail to be refused that a domain says NO to: a forgery from outside that is "      \
    "forwarded would leave with your stamp\n"
#define PEER "peer example.org { address = \"127.0.0.1:26\" }\n"
#define DOMAIN(options) "domain example.org { " options " }\n"

struct warned {
    struct unit_row row;
    const char *config;
    const char *want;
};

static const struct warned relays[] = {
        {{"nothing relayed"}, STAMP MILTER(""), ""},
        {{"all refused"}, STAMP VERIFY("") PEER MILTER("stamp_relayed = {lists}\n" MARK), ""},
        {{"no peer"}, STAMP VERIFY("") MILTER("stamp_relayed = {lists}"),
                "f:8: stamp_relayed beside a stamped domain without a section `peer`" BEHIND},
        {{"nothing stamped"}, VERIFY("mode = monitor") MILTER("stamp_relayed = {lists}"), ""},
        {{"nothing verified"}, STAMP MILTER("stamp_relayed = {lists}"),
                "f:6: stamp_relayed beside no section `verify`" BEHIND},
        {{"monitor"}, STAMP VERIFY("mode = monitor") MILTER("stamp_relayed = {lists}\n" MARK),
                "f:8: stamp_relayed beside mode = monitor" BEHIND
                "f:9: relayed_mark beside mode = monitor" BEHIND},
        {{"mark"}, STAMP VERIFY("on_no = mark") MILTER(MARK),
                "f:8: relayed_mark beside an on_no other than reject" BEHIND},
        {{"quarantine"}, STAMP VERIFY("on_no = quarantine") MILTER(MARK),
                "f:8: relayed_mark beside an on_no other than reject" BEHIND},
        {{"testing"}, STAMP VERIFY("") DOMAIN("testing = yes") MILTER(MARK),
                "f:9: relayed_mark beside testing = yes of a domain that is stamped" BEHIND},
        {{"another domain's"},
                STAMP VERIFY("") PEER "domain example.com { testing = yes }\n" MILTER(MARK), ""},
};

static void warns(const struct warned *row,
        void (*warn)(const struct candidate *candidate, struct problems *warnings))
{
    struct problems *problems = problems_init("f");
    struct problems *warnings = problems_init("f");
    struct candidate candidate;

    assert_non_null(problems);
    assert_non_null(warnings);
    folder_write(&folder, "conf", row->config, strlen(row->config), 0600);
    char path[FOLDER_PATH_MAX];
    folder_path(&folder, "conf", path);
    (void)!candidate_read(path, &candidate, problems);
    if (candidate.config == NULL)
        print_error("%s", problems_text(problems));
    assert_non_null(candidate.config);
    warn(&candidate, warnings);
    assert_string_equal(problems_text(warnings), row->want);
    candidate_clear(&candidate);
    problems_free(&problems);
    problems_free(&warnings);
}

TEST_EACH(relay, relays)
{
    warns(row, candidate_warn_of_relays);
}

#define EVERY " has a name that every listener of a mail server bears: "
#define NAME_EXPECTED                                                                              \
    ": expected a name of its own for that listener (milter_macro_daemon_name in Postfix's "       \
    "master.cf): strangers' mail would leave with your stamp\n"

static const struct warned daemons[] = {
        {{"a name of its own"},
                STAMP MILTER("trusted_daemons = {submission}\nstamp_relayed = {lists}"), ""},
        {{"Postfix's own"}, STAMP MILTER("trusted_daemons = {submission, \"M.example.org\"}"),
                "f:6: trusted_daemons" EVERY "M.example.org" NAME_EXPECTED},
        {{"sendmail's own"}, STAMP MILTER("trusted_daemons = {MTA}\nstamp_relayed = {\"MTA-v4\"}"),
                "f:6: trusted_daemons" EVERY "MTA" NAME_EXPECTED "f:7: stamp_relayed" EVERY
                "MTA-v4" NAME_EXPECTED},
        {{"nothing stamped"}, VERIFY("") MILTER("trusted_daemons = {MTA}"), ""},
};

TEST_EACH(daemon, daemons)
{
    warns(row, candidate_warn_of_daemons);
}
