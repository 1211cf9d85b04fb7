// SPDX-License-Identifier: ISC
#include "client/budget.h"

#include "unit.h"

#define PER_MINUTE 80 /* a share is 10 */
#define PER_ADDRESS 200
#define MACHINE text_of("machine")

static struct budget *budget;

BEFORE_EACH()
{
    budget = budget_init();
    assert_non_null(budget);
}

AFTER_EACH()
{
    budget_free(&budget);
    budget_free(&budget);
}

static struct budget_claim claim_of(const char *network, bool is_stamped)
{
    return (struct budget_claim){.domain = text_of("mail.a.test"),
            .organization = text_of("a.test"),
            .network = text_of(network),
            .is_stamped = is_stamped};
}

/* How many of so many questions at time 0 may be asked. */
static unsigned taken(const char *network, bool is_stamped, unsigned tries)
{
    unsigned count = 0;

    for (unsigned i = 0; i < tries; i++) {
        struct budget_claim claim = claim_of(network, is_stamped);
        count += budget_take(budget, &claim, PER_MINUTE, 0);
    }
    return count;
}

static void know(const char *network)
{
    const struct budget_claim claim = claim_of(network, true);

    budget_note_genuine(budget, &claim, 0);
}

/* Eight networks use up what others could. */
static void exhaust(bool is_stamped)
{
    static const char *const networks[] = {"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8"};

    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        assert_int_equal(taken(networks[i], is_stamped, 100), PER_MINUTE / BUDGET_SHARE);
}

TEST(a_network_has_a_share)
{
    assert_int_equal(taken("n", true, 100), PER_MINUTE / BUDGET_SHARE);
    assert_int_equal(taken("n", false, 100), PER_MINUTE / BUDGET_SHARE);
    assert_int_equal(taken("m", true, 3), 3);
    /* One that is unknown has the domain's limit alone. */
    assert_int_equal(taken("", true, 100), PER_MINUTE - PER_MINUTE / BUDGET_SHARE - 3);
    assert_int_equal(taken("m", true, 1), 0);
    assert_int_equal(taken("m", false, 1), 1);
}

TEST(a_small_budget_has_shares)
{
    struct budget_claim claim = claim_of("n", true);
    struct budget_claim other = claim_of("m", true);

    assert_true(budget_take(budget, &claim, 2, 0));
    assert_false(budget_take(budget, &claim, 2, 0));
    assert_true(budget_take(budget, &other, 2, 0));
}

TEST(networks_that_are_known_have_a_reserve)
{
    know("good");
    know("f1");
    exhaust(true);
    assert_int_equal(taken("other", true, 10), 0);
    assert_int_equal(taken("f1", true, 10), 0); /* its share is spent */
    assert_int_equal(taken("good", true, 100), PER_MINUTE / BUDGET_SHARE);
    exhaust(false);
    assert_int_equal(taken("good", false, 10), 0); /* it is for stamped mail */
}

/* All networks of a domain have one. */
TEST(the_reserve_is_a_budget)
{
    static const char *const networks[] = {"k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9"};
    unsigned count = 0;

    exhaust(true);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        know(networks[i]);
        count += taken(networks[i], true, 100);
    }
    assert_int_equal(count, PER_MINUTE);
}

TEST(what_is_given_back)
{
    struct budget_claim claim = claim_of("good", true);

    know("good");
    exhaust(true);
    for (unsigned i = 0; i < 10 * PER_MINUTE; i++) {
        assert_true(budget_take(budget, &claim, PER_MINUTE, 0));
        assert_true(claim.is_reserved);
        budget_give_back(budget, &claim);
    }
    claim = claim_of("n", false);
    for (unsigned i = 0; i < 10 * PER_MINUTE; i++) {
        assert_true(budget_take(budget, &claim, PER_MINUTE, 0));
        assert_false(claim.is_reserved);
        budget_give_back(budget, &claim);
    }
    /* What could not be taken leaves nothing behind. */
    assert_int_equal(taken("late", true, 100), 0);
    assert_int_equal(taken("late", false, 100), PER_MINUTE / BUDGET_SHARE);
}

static enum budget_result take_machine(struct budget_claim *claim)
{
    return budget_take_machine(budget, claim, MACHINE, PER_ADDRESS, PER_MINUTE, 0);
}

TEST(a_machine_has_a_budget)
{
    struct budget_claim claim = claim_of("", true);
    struct budget_claim good = claim_of("good", true);
    struct budget_claim unstamped = claim_of("good", false);

    know("good");
    for (unsigned i = 0; i < PER_ADDRESS; i++)
        assert_int_equal(take_machine(&claim), BUDGET_TAKEN);
    assert_int_equal(take_machine(&claim), BUDGET_SPENT);
    assert_int_equal(take_machine(&unstamped), BUDGET_TAKEN);
    /* Whoever has the reserve goes on with it, and gives the domain's budget back. */
    assert_int_equal(taken("", true, PER_MINUTE - 1), PER_MINUTE - 1);
    assert_true(budget_take(budget, &good, PER_MINUTE, 0));
    assert_false(good.is_reserved);
    assert_int_equal(take_machine(&good), BUDGET_RESERVED);
    assert_true(good.is_reserved);
    assert_int_equal(take_machine(&good), BUDGET_RESERVED);
    assert_int_equal(taken("", true, 10), 1);
    budget_give_back_machine(budget, &claim, MACHINE);
    assert_int_equal(take_machine(&claim), BUDGET_TAKEN);
    assert_int_equal(take_machine(&claim), BUDGET_SPENT);
}

TEST(answers_that_tell_of_genuine_mail)
{
    static const struct {
        const char *line;
        bool want;
    } table[] = {
            {"YES stamped\r\n", true},
            {"YES\r\n", true},
            {"ALLOW redirected\r\n", true},
            {"ALLOW changed\r\n", true},
            {"ALLOW replayed\r\n", true},
            {"ALLOW expired\r\n", true},
            {"ALLOW uncounted\r\n", true},
            {"ALLOW classic\r\n", true},
            {"ALLOW host\r\n", true},
            {"ALLOW unserved\r\n", true},
            {"ALLOW unstamped\r\n", false},
            {"ALLOW testing\r\n", false},
            {"ALLOW\r\n", false},
            {"NO forged\r\n", false},
            {"NO refused\r\n", false},
            {"NO unstamped\r\n", false},
            {"NO\r\n", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct answer answer;
        assert_true(answer_parse(text_of(table[i].line), true, &answer));
        if (budget_is_genuine(&answer) != table[i].want) {
            print_error("%s: want %d\n", table[i].line, table[i].want);
            fail();
        }
    }
}
