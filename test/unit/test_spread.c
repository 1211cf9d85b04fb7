// SPDX-License-Identifier: ISC
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "folder.h"
#include "recorder/spread.h"
#include "unit.h"

#define HOUR UINT64_C(3600)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
/* Monday, 5 January 2026, 0:00 UTC. */
#define START UINT64_C(1767571200)
#define FLOOR 60

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

/* Domains of this number and up, one message each. */
static void note_domains(
        struct spread *s, const char *user, unsigned first, unsigned count, uint64_t now)
{
    char domain[32];

    for (unsigned i = first; i < first + count; i++) {
        snprintf(domain, sizeof domain, "d%u.example", i);
        spread_note(s, text_of(user), text_of(domain), now);
    }
}

static struct spread *make(void)
{
    struct spread *s = spread_init(FLOOR, SPREAD_USERS);

    assert_non_null(s);
    return s;
}

/* The next alarm as text; "" when there is none. */
static const char *next(struct spread *s)
{
    static char text[ADDRESS_MAX + 32];
    struct spread_alarm alarm;

    if (!spread_next(s, &alarm))
        return "";
    snprintf(text, sizeof text, "%s in %s", alarm.user, alarm.in_a_day ? "a day" : "an hour");
    return text;
}

static const struct {
    struct unit_row row;
    unsigned domains; /* in each hour */
    unsigned hours;
    const char *alarm;
} newcomers[] = {
        {{.name = "few"}, 9, 24, ""},
        {{.name = "as many as the floor in an hour"}, 56, 1, ""},
        {{.name = "more"}, 66, 1, "alice@example.org in an hour"},
        {{.name = "very many"}, 2000, 1, "alice@example.org in an hour"},
        {{.name = "a day's at a slow pace"}, 40, 7, "alice@example.org in a day"},
        {{.name = "the same ones each hour"}, 50, 0, ""},
};

TEST_EACH(a_user_who_is_new_has_the_floor, newcomers)
{
    struct spread *s = make();

    for (unsigned h = 0; h < row->hours; h++)
        note_domains(s, "alice@example.org", h * row->domains, row->domains, START + h * HOUR);
    for (unsigned h = 0; row->hours == 0 && h < 24; h++)
        note_domains(s, "alice@example.org", 0, row->domains, START + h * HOUR);
    assert_string_equal(next(s), row->alarm);
    assert_string_equal(next(s), "");
    spread_free(&s);
    assert_null(s);
}

TEST(what_raised_an_alarm_is_usual_afterwards)
{
    struct spread *s = make();
    struct spread_alarm alarm;

    note_domains(s, "news@example.org", 0, 300, START);
    assert_true(spread_next(s, &alarm));
    assert_int_equal(alarm.usual, 0);
    assert_true(alarm.domains > FLOOR && alarm.domains < FLOOR + 4);
    assert_string_equal(next(s), "");
    for (unsigned week = 1; week < 52; week++) {
        note_domains(s, "news@example.org", week, 300 + week, START + week * WEEK);
        assert_string_equal(next(s), "");
    }
    note_domains(s, "news@example.org", 10000, 1200, START + 52 * WEEK);
    assert_true(spread_next(s, &alarm));
    assert_in_range(alarm.usual, 330, 370);
    assert_in_range(alarm.domains, alarm.usual * 3, alarm.usual * 4);
    spread_free(&s);
}

/* Somebody with a stolen password who begins gently. */
TEST(nobody_gets_there_step_by_step)
{
    struct spread *s = make();
    unsigned count = 50;
    unsigned days = 0;

    while (*next(s) == '\0' && days < 60) {
        note_domains(s, "alice@example.org", days * 1000, count, START + days * DAY + 9 * HOUR);
        count += count / 5;
        days++;
    }
    print_message("# from 50 domains an hour, a fifth more each day: alarm on day %u, at %u\n",
            days, count);
    assert_true(days < 8);
    spread_free(&s);
}

TEST(details_and_case_are_the_same_user_and_domain)
{
    struct spread *s = make();

    for (unsigned i = 0; i < 40; i++) {
        char one[64];
        snprintf(one, sizeof one, "D%u.example, d%u.Example,d%u.example", i, i, i + 100);
        spread_note(s, text_of(i % 2 ? "Alice+x@example.org" : "alice@Example.org"), text_of(one),
                START);
    }
    assert_string_equal(next(s), "alice@example.org in an hour");
    spread_free(&s);
}

TEST(clock_that_goes_back_is_no_harm)
{
    struct spread *s = make();

    note_domains(s, "alice@example.org", 0, 40, START + 400 * DAY);
    note_domains(s, "alice@example.org", 100, 40, START);
    assert_string_equal(next(s), "");
    note_domains(s, "alice@example.org", 200, 40, START);
    assert_string_equal(next(s), "alice@example.org in an hour");
    spread_free(&s);
}

/* The memory is bounded: whoever sends to the fewest is forgotten first. */
TEST(many_users_hide_nobody)
{
    struct spread *s = spread_init(FLOOR, 512);
    char user[32];

    assert_non_null(s);
    note_domains(s, "news@example.org", 0, 300, START);
    while (*next(s) != '\0')
        ;
    note_domains(s, "news@example.org", 0, 1, START + DAY);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(user, sizeof user, "user%u@example.org", i);
        note_domains(s, user, i, 1, START + DAY + i / 10);
    }
    note_domains(s, "news@example.org", 0, 310, START + 2 * DAY);
    assert_string_equal(next(s), "");
    spread_free(&s);
}

static const struct {
    struct unit_row row;
    const char *content; /* NULL: as it was saved */
    bool learned;
} files[] = {
        {{.name = "saved"}, NULL, true},
        {{.name = "empty"}, "", false},
        {{.name = "no secret"}, "0123456789abcdef 2922 300 300\n", false},
        {{.name = "a secret and no user"}, "000102030405060708090a0b0c0d0e0f\n", false},
        {{.name = "not ours"}, "000102030405060708090a0b0c0d0e0f\nx\n1 2\n\n", false},
};

TEST_EACH(what_was_learned_survives_a_restart, files)
{
    struct folder folder = folder_make();
    struct spread *s = make();
    char path[FOLDER_PATH_MAX];
    char content[512];

    folder_path(&folder, "sending", path);
    assert_true(spread_load(s, path)); /* there is none yet */
    note_domains(s, "news@example.org", 0, 300, START);
    note_domains(s, "alice@example.org", 0, 10, START);
    assert_true(spread_save(s, path));
    spread_free(&s);
    assert_true(folder_read(&folder, "sending", content, sizeof content));
    assert_null(strstr(content, "news"));
    assert_ptr_equal(strchr(strchr(content, '\n') + 1, '\n')[1], '\0'); /* one user */
    if (row->content != NULL)
        folder_write(&folder, "sending", row->content, strlen(row->content), 0600);

    s = make();
    assert_true(spread_load(s, path));
    note_domains(s, "news@example.org", 0, 300, START + WEEK);
    assert_string_equal(next(s), row->learned ? "" : "news@example.org in an hour");
    spread_free(&s);
    folder_remove(&folder);
}

TEST(file_that_cannot_be_written_is_an_error)
{
    struct folder folder = folder_make();
    struct spread *s = make();
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "sending.new", path);
    assert_int_equal(mkdir(path, 0700), 0);
    folder_path(&folder, "sending", path);
    assert_false(spread_save(s, path));
    spread_free(&s);
    folder_remove(&folder);
}

/* A simulated year of an organisation. */

#define USERS 600
#define YEARS_DAYS 365
#define WARM_UP 28 /* days after which it should know them */
#define DOMAINS_OF_WORLD 200000

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static double random_part(void)
{
    return (double)(random_next() >> 11) / (double)(UINT64_C(1) << 53);
}

static unsigned random_below(unsigned most)
{
    return (unsigned)(random_part() * most);
}

struct user {
    char name[32];
    double a_day;           /* messages on a working day, when the year begins */
    double growth;          /* in the year */
    unsigned contacts;      /* domains that it writes to again and again */
    double strangers;       /* part of its messages to others */
    unsigned base;          /* number of its first contact */
    unsigned letter;        /* domains of its newsletter; 0: none */
    unsigned letter_begins; /* day */
    unsigned letter_every;  /* days */
    unsigned holiday;       /* the day on which three weeks of it begin */
    unsigned greetings;     /* domains, in December */
    unsigned greetings_day;
    unsigned fair; /* the day on which it writes to everybody whom it met; 0: never */
};

/* Of four kinds: most write a little, some much; few send newsletters, some of which begin in the
 * course of the year. */
static void user_make(struct user *u, unsigned number)
{
    const double kind = random_part();

    *u = (struct user){.a_day = 2 + 20 * random_part() * random_part(),
            .growth = 0.5 * random_part() - 0.1,
            .contacts = 10 + random_below(100),
            .strangers = 0.05 + 0.1 * random_part(),
            .base = random_below(DOMAINS_OF_WORLD),
            .holiday = 150 + random_below(90)};
    snprintf(u->name, sizeof u->name, "user%u@example.org", number);
    if (kind > 0.85) {
        u->a_day = 30 + 90 * random_part();
        u->contacts = 200 + random_below(400);
        u->strangers = 0.3;
    }
    if (kind < 0.035) {
        u->letter = 100 + random_below(700);
        u->letter_begins = kind < 0.03 ? random_below(7) : 60 + random_below(240);
        u->letter_every = random_part() < 0.5 ? 7 : 28;
    }
    if (random_part() < 0.2) {
        u->greetings = 15 + random_below(60);
        u->greetings_day = 340 + random_below(12);
    }
    if (random_part() < 0.1)
        u->fair = 30 + random_below(300);
}

static unsigned user_domain(const struct user *u)
{
    const double near = random_part() * random_part(); /* some contacts are written to more often */

    if (random_part() < u->strangers)
        return random_below(DOMAINS_OF_WORLD);
    return u->base + (unsigned)(near * u->contacts);
}

static void user_sends(struct spread *s, const struct user *u, unsigned domain, uint64_t now)
{
    char receiving[64];
    const int len = snprintf(receiving, sizeof receiving, "d%u.example", domain);

    if (random_part() < 0.2) /* more recipients */
        snprintf(receiving + len, sizeof receiving - (size_t)len, ",d%u.example", user_domain(u));
    spread_note(s, text_of(u->name), text_of(receiving), now);
}

static uint64_t working_time(unsigned day)
{
    /* Between 8 and 18, mostly in the middle of it. */
    return START + day * DAY + 8 * HOUR + (uint64_t)((random_part() + random_part()) * 5 * HOUR);
}

static double user_messages(const struct user *u, unsigned day)
{
    const bool weekend = day % 7 >= 5;
    double messages = u->a_day * (1 + u->growth * day / YEARS_DAYS);

    if (weekend)
        messages *= 0.05;
    if (day >= u->holiday && day < u->holiday + 21)
        messages = 0;
    if (day == u->holiday + 21) /* all that waited */
        messages *= 2.5;
    if (day >= 355)
        messages *= 0.2;
    return messages * (0.5 + random_part());
}

/* Sorted by hour, as they come. */
static void user_day(struct spread *s, const struct user *u, unsigned day)
{
    unsigned in_hour[24] = {0};
    const unsigned messages = (unsigned)lround(user_messages(u, day));

    for (unsigned i = 0; i < messages; i++)
        in_hour[(working_time(day) - START) / HOUR % 24]++;
    for (unsigned h = 0; h < 24; h++)
        for (unsigned i = 0; i < in_hour[h]; i++)
            user_sends(s, u, user_domain(u), START + day * DAY + h * HOUR + i);
    if (u->letter > 0 && day >= u->letter_begins && (day - u->letter_begins) % u->letter_every == 0)
        for (unsigned i = 0; i < u->letter + u->letter * day / YEARS_DAYS / 2; i++)
            user_sends(s, u, u->base + 1000 + i + random_below(5), START + day * DAY + 10 * HOUR);
    if (u->greetings > 0 && day == u->greetings_day)
        for (unsigned i = 0; i < u->greetings; i++)
            user_sends(s, u, u->base + i, START + day * DAY + (9 + i / 25) * HOUR);
    if (u->fair > 0 && day == u->fair)
        for (unsigned i = 0; i < 40; i++)
            user_sends(
                    s, u, random_below(DOMAINS_OF_WORLD), START + day * DAY + (9 + i / 20) * HOUR);
}

struct year {
    struct spread *spread;
    struct user users[USERS];
    unsigned learning; /* alarms in the first weeks */
    unsigned begun;    /* those of a newsletter's first issue, later */
    unsigned false_alarms;
};

static unsigned take_all(struct spread *s, const char *name)
{
    struct spread_alarm alarm;
    unsigned count = 0;

    while (spread_next(s, &alarm))
        count += strcmp(alarm.user, name) == 0;
    return count;
}

static void year_take(struct year *y, unsigned day)
{
    struct spread_alarm alarm;

    while (spread_next(y->spread, &alarm)) {
        const struct user *u = &y->users[strtoul(alarm.user + 4, NULL, 10)];
        if (day < WARM_UP)
            y->learning++;
        else if (u->letter > 0 && day == u->letter_begins)
            y->begun++;
        else
            y->false_alarms++;
    }
}

static void year_run(struct year *y, unsigned from, unsigned to)
{
    for (unsigned day = from; day < to; day++) {
        for (unsigned i = 0; i < USERS; i++)
            user_day(y->spread, &y->users[i], day);
        year_take(y, day);
    }
}

static void year_begin(struct year *y, uint64_t seed)
{
    random_state = seed;
    *y = (struct year){.spread = make()};
    for (unsigned i = 0; i < USERS; i++)
        user_make(&y->users[i], i);
}

/* Those of whom nothing was known before have one alarm when they begin, and no others. */
TEST(a_year_of_an_organisation)
{
    static const uint64_t seeds[] = {1, 20260105, 4711};
    static struct year y;
    unsigned alarms = 0;
    unsigned bulk = 0;
    unsigned learning = 0;
    unsigned begun = 0;

    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        year_begin(&y, seeds[i]);
        year_run(&y, 0, YEARS_DAYS);
        alarms += y.false_alarms;
        learning += y.learning;
        begun += y.begun;
        for (unsigned u = 0; u < USERS; u++)
            bulk += y.users[u].letter > 0;
        spread_free(&y.spread);
    }
    const double years = 3.0 * USERS * (YEARS_DAYS - WARM_UP) / YEARS_DAYS;
    print_message("# %u users, %u newsletters: %u alarms in the first %d days, while it learns; "
                  "then %u at the first issue of a newsletter, and %u others in %.0f user-years: "
                  "%.2f in 1000\n",
            3 * USERS, bulk, learning, WARM_UP, begun, alarms, years, alarms / years * 1000);
    assert_true(alarms / years * 1000 < 1);
    assert_true(learning + begun <= bulk);
}

/* Somebody who has the password sends to so many domains an hour, for a working day. */
static const struct {
    struct unit_row row;
    unsigned an_hour;
    double least; /* part that must be detected, of users without a newsletter */
    double first; /* within the first hour */
} thieves[] = {
        {{.name = "40 an hour"}, 40, 0.9, 0},
        {{.name = "80 an hour"}, 80, 0.97, 0.9},
        {{.name = "100 an hour"}, 100, 0.99, 0.95},
        {{.name = "200 an hour"}, 200, 1, 1},
        {{.name = "1000 an hour"}, 1000, 1, 1},
};

TEST_EACH(a_thief_is_seen, thieves)
{
    static struct year y;
    unsigned tried = 0;
    unsigned seen = 0;
    unsigned at_once = 0;

    year_begin(&y, 99);
    year_run(&y, 0, 60);
    for (unsigned i = 0; i < USERS; i++) {
        const struct user *u = &y.users[i];
        unsigned hour = 0;
        if (u->letter > 0)
            continue;
        for (; hour < 8; hour++) {
            for (unsigned k = 0; k < row->an_hour; k++)
                user_sends(y.spread, u, random_below(DOMAINS_OF_WORLD),
                        START + 60 * DAY + (10 + hour) * HOUR);
            if (take_all(y.spread, u->name) > 0)
                break;
        }
        tried++;
        seen += hour < 8;
        at_once += hour == 0;
    }
    print_message("# %u an hour: %u of %u seen within a working day, %u within the first hour\n",
            row->an_hour, seen, tried, at_once);
    assert_true(seen >= row->least * tried);
    assert_true(at_once >= row->first * tried);
    spread_free(&y.spread);
}
