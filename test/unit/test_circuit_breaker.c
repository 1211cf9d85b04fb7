// SPDX-License-Identifier: ISC
#include "client/circuit_breaker.h"
#include "unit.h"

static struct endpoint at(const char *text)
{
    struct endpoint endpoint;

    assert_true(endpoint_parse(text, &endpoint));
    return endpoint;
}

static void ask(
        struct circuit_breaker *breaker, const struct endpoint *endpoint, bool failed, uint64_t now)
{
    assert_int_equal(circuit_breaker_enter(breaker, endpoint, now), CIRCUIT_BREAKER_GO);
    circuit_breaker_done(breaker, endpoint, true, failed, now);
}

TEST(rests_after_failures)
{
    struct circuit_breaker *breaker = circuit_breaker_init(10);
    const struct endpoint a = at("192.0.2.1:26");
    const struct endpoint other_port = at("192.0.2.1:27");

    assert_non_null(breaker);
    ask(breaker, &a, true, 0);
    ask(breaker, &a, true, 0);
    ask(breaker, &a, false, 0); /* in a row: this one begins anew */
    ask(breaker, &a, true, 0);
    ask(breaker, &a, true, 0);
    ask(breaker, &a, true, 1000);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 1000), CIRCUIT_BREAKER_REST_NOW);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 1000 + CIRCUIT_BREAKER_REST - 1),
            CIRCUIT_BREAKER_REST_NOW);
    ask(breaker, &other_port, false, 1000);
    /* One at a time tries again. */
    assert_int_equal(
            circuit_breaker_enter(breaker, &a, 1000 + CIRCUIT_BREAKER_REST), CIRCUIT_BREAKER_GO);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 1000 + CIRCUIT_BREAKER_REST),
            CIRCUIT_BREAKER_REST_NOW);
    circuit_breaker_done(breaker, &a, true, true, 1000 + CIRCUIT_BREAKER_REST);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 1000 + 2 * CIRCUIT_BREAKER_REST - 1),
            CIRCUIT_BREAKER_REST_NOW);
    ask(breaker, &a, false, 1000 + 2 * CIRCUIT_BREAKER_REST);
    ask(breaker, &a, true, 1000 + 2 * CIRCUIT_BREAKER_REST);
    circuit_breaker_free(&breaker);
    circuit_breaker_free(&breaker);
}

TEST(what_was_not_tried_says_nothing)
{
    struct circuit_breaker *breaker = circuit_breaker_init(10);
    const struct endpoint a = at("[2001:db8::1]:26");

    assert_non_null(breaker);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(circuit_breaker_enter(breaker, &a, i), CIRCUIT_BREAKER_GO);
        circuit_breaker_done(breaker, &a, false, true, i);
    }
    circuit_breaker_free(&breaker);
}

TEST(connections_are_counted)
{
    struct circuit_breaker *breaker = circuit_breaker_init(1);
    const struct endpoint a = at("192.0.2.1:26");
    const struct endpoint mapped = at("[::ffff:192.0.2.1]:26");
    const struct endpoint b = at("192.0.2.2:26");

    assert_non_null(breaker);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_CONNECTIONS; i++)
        assert_int_equal(circuit_breaker_enter(breaker, &a, 0), CIRCUIT_BREAKER_GO);
    assert_int_equal(circuit_breaker_enter(breaker, &mapped, 0), CIRCUIT_BREAKER_FULL);
    assert_int_equal(circuit_breaker_enter(breaker, &b, 0),
            CIRCUIT_BREAKER_FULL); /* no room for another place */
    circuit_breaker_done(breaker, &a, true, false, 0);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 0), CIRCUIT_BREAKER_GO);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_CONNECTIONS; i++)
        circuit_breaker_done(breaker, &a, true, false, 0);
    ask(breaker, &b, false, 0);
    circuit_breaker_free(&breaker);
}

/* Nobody waits for room at a place that does not answer. */
TEST(rest_goes_before_full)
{
    struct circuit_breaker *breaker = circuit_breaker_init(10);
    const struct endpoint a = at("192.0.2.1:26");

    assert_non_null(breaker);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_CONNECTIONS; i++)
        assert_int_equal(circuit_breaker_enter(breaker, &a, 0), CIRCUIT_BREAKER_GO);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_FAILURES; i++) {
        assert_int_equal(circuit_breaker_enter(breaker, &a, 0),
                i == 0 ? CIRCUIT_BREAKER_FULL : CIRCUIT_BREAKER_GO);
        circuit_breaker_done(breaker, &a, true, true, 0);
    }
    assert_int_equal(circuit_breaker_enter(breaker, &a, 0), CIRCUIT_BREAKER_REST_NOW);
    circuit_breaker_free(&breaker);
}

/* What rests is known as long as somebody wants to go there. */
TEST(who_is_forgotten)
{
    struct circuit_breaker *breaker = circuit_breaker_init(2);
    const struct endpoint a = at("192.0.2.1:26");
    const struct endpoint b = at("192.0.2.2:26");
    const struct endpoint c = at("192.0.2.3:26");

    assert_non_null(breaker);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_FAILURES; i++)
        ask(breaker, &a, true, 0);
    ask(breaker, &b, false, 0);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 1), CIRCUIT_BREAKER_REST_NOW);
    ask(breaker, &c, false, 2);
    assert_int_equal(circuit_breaker_enter(breaker, &a, 3), CIRCUIT_BREAKER_REST_NOW);
    ask(breaker, &b, false, 4);
    ask(breaker, &c, false, 5);
    ask(breaker, &a, false, 6);
    circuit_breaker_free(&breaker);
}
