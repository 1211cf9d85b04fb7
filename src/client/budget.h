// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_BUDGET_H
#define VERIMAIL_CLIENT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/answer.h"
#include "protocol/text.h"

/* How many questions with another answer than YES are asked (design, section 6): about one author's
 * domain, and at one address. Stamped and unstamped mail have budgets of their own. A client
 * network gets at most 1/BUDGET_SHARE of a domain's budget. Where genuine mail of the domain came
 * from lately there is a reserve of stamped mail: as much as the domain's budget, for all such
 * networks together, and whatever the address's budget. So a flood from elsewhere does not hold
 * them up. Not for two threads at once. */
struct budget;

#define BUDGET_SHARE 8

struct budget *budget_init(void); /* NULL when out of memory */
void budget_free(struct budget **budget);

/* A question that draws on budgets. */
struct budget_claim {
    struct text domain;       /* the author's */
    struct text organization; /* its registrable domain */
    struct text network; /* the SMTP client's; empty: unknown, it has no share and no reserve */
    bool is_stamped;
    bool is_reserved; /* set here: it draws on the reserve */
};

/* Takes a question about the domain before it is asked. False: there is none left. `now`:
 * milliseconds. */
bool budget_take(struct budget *budget, struct budget_claim *claim, uint32_t per_minute,
        uint64_t now) __attribute__((warn_unused_result));
/* Gives it back: the answer was YES, or no question was asked. */
void budget_give_back(struct budget *budget, const struct budget_claim *claim);

enum budget_result {
    BUDGET_SPENT,
    BUDGET_TAKEN,
    BUDGET_RESERVED, /* the address's was spent, but the claim draws on the reserve */
};

/* The same for the machine that is to be asked, after budget_take(). `per_minute`: of the address;
 * `domain_per_minute`: of the domain. */
enum budget_result budget_take_machine(struct budget *budget, struct budget_claim *claim,
        struct text machine, uint32_t per_minute, uint32_t domain_per_minute, uint64_t now)
        __attribute__((warn_unused_result));
/* Gives back what was BUDGET_TAKEN: also where no connection came about, which is the fault of who
 * named the address. */
void budget_give_back_machine(
        struct budget *budget, const struct budget_claim *claim, struct text machine);

/* Whether the answer to a stamped question tells that its payload opened and belongs to the message
 * in some way (design, section 3). */
bool budget_is_genuine(const struct answer *answer);
/* Such an answer came: the client's network has the reserve from now on. */
void budget_note_genuine(struct budget *budget, const struct budget_claim *claim, uint64_t now);

#endif
