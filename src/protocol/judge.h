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

#define JUDGE_FUTURE 300 /* seconds by which a host's clock may be ahead of ours */

/* What became of the question's payload before it is judged. */
enum payload_state {
    PAYLOAD_STATE_ABSENT,   /* `-` */
    PAYLOAD_STATE_UNOPENED, /* it does not open, for whatever cause */
    PAYLOAD_STATE_SEALED,   /* opened; `sealed` is set */
    PAYLOAD_STATE_CLASSIC,  /* opened; `classic` is set */
};

/* Step 10, as far as it is known when the judge is asked. */
enum replay_count {
    REPLAY_SKIPPED, /* replay = "none" */
    REPLAY_PENDING, /* not counted yet: judge() says whether it must be */
    REPLAY_WITHIN,  /* its allowance */
    REPLAY_OVER,
    REPLAY_FAILED, /* the store could not count */
};

/* Everything the judgement rests on; all of it borrowed, nothing kept. */
struct judge_case {
    const struct question *question;
    enum payload_state payload_state;
    const struct payload *sealed;
    const struct classic_payload *classic;
    const struct rules *rules;
    const struct rules_elsewhere *elsewhere; /* NULL: all rules are in memory */
    enum replay_count replay;
    uint64_t purged; /* Unix seconds: the store forgot what was issued before; 0: nothing */
    uint64_t now;    /* Unix seconds */
};

struct judgement {
    /* Reason, ttl and scope are set whether the question is named or not. VERDICT_TEMPERROR: the
     * user's rule cannot be looked up now, and nothing may be answered. */
    struct answer answer;
    const char *cause; /* one word for the log where it knows more than the wire, else "" */
    unsigned step;     /* of design section 3 that decided, 1 to 11 */
    bool must_count;   /* the replay count is pending, and all before it passed: no answer yet */
    bool listed;       /* the user has a rule of his own, not that of `*` */

    /* What the rules say, for the log; borrowed from them. Not set when an earlier step decided. */
    const struct domain_policy *policy; /* of the user's domain, from step 2 on */
    const struct rule *rule;            /* from step 3 on; NULL: none; as rules_user() gave it */
    struct text matched;                /* the local part whose rule it is */
};

/* Design section 3: the first step that applies decides. */
void judge(const struct judge_case *judge_case, struct judgement *judgement_r);

/* Goes on with a judgement that must_count, once that is done: steps 10 and 11. `replay`: any but
 * REPLAY_PENDING. */
void judge_counted(struct judgement *judgement, enum replay_count replay);

/* The steps in their order, so that a person can be shown each. They work on one judgement, all
 * zero before the first of them. */
struct judge_step {
    unsigned number;   /* in design section 3 */
    const char *about; /* "the payload opens and fits the question" */
    /* Returns true when it decided; the steps behind it must then not be taken. */
    bool (*decide)(const struct judge_case *judge_case, struct judgement *judgement);
};
extern const struct judge_step judge_steps[];
extern const unsigned judge_steps_count;

/* What is sent for a judgement: to a question without names the verdict alone (the 2013 clients
 * compare the whole line). */
struct answer judge_answer(const struct judgement *judgement, const struct question *question);

#endif
