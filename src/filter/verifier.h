// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_VERIFIER_H
#define VERIMAIL_FILTER_VERIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/client.h"
#include "config/config.h"
#include "protocol/message_parser.h"
#include "protocol/results.h"

/* What a receiving host does with a message (design, sections 6 and 7), made of the section
 * `verify`: the rules of one configuration. It is not changed after. */
struct verifier;

/* `verify` is borrowed. NULL when out of memory. */
struct verifier *verifier_init(const struct config_verify *verify);
void verifier_free(struct verifier **verifier);

/* How the network may be asked; for who asks about no message. */
const struct client_policy *verifier_policy(const struct verifier *verifier);

/* What discovery_init() is to be given; borrows from `verify`. `anchors_r` has room for as many as
 * verify->trust_anchors. */
struct discovery_options verifier_discovery(
        const struct config_verify *verify, const char **anchors_r);

/* What was found out about a message. */
struct verification {
    enum verdict verdict;
    struct text reason;           /* one word; empty: none. Design section 3 has it, or it is of
                                   * message_parser_fault_word(), or TEMPERROR: client_step_word() */
    const struct address *author; /* borrowed from the letter; NULL when it names none: PERMERROR,
                                   * or MESSAGE_PARSER_MEMORY, which is a TEMPERROR */
    enum message_parser_fault fault; /* why there is none */
    size_t stamps;                   /* of the author, in the message */
    bool asked;                      /* `outcome` is set */
    struct client_outcome outcome;
};

/* Judges a message that message_parser_end() ended. `rcpt`, `ip`: as in client.h. */
void verifier_judge(const struct verifier *verifier, struct client *client,
        const struct message_parser *letter, struct text rcpt, struct text ip,
        struct verification *verification_r);

/* The value of our field, of at most RESULTS_VALUE_MAX octets. False, with nothing to be used in
 * `w`, when the verdict is none, when `verify` has no authserv_id, or when there is no room. */
bool verifier_results(const struct verifier *verifier, const struct verification *verification,
        const char *eol, struct writer *w) __attribute__((warn_unused_result));

enum action {
    ACTION_ACCEPT, /* nothing was found, or it is only marked */
    ACTION_QUARANTINE,
    ACTION_TEMPFAIL,
    ACTION_REJECT,
};

const char *action_name(enum action action); /* "accept" ... */

#define VERIFIER_REPLY_MAX 512

/* What is to be done, in `mode = enforce`. A spent budget and short memory are a TEMPFAIL whatever
 * on_temperror says: a flood does not switch the protection off. For TEMPFAIL and REJECT `code_r`
 * and `status_r` are the reply ("550", "5.7.1"; static strings) and `text_r` its text, in which
 * nothing is from the network but the author's domain, which passed domain.h; else all are empty.
 */
enum action verifier_action(const struct verifier *verifier,
        const struct verification *verification, const char **code_r, const char **status_r,
        char text_r[VERIFIER_REPLY_MAX]);
bool verifier_is_monitor(const struct verifier *verifier);

#endif
