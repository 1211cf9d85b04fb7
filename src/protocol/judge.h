// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_JUDGE_H
#define VERIMAIL_PROTOCOL_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/answer.h"
#include "protocol/classic.h"
#include "protocol/payload.h"
#include "protocol/question.h"
#include "protocol/rules.h"

#define JUDGE_FUTURE 300      /* seconds by which a host's clock may be ahead of ours */
#define JUDGE_TESTING_TTL 300 /* seconds, at most, for which ALLOW testing may be kept */

/* What became of the question's payload before it is judged. */
enum payload_state {
    PAYLOAD_STATE_ABSENT,   /* `-` */
    PAYLOAD_STATE_UNOPENED, /* it does not open, for whatever cause */
    PAYLOAD_STATE_SEALED,   /* opened; `sealed` is set */
    PAYLOAD_STATE_CLASSIC,  /* opened; `classic` is set */
};

/* How often this payload was asked about, for step 8. */
enum replay_count {
    REPLAY_SKIPPED, /* replay = "none" */
    REPLAY_PENDING, /* not counted yet */
    REPLAY_WITHIN,  /* its allowance */
    REPLAY_OVER,
    REPLAY_FAILED, /* the store could not count */
};

/* Everything that a judgement rests on, but the count. All of it is borrowed. */
struct judge {
    const struct question *question;
    enum payload_state payload_state;
    const struct payload *sealed;
    const struct classic_payload *classic;
    const struct rules *rules;
    const struct rules_lookup *lookup; /* NULL: all rules are in memory */
    uint64_t purged;   /* Unix seconds: the store forgot what was issued before; 0: nothing */
    uint64_t unix_now; /* seconds */
};

struct judgement {
    /* Reason, ttl and scope are set whether the question is named or not. VERDICT_TEMPERROR:
     * nothing may be answered, because the user's rule cannot be looked up now, or because no step
     * has decided yet. */
    struct answer answer;
    /* Of ALLOW testing, the reason of the NO that it would be if the domain were not under test;
     * else REASON_NONE. */
    enum reason would_be;
    const char *cause; /* one word for the log where it knows more than the wire, else "" */
    unsigned step;     /* the last one taken, 1 to JUDGE_STEPS; in the end the one that decided */
    bool listed;       /* the user has a rule of its own, not that of `*` */

    /* What the rules say, for the log; borrowed from them. Not set when an earlier step decided. */
    const struct domain_policy *policy; /* whose rules judge the user, from step 2 on */
    const struct rule *rule;            /* from step 3 on; NULL: none; as rules_user() gave it */
    struct text matched;                /* the local part whose rule it is */
};

/* Where a judgement stands. */
enum judge_state {
    JUDGE_DECIDED,
    JUDGE_COUNT, /* all before it passed: the payload is to be counted, then judge_counted() */
    JUDGE_NEXT,  /* the step decided nothing: take the next */
};

/* Design section 3: the first step that applies decides. Takes the steps until one does, or until
 * the payload must be counted: JUDGE_DECIDED or JUDGE_COUNT. */
enum judge_state judge_begin(const struct judge *judge, struct judgement *judgement_r)
        __attribute__((warn_unused_result));

/* Decides a judgement that waits for its count. `count`: any but REPLAY_PENDING. */
void judge_counted(struct judgement *judgement, enum replay_count count);

/* The same, one step for each call, so that a person can be shown each. The first call gets a
 * judgement of zeros. After JUDGE_DECIDED and JUDGE_COUNT there is no next step to take. */
enum judge_state judge_step(const struct judge *judge, struct judgement *judgement)
        __attribute__((warn_unused_result));

#define JUDGE_STEPS 9 /* in design section 3 */
/* What step `number`, from 1 on, finds out: "does the payload open and fit the question?". */
const char *judge_about(unsigned number);

/* What is sent for a judgement: to a question without names the verdict alone (the 2013 clients
 * compare the whole line). */
struct answer judge_answer(const struct judgement *judgement, const struct question *question);

#endif
