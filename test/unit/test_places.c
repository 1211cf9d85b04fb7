// SPDX-License-Identifier: ISC
#include "client/places.h"

#include "unit.h"

#define PLACES 16 /* 2 for each holder */

/* The holders of one place after another, and whether each gets it. */
TEST(no_holder_has_more_than_its_share)
{
    static const struct {
        const char *network;
        const char *author;
        const char *target;
        bool want;
    } table[] = {
            {"n1", "a.test", "a.test", true},
            {"n1", "b.test", "b.test", true},
            {"n1", "c.test", "c.test", false}, /* the network has two */
            {"n2", "a.test", "x.test", true},
            {"n3", "a.test", "y.test", false}, /* the author's domain has two */
            {"n3", "y.test", "a.test", false}, /* whatever the name is looked up for */
            {"n2", "d.test", "d.test", true},
            {"", "e.test", "", true},
            {"", "e.test", "", true},
            {"", "e.test", "", false},
            {"", "", "", true}, /* nobody's */
            {"", "", "", true},
            {"", "", "", true},
    };
    struct place held[PLACES];
    struct places *places = places_init(PLACES);
    size_t count = 0;

    assert_non_null(places);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text names[PLACES_HOLDERS_MAX] = {
                text_of(table[i].network), text_of(table[i].author), text_of(table[i].target)};
        struct place place;
        assert_true(places_want(places, names, &place));
        if (places_take(places, &place) != table[i].want) {
            print_error("row %zu: want %d\n", i, table[i].want);
            fail();
        }
        if (place.is_held)
            held[count++] = place;
        else
            places_give(places, &place);
    }
    while (count > 0)
        places_give(places, &held[--count]);
    places_free(&places);
    places_free(&places);
}

TEST(one_that_waits)
{
    const struct text names[PLACES_HOLDERS_MAX] = {text_of("n"), text_of("a.test"), text_of("")};
    struct places *places = places_init(PLACES);
    struct place first;
    struct place second;
    struct place third;

    assert_non_null(places);
    assert_true(places_want(places, names, &first) && places_take(places, &first));
    assert_true(places_want(places, names, &second) && places_take(places, &second));
    assert_true(places_want(places, names, &third));
    assert_false(places_take(places, &third));
    places_give(places, &first);
    assert_false(first.is_held);
    assert_true(places_take(places, &third));
    places_give(places, &second);
    places_give(places, &third);
    /* One that gave up waiting holds nothing. */
    assert_true(places_want(places, names, &first));
    places_give(places, &first);
    places_free(&places);
}

TEST(all_places)
{
    const struct text nobody[PLACES_HOLDERS_MAX] = {{"", 0}, {"", 0}, {"", 0}};
    struct places *places = places_init(PLACES);
    struct place held[PLACES];
    struct place more;

    assert_non_null(places);
    for (size_t i = 0; i < PLACES; i++)
        assert_true(places_want(places, nobody, &held[i]) && places_take(places, &held[i]));
    assert_true(places_want(places, nobody, &more));
    assert_false(places_take(places, &more));
    places_give(places, &held[7]);
    assert_true(places_take(places, &more));
    places_free(&places);
}
