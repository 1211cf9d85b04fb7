// SPDX-License-Identifier: ISC
#include "recorder/spread.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/disk.h"

#define HOUR 3600
#define HOURS_OF_DAY 24
#define HOURS_OF_WEEK (24 * 7)
#define WEEKS_MAX 520   /* after which nothing is remembered */
#define KEEP_PERCENT 98 /* of what is usual, after a week */
#define GROWTH_PERCENT 150
#define WAYS 8         /* possible places for a user */
#define DOMAINS_MAX 64 /* of one message */
#define PATH_SIZE 4096

enum window { WINDOW_HOUR, WINDOW_DAY, WINDOWS };

/* A bit for each hash of a domain: the number of domains follows from the bits that are not set. */
#define BITMAP_WORDS 16
#define BITMAP_BITS (BITMAP_WORDS * 64)
struct bitmap {
    uint64_t words[BITMAP_WORDS];
};

struct sender {
    uint64_t hash;           /* of the user; 0: unused */
    uint32_t begun[WINDOWS]; /* Unix hours: when the window began */
    uint32_t week;           /* Unix weeks: of `before` */
    uint32_t usual[WINDOWS];
    uint32_t before[WINDOWS]; /* what was usual when the week began */
    bool alarmed[WINDOWS];    /* within the window */
    struct bitmap domains[WINDOWS];
};

struct spread {
    uint64_t floor;
    size_t sets;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    size_t first; /* index of the first waiting alarm */
    size_t waiting;
    struct spread_alarm due[SPREAD_WAITING];
    struct sender senders[]; /* WAYS for each set */
};

struct spread *spread_init(uint64_t floor, size_t users)
{
    const size_t sets = (users + WAYS - 1) / WAYS;
    struct spread *s = calloc(1, sizeof *s + sets * WAYS * sizeof s->senders[0]);

    if (s == NULL)
        return NULL;
    s->floor = floor;
    s->sets = sets;
    randombytes_buf(s->secret, sizeof s->secret);
    return s;
}

void spread_free(struct spread **spread)
{
    free(*spread);
    *spread = NULL;
}

/* Never 0. */
static uint64_t spread_hash(const struct spread *s, const char *at, size_t len)
{
    unsigned char octets[crypto_shorthash_BYTES];
    uint64_t hash;

    (void)crypto_shorthash(octets, (const unsigned char *)at, len, s->secret);
    memcpy(&hash, octets, sizeof hash);
    return hash != 0 ? hash : 1;
}

static uint64_t spread_window_floor(const struct spread *s, enum window window)
{
    return window == WINDOW_DAY ? SPREAD_DAY * s->floor : s->floor;
}

static uint64_t spread_limit(
        const struct spread *s, const struct sender *sender, enum window window)
{
    const uint64_t limit = (uint64_t)sender->usual[window] * SPREAD_FACTOR;
    const uint64_t floor = spread_window_floor(s, window);

    return limit > floor ? limit : floor;
}

/* Linear counting: of m bits, e^(-n/m) stay unset by n domains. */
static unsigned bitmap_count(const struct bitmap *bitmap)
{
    unsigned unset = 0;

    for (size_t i = 0; i < BITMAP_WORDS; i++)
        unset += (unsigned)__builtin_popcountll(~bitmap->words[i]);
    return (unsigned)lround(BITMAP_BITS * log((double)BITMAP_BITS / (unset > 0 ? unset : 1)));
}

/* The most of this window counts as usual: all of it if it raised an alarm, else up to what may be
 * learned in a week. */
static void spread_learn(const struct spread *s, struct sender *sender, enum window window)
{
    const unsigned seen = bitmap_count(&sender->domains[window]);
    uint64_t most = (uint64_t)sender->before[window] * GROWTH_PERCENT / 100;

    if (most < spread_window_floor(s, window) / SPREAD_FACTOR)
        most = spread_window_floor(s, window) / SPREAD_FACTOR;
    if (sender->alarmed[window] || most > seen)
        most = seen;
    if (most > sender->usual[window])
        sender->usual[window] = (uint32_t)most;
}

static void spread_age(struct sender *sender, uint32_t week)
{
    const uint32_t weeks = week - sender->week;

    for (uint32_t i = 0; i < weeks && i < WEEKS_MAX; i++)
        for (size_t w = 0; w < WINDOWS; w++)
            sender->usual[w] = sender->usual[w] * KEEP_PERCENT / 100;
    memcpy(sender->before, sender->usual, sizeof sender->before);
    sender->week = week;
}

/* Ends windows whose time is over. A clock that was set back ends them too. */
static void spread_settle(const struct spread *s, struct sender *sender, uint32_t hour)
{
    static const uint32_t lengths[WINDOWS] = {1, HOURS_OF_DAY};
    const uint32_t week = hour / HOURS_OF_WEEK;

    for (enum window w = WINDOW_HOUR; w < WINDOWS; w++) {
        const uint32_t begins = hour / lengths[w] * lengths[w];
        if (begins == sender->begun[w])
            continue;
        spread_learn(s, sender, w);
        sender->begun[w] = begins;
        sender->alarmed[w] = false;
        sender->domains[w] = (struct bitmap){0};
    }
    if (week > sender->week)
        spread_age(sender, week);
    else if (week < sender->week)
        sender->week = week;
}

static bool spread_goes_before(const struct sender *a, const struct sender *b)
{
    if (a->usual[WINDOW_DAY] != b->usual[WINDOW_DAY])
        return a->usual[WINDOW_DAY] < b->usual[WINDOW_DAY];
    return a->begun[WINDOW_HOUR] < b->begun[WINDOW_HOUR];
}

/* Finds the user's place, or takes that of another one. */
static struct sender *spread_find(struct spread *s, uint64_t hash, uint32_t hour)
{
    struct sender *set = &s->senders[hash % s->sets * WAYS];
    struct sender *least = set;

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].hash == hash)
            return &set[i];
    for (size_t i = 1; i < WAYS; i++)
        if (least->hash != 0 && (set[i].hash == 0 || spread_goes_before(&set[i], least)))
            least = &set[i];
    *least = (struct sender){.hash = hash, .week = hour / HOURS_OF_WEEK};
    return least;
}

/* The name under which a user is counted. */
static size_t spread_make_key(struct text user, char key_r[ADDRESS_MAX + 1])
{
    struct writer w = writer_of(key_r, ADDRESS_MAX);
    bool in_detail = false;

    for (size_t i = 0; i < user.len; i++) {
        in_detail = (in_detail || user.at[i] == '+') && user.at[i] != '@';
        if (!in_detail)
            writer_char(&w, text_lower(user.at[i]));
    }
    const size_t len = writer_text(&w).len;
    key_r[len] = '\0';
    return len;
}

static void spread_add_domain(const struct spread *s, struct sender *sender, struct text domain)
{
    char lower[DOMAIN_MAX];
    struct writer w = writer_of(lower, sizeof lower);

    for (size_t i = 0; i < domain.len; i++)
        writer_char(&w, text_lower(domain.at[i]));
    const uint64_t hash = spread_hash(s, lower, writer_text(&w).len);
    for (size_t i = 0; i < WINDOWS; i++)
        sender->domains[i].words[hash / 64 % BITMAP_WORDS] |= UINT64_C(1) << hash % 64;
}

/* If too many alarms wait already, the user's next message tries again. */
static void spread_put_due(struct spread *s, struct sender *sender, enum window window,
        unsigned domains, const char *key)
{
    if (s->waiting == SPREAD_WAITING)
        return;
    struct spread_alarm *alarm = &s->due[(s->first + s->waiting++) % SPREAD_WAITING];
    memcpy(alarm->user, key, strlen(key) + 1);
    alarm->domains = domains;
    alarm->usual = sender->usual[window];
    alarm->in_a_day = window == WINDOW_DAY;
    sender->alarmed[window] = true;
    sender->alarmed[WINDOW_DAY] = true; /* one alarm is enough for a day that an hour made */
}

void spread_note(struct spread *s, struct text user, struct text receiving, uint64_t unix_now)
{
    const uint32_t hour = (uint32_t)(unix_now / HOUR);
    struct reader domains = reader_of(receiving);
    char key[ADDRESS_MAX + 1];
    const size_t len = spread_make_key(user, key);
    struct sender *sender = spread_find(s, spread_hash(s, key, len), hour);

    spread_settle(s, sender, hour);
    for (size_t i = 0; i < DOMAINS_MAX && domains.rest.len > 0; i++)
        spread_add_domain(s, sender, text_trim(reader_field(&domains, ',')));
    for (enum window w = WINDOW_HOUR; w < WINDOWS; w++) {
        const unsigned count = bitmap_count(&sender->domains[w]);
        if (!sender->alarmed[w] && count > spread_limit(s, sender, w))
            spread_put_due(s, sender, w, count, key);
    }
}

bool spread_next(struct spread *s, struct spread_alarm *alarm_r)
{
    if (s->waiting == 0)
        return false;
    *alarm_r = s->due[s->first];
    s->first = (s->first + 1) % SPREAD_WAITING;
    s->waiting--;
    return true;
}

/* The file: a line with the secret of the hashes in hex, then a line for each user: hash, week, and
 * what is usual in an hour and in a day. */
#define LINE_SIZE 128

static bool spread_parse_sender(const char *line, struct sender *sender_r)
{
    struct reader r = reader_of(text_trim(text_of(line)));
    const struct text name = reader_until(&r, ' ');
    const struct text week = reader_until(&r, ' ');
    const struct text usual_hour = reader_until(&r, ' ');
    unsigned char hash[sizeof sender_r->hash];
    uint64_t numbers[3];
    size_t len = 0;

    if (!text_from_hex(name, hash, sizeof hash, &len) || len != sizeof hash ||
            !text_decimal(week, UINT32_MAX, &numbers[0]) ||
            !text_decimal(usual_hour, UINT32_MAX, &numbers[1]) ||
            !text_decimal(reader_rest(&r), UINT32_MAX, &numbers[2]))
        return false;
    *sender_r = (struct sender){.week = (uint32_t)numbers[0],
            .usual = {(uint32_t)numbers[1], (uint32_t)numbers[2]},
            .before = {(uint32_t)numbers[1], (uint32_t)numbers[2]}};
    memcpy(&sender_r->hash, hash, sizeof hash);
    return sender_r->hash != 0;
}

static bool spread_read_secret(FILE *in, unsigned char secret_r[crypto_shorthash_KEYBYTES])
{
    char line[LINE_SIZE];
    size_t len = 0;

    return fgets(line, sizeof line, in) != NULL &&
           text_from_hex(text_trim(text_of(line)), secret_r, crypto_shorthash_KEYBYTES, &len) &&
           len == crypto_shorthash_KEYBYTES;
}

bool spread_load(struct spread *s, const char *path)
{
    FILE *in = fopen(path, "re");
    unsigned char secret[crypto_shorthash_KEYBYTES];
    char line[LINE_SIZE];

    if (in == NULL)
        return errno == ENOENT;
    if (spread_read_secret(in, secret)) {
        struct sender sender;
        memcpy(s->secret, secret, sizeof secret);
        while (fgets(line, sizeof line, in) != NULL)
            if (spread_parse_sender(line, &sender))
                *spread_find(s, sender.hash, 0) = sender;
    }
    fclose(in);
    return true;
}

/* What the current window has too: a restart must not forget an alarm's. */
static void spread_write_sender(const struct spread *s, const struct sender *sender, FILE *out)
{
    struct sender copy = *sender;
    char hex[sizeof copy.hash * 2 + 1];

    for (enum window w = WINDOW_HOUR; w < WINDOWS; w++)
        spread_learn(s, &copy, w);
    if (spread_limit(s, &copy, WINDOW_HOUR) > spread_window_floor(s, WINDOW_HOUR) ||
            spread_limit(s, &copy, WINDOW_DAY) > spread_window_floor(s, WINDOW_DAY))
        fprintf(out, "%s %u %u %u\n",
                sodium_bin2hex(
                        hex, sizeof hex, (const unsigned char *)&copy.hash, sizeof copy.hash),
                copy.week, copy.usual[WINDOW_HOUR], copy.usual[WINDOW_DAY]);
}

bool spread_save(const struct spread *s, const char *path)
{
    char new_path[PATH_SIZE];
    char hex[crypto_shorthash_KEYBYTES * 2 + 1];

    snprintf(new_path, sizeof new_path, "%s.new", path);
    const int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL)
        return false;
    fprintf(out, "%s\n", sodium_bin2hex(hex, sizeof hex, s->secret, sizeof s->secret));
    for (size_t i = 0; i < s->sets * WAYS; i++)
        if (s->senders[i].hash != 0)
            spread_write_sender(s, &s->senders[i], out);
    bool ok = fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
    ok = fclose(out) == 0 && ok && rename(new_path, path) == 0 && disk_sync_folder(path);
    const int error = errno;
    if (!ok)
        unlink(new_path);
    errno = error;
    return ok;
}
