// SPDX-License-Identifier: ISC
#include "report/note.h"
#include "report/section.h"
#include "report/words.h"

/* The lists of the service's part, in their order: what you have to do something about stands
 * first.
 */

static void service_note_stamped(const json_t *entry, FILE *out)
{
    const struct text cause = note_text(entry, "cause");

    note_put_word(out, words_cause(cause), cause);
    note_put(out, "stamped by ", note_text(entry, "host"));
}

static const char *service_advise_cause(const json_t *entry)
{
    return words_cause_advice(note_text(entry, "cause"));
}

static void service_note_network(const json_t *entry, FILE *out)
{
    const struct text reason = note_text(entry, "reason");

    note_put_word(out, words_reason(text_of("NO"), reason), reason);
    note_put(out, "from ", note_text(entry, "network"));
    note_put_count(out, "as ", entry, "genuine", " YES");
}

static const char *service_advise_network(const json_t *entry)
{
    return words_network_advice(note_text(entry, "reason"));
}

static void service_note_listed(const json_t *entry, FILE *out)
{
    if (json_is_false(json_object_get(entry, "listed")))
        note_put(out, "", text_of("no rule of its own"));
}

static void service_note_reason(const json_t *entry, FILE *out)
{
    const struct text reason = note_text(entry, "reason");

    note_put_word(out, words_reason(note_text(entry, "verdict"), reason), reason);
}

static const char *service_advise_reason(const json_t *entry)
{
    return words_reason_advice(note_text(entry, "verdict"), note_text(entry, "reason"));
}

static void service_note_host(const json_t *entry, FILE *out)
{
    note_put(out, "stamped by ", note_text(entry, "host"));
}

static void service_note_stamp(const json_t *entry, FILE *out)
{
    note_put_count(out, "", entry, "texts", " texts");
    note_put(out, "stamp ", note_text(entry, "stamp"));
    note_put(out, "of ", note_text(entry, "issued"));
}

static void service_note_first(const json_t *entry, FILE *out)
{
    note_put_minute(out, "since ", entry, "first");
}

#define QUESTIONS .value = "questions", .unit = "Questions"
#define TESTING "When only forgeries are left: `verimail enforce origin`"

static const struct section service_lists[] = {
        {.title = "Your own mail that was refused",
                .about = "A host of yours stamped it, and your own rules refuse it.",
                .heading = "User",
                .path = "refused.own.stamped",
                .key = "user",
                .look = "no",
                QUESTIONS,
                .note = service_note_stamped,
                .advice = service_advise_cause,
                .next = "Then try it: `verimail explain --user USER`"},
        {.title = "Refused, from networks that send your genuine mail",
                .about = "Probably your own mail: the network also sent mail that was answered "
                         "YES.",
                .heading = "User",
                .path = "refused.own.networks",
                .key = "user",
                .look = "no",
                QUESTIONS,
                .note = service_note_network,
                .advice = service_advise_network},
        {.title = "Your own mail that would be refused",
                .about = "The domain is under test. A host of yours stamped this mail, and your "
                         "own rules would refuse it.",
                .heading = "User",
                .path = "testing.own.stamped",
                .key = "user",
                .look = "allow",
                QUESTIONS,
                .note = service_note_stamped,
                .advice = service_advise_cause,
                .next = "Then try it: `verimail explain --user USER`"},
        {.title = "Would be refused, from networks that send your genuine mail",
                .about = "The domain is under test. This is probably your own mail: the network "
                         "also sent mail that was answered YES.",
                .heading = "User",
                .path = "testing.own.networks",
                .key = "user",
                .look = "allow",
                QUESTIONS,
                .note = service_note_network,
                .advice = service_advise_network},
        {.title = "Would be refused: other mail in your name",
                .about = "The domain is under test. These messages came from networks that sent "
                         "no genuine mail.",
                .heading = "User",
                .path = "testing.forgeries.users",
                .key = "user",
                .look = "allow",
                QUESTIONS,
                .note = service_note_listed,
                .next = TESTING},
        {.title = "Would be refused: where it came from",
                .about = "The networks of that mail, as receiving servers report them.",
                .heading = "Network",
                .path = "testing.forgeries.networks",
                .key = "network",
                .unnamed = "(not reported)",
                .look = "allow",
                QUESTIONS,
                .next = "If a network is yours, let its mail go through a server with "
                        "verimail-milter. " TESTING},
        {.title = "Stamps with many texts",
                .about = "A mailing list changed these messages, or somebody forges mail with a "
                         "stamp that leaked.",
                .heading = "User",
                .path = "stamps",
                .key = "user",
                .look = "allow",
                QUESTIONS,
                .note = service_note_stamp,
                .next = "If no list explains it, take back what the user sent until now: `verimail "
                        "revoke --sent USER`"},
        {.title = "Replayed messages",
                .about = "Copies of genuine messages, more of them than were sent. Receivers were "
                         "told ALLOW.",
                .heading = "User",
                .path = "replays",
                .key = "user",
                .look = "allow",
                QUESTIONS,
                .note = service_note_host,
                .next = "A mailing list or a forward explains a few. Look at many: `verimail watch "
                        "--verdict ALLOW --user USER`"},
        {.title = "New sending hosts",
                .about = "Hosts that stamped mail in this time, and not in the 90 days before.",
                .heading = "Host",
                .path = "new_hosts",
                .not_known = "New sending hosts are not known: the record has nothing before "
                             "this time.",
                .key = "host",
                .look = "other",
                QUESTIONS,
                .note = service_note_first,
                .next = "If you did not set a host up, remove its section host, and run `systemctl "
                        "reload verimaild`."},
        {.title = "Addresses that were forged",
                .about = "Mail in these names was answered NO, and came from networks that sent no "
                         "genuine mail.",
                .heading = "User",
                .path = "refused.forgeries.users",
                .key = "user",
                .look = "no",
                QUESTIONS,
                .note = service_note_listed,
                .next = "Nothing to do: receivers were told. Look at them: `verimail watch "
                        "--verdict NO --user USER`"},
        {.title = "Where forgeries came from",
                .about = "Networks, as receiving servers report them.",
                .heading = "Network",
                .path = "refused.forgeries.networks",
                .key = "network",
                .unnamed = "(not reported)",
                .look = "no",
                QUESTIONS,
                .next = "If a network is yours, let its mail go through a server with "
                        "verimail-milter. Otherwise there is nothing to do."},
        {.title = "Where forgeries went to",
                .about = "Receiving domains whose servers asked about them.",
                .heading = "Domain",
                .path = "refused.forgeries.receiving",
                .key = "domain",
                .look = "no",
                QUESTIONS,
                .next = "Nothing to do: these domains ask, so they can refuse."},
        {.title = "Addresses without a rule of their own",
                .about = "Unstamped mail in these names was answered NO. Others invent such "
                         "addresses; or a user was forgotten.",
                .heading = "User",
                .path = "unlisted",
                .key = "user",
                .look = "other",
                QUESTIONS,
                .next = "If an address is yours, write `user \"NAME\" { }` into the section "
                        "domain, or use `verimail table set FILE USER`."},
        {.title = "Why NO",
                .about = "The reasons of all answers NO. What needs you stands in the lists above.",
                .heading = "Reason",
                .path = "reasons",
                .key = "reason",
                .verdict = "NO",
                .look = "no",
                QUESTIONS,
                .note = service_note_reason,
                .advice = service_advise_reason},
        {.title = "Why ALLOW",
                .about = "Why receivers were told to judge by their usual checks. Most of it needs "
                         "nothing.",
                .heading = "Reason",
                .path = "reasons",
                .key = "reason",
                .verdict = "ALLOW",
                .look = "allow",
                QUESTIONS,
                .note = service_note_reason,
                .advice = service_advise_reason},
};

_Static_assert(sizeof service_lists / sizeof *service_lists <= SECTION_MOST, "room for all");

const struct section_part service_sections = {
        .name = "service",
        .title = "Your domains: what receiving servers asked",
        .sections = service_lists,
        .count = sizeof service_lists / sizeof *service_lists,
};
