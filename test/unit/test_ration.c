// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>

#include "events/ration.h"
#include "unit.h"

static const unsigned char seed[16] = "0123456789abcdef";

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

static struct ration *make(size_t workers)
{
    struct ration *ration = ration_init(workers, seed);

    assert_non_null(ration);
    return ration;
}

static struct endpoint from(const char *text)
{
    struct endpoint endpoint;

    assert_true(endpoint_parse(text, &endpoint));
    return endpoint;
}

/* How many of `count` may be logged. */
static unsigned take(struct ration *ration, enum ration_class class, const char *source,
        unsigned count, uint64_t now)
{
    const struct endpoint endpoint = from(source);
    unsigned taken = 0;

    for (unsigned i = 0; i < count; i++)
        taken += ration_take(ration, class, &endpoint, now);
    return taken;
}

TEST(a_network_has_a_ration)
{
    static const struct {
        enum ration_class class;
        unsigned burst;
        unsigned rate;
    } table[] = {{RATION_UNANSWERED, 100, 2}, {RATION_UNOPENED, 100, 2}, {RATION_OPENED, 2000, 50},
            {RATION_CONFIRMED, 2000, 50}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ration *ration = make(1);
        assert_int_equal(take(ration, table[i].class, "192.0.2.1:1", 5000, 1000), table[i].burst);
        assert_int_equal(take(ration, table[i].class, "192.0.2.255:9", 5000, 2000), table[i].rate);
        assert_int_equal(take(ration, table[i].class, "[::ffff:192.0.2.7]:1", 5000, 2000), 0);
        /* Another network, or another class, has its own. */
        assert_int_equal(take(ration, table[i].class, "192.0.3.1:1", 1, 2000), 1);
        assert_int_equal(take(ration, table[i].class, "[2001:db8:7::1]:1", 5000, 2000) > 0, 1);
        assert_int_equal(take(ration, table[i].class, "[2001:db8:7:8::1]:1", 1, 2000), 0);
        assert_int_equal(
                take(ration, (table[i].class + 1) % RATION_CLASSES, "192.0.2.1:1", 1, 0), 1);
        ration_free(&ration);
        assert_null(ration);
    }
}

TEST(all_together_have_a_ration)
{
    static const struct {
        enum ration_class class;
        unsigned burst;
        unsigned rate;
    } table[] = {{RATION_UNANSWERED, 1000, 10}, {RATION_UNOPENED, 1000, 10},
            {RATION_OPENED, 10000, 200}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ration *ration = make(1);
        unsigned taken[2] = {0, 0};
        for (unsigned network = 0; network < 2 * 65536; network++) {
            char source[32];
            snprintf(source, sizeof source, "10.%u.%u.1:1", network >> 8 & 255, network & 255);
            taken[network / 65536] +=
                    take(ration, table[i].class, source, 1, network < 65536 ? 1000 : 2000);
        }
        assert_int_equal(taken[0], table[i].burst);
        assert_int_equal(taken[1], table[i].rate);
        ration_free(&ration);
    }
}

/* The figures are those of the service. */
TEST(workers_share)
{
    static const size_t workers[] = {1, 2, 5, 10, 50, 256};

    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        unsigned sum = 0;
        for (size_t k = 0; k < workers[i]; k++) {
            struct ration *ration = make(workers[i]);
            sum += take(ration, RATION_UNOPENED, "192.0.2.1:1", 200, 1000);
            ration_free(&ration);
        }
        /* Each has at least one at once. */
        if (sum + workers[i] < 100 || sum > (workers[i] > 100 ? workers[i] : 100))
            fail_msg("%zu workers: got %u, want about 100", workers[i], sum);
    }
}

/* A flood from many networks takes nothing from the ration of one that it does not come from, and a
 * network that used its ration gets no new one by that flood. */
TEST(a_flood_from_everywhere)
{
    struct ration *ration = make(1);

    assert_int_equal(take(ration, RATION_UNOPENED, "192.0.2.1:1", 200, 1000), 100);
    for (unsigned network = 0; network < 1000; network++) {
        char source[32];
        snprintf(source, sizeof source, "10.%u.%u.1:1", network >> 8, network & 255);
        (void)take(ration, RATION_UNOPENED, source, 2, 1000);
    }
    assert_int_equal(take(ration, RATION_UNOPENED, "192.0.2.1:1", 200, 1000), 0);
    assert_int_equal(take(ration, RATION_UNOPENED, "192.0.2.1:1", 200, 2000), 2);
    ration_free(&ration);
}

/* What comes from nowhere in particular has only the ration of all together. */
TEST(a_source_that_is_not_known)
{
    struct ration *ration = make(1);
    unsigned taken = 0;

    for (unsigned i = 0; i < 5000; i++)
        taken += ration_take(ration, RATION_UNOPENED, NULL, 1000);
    assert_int_equal(taken, 1000);
    assert_int_equal(take(ration, RATION_UNOPENED, "192.0.2.1:1", 1, 1000), 0);
    ration_free(&ration);
}
