// SPDX-License-Identifier: ISC
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "child.h"
#include "folder.h"
#include "replay/replay.h"
#include "unit.h"

#define TODAY UINT64_C(1780272000) /* 1 June 2026 */
#define LIFETIME UINT64_C(604800)
#define PROCESSES 4
#define TIMES 40

/* A place for a store of one backend. Redis is the server that VERIMAIL_REDIS names; payloads are
 * new ones in each test, so that it need not be empty. */
struct hostport {
    struct folder folder;
    char address[FOLDER_PATH_MAX + 16];
};

static void begin_memory(struct hostport *place)
{
    snprintf(place->address, sizeof place->address, "memory:");
}

static void end_nothing(struct hostport *place)
{
    (void)place;
}

static void begin_lmdb(struct hostport *place)
{
    char path[FOLDER_PATH_MAX];

    place->folder = folder_make();
    folder_path(&place->folder, "replay", path);
    snprintf(place->address, sizeof place->address, "lmdb:%s", path);
}

static void end_lmdb(struct hostport *place)
{
    folder_remove(&place->folder);
}

static void begin_redis(struct hostport *place)
{
    snprintf(place->address, sizeof place->address, "%s", getenv("VERIMAIL_REDIS"));
}

struct backend {
    struct unit_row row;
    void (*begin)(struct hostport *place);
    void (*end)(struct hostport *place);
    bool purges; /* by itself, and says up to when */
};

#define MEMORY                                                                                     \
    {                                                                                              \
        {"memory", NULL}, begin_memory, end_nothing, true                                          \
    }
#define LMDB                                                                                       \
    {                                                                                              \
        {"lmdb", NULL}, begin_lmdb, end_lmdb, true                                                 \
    }
#define REDIS                                                                                      \
    {                                                                                              \
        {"redis", "VERIMAIL_REDIS"}, begin_redis, end_nothing, false                               \
    }

static const struct backend backends[] = {MEMORY, LMDB, REDIS};
/* Those that several processes can share. */
static const struct backend shared[] = {LMDB, REDIS};

/* A question that is counted. */
struct counted {
    struct count_request item; /* the first member: what the store hands back */
    unsigned times;            /* that it was handed back */
};

/* A store, and what was handed in and not back. */
struct fixture {
    struct hostport place;
    const struct backend *backend;
    struct replay *replay;
    size_t pending;
};

static void on_done(void *context, struct count_request *item)
{
    struct fixture *fixture = context;

    ((struct counted *)item)->times++;
    fixture->pending--;
}

static void open_store(struct fixture *fixture)
{
    const struct replay_setup setup = {.address = fixture->place.address,
            .password = getenv("VERIMAIL_REDIS_PASSWORD"),
            .ca = getenv("VERIMAIL_REDIS_CA"),
            .keep = LIFETIME,
            .done = on_done,
            .context = fixture};

    fixture->replay = replay_open(&setup, mono_ms(), TODAY);
    assert_non_null(fixture->replay);
}

static struct fixture *begin(const struct backend *backend)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->backend = backend;
    fixture->backend->begin(&fixture->place);
    open_store(fixture);
    return fixture;
}

static void end(struct fixture *fixture)
{
    replay_close(&fixture->replay);
    assert_null(fixture->replay);
    fixture->backend->end(&fixture->place);
    free(fixture);
}

/* A payload of its own for each test, counted for these receiving domains. */
static struct payload_opened new_payload(const char *receiving)
{
    struct payload_opened payload = {.is = {.receiving = text_of(receiving), .issued = TODAY}};

    randombytes_buf(payload.nonce, sizeof payload.nonce);
    return payload;
}

static void hand_in(struct fixture *fixture, struct counted *counted,
        const struct payload_opened *payload, const char *rcpt, uint32_t per_recipient)
{
    counted->times = 0;
    count_request_make(payload, text_of(rcpt), per_recipient, LIFETIME, &counted->item);
    fixture->pending++;
    replay_submit(fixture->replay, &counted->item, mono_ms(), TODAY);
}

/* What a worker does at the end of its turns, until nothing is pending. */
static void settle(struct fixture *fixture)
{
    replay_commit(fixture->replay, mono_ms(), TODAY);
    for (;;) {
        replay_turn(fixture->replay, mono_ms(), TODAY);
        if (fixture->pending == 0)
            return;
        struct pollfd ready = {.fd = replay_fd(fixture->replay), .events = POLLIN};
        assert_true(ready.fd >= 0);
        assert_true(poll(&ready, 1, replay_time_left(fixture->replay, mono_ms())) >= 0);
    }
}

static enum replay_count count_once(struct fixture *fixture, const struct payload_opened *payload,
        const char *rcpt, uint32_t per_recipient)
{
    struct counted counted;

    hand_in(fixture, &counted, payload, rcpt, per_recipient);
    settle(fixture);
    assert_int_equal(counted.times, 1);
    return counted.item.result;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
    signal(SIGPIPE, SIG_IGN); /* as in a worker */
}

TEST_EACH(exact_edges_of_the_allowance, backends)
{
    static const struct {
        const char *receiving;
        const char *rcpt;
        uint32_t per_recipient;
        unsigned within; /* of so many and two more */
    } table[] = {
            {"example.net:1", "example.net", 1, 1},
            {"example.net:1", "example.net", 4, 4},
            {"example.net:3", "example.net", 4, 12},
            {"example.net:3", "EXAMPLE.net", 2, 6},
            {"example.net:1", "example.net,example.net", 4, 4},
            {"example.net:1,example.com:2", "", 4, 12}, /* no `rcpt`: the total */
            {"*:2", "*", 3, 6},
            {"*:2", "example.net", 3, 6},
            {"example.net:1", "example.net", 0, 0},
    };
    struct fixture *fixture = begin(row);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct payload_opened payload = new_payload(table[i].receiving);
        for (unsigned k = 0; k < table[i].within + 2; k++) {
            const enum replay_count want = k < table[i].within ? REPLAY_WITHIN : REPLAY_OVER;
            const enum replay_count got =
                    count_once(fixture, &payload, table[i].rcpt, table[i].per_recipient);
            if (got != want)
                fail_msg("%s asked with %s, time %u: got %d, want %d", table[i].receiving,
                        table[i].rcpt, k + 1, (int)got, (int)want);
        }
    }
    end(fixture);
}

TEST_EACH(a_huge_allowance, backends)
{
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("example.net:1000000");

    for (int i = 0; i < 20; i++)
        assert_int_equal(count_once(fixture, &payload, "example.net", 5000), REPLAY_WITHIN);
    end(fixture);
}

TEST_EACH(payloads_are_apart, backends)
{
    struct fixture *fixture = begin(row);
    const struct payload_opened first = new_payload("example.net:1");
    struct payload_opened later = first;
    struct payload_opened other = first;

    later.is.issued++;
    other.nonce[PAYLOAD_NONCE - 1] ^= 1;
    assert_int_equal(count_once(fixture, &first, "example.net", 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &first, "example.net", 1), REPLAY_OVER);
    assert_int_equal(count_once(fixture, &later, "example.net", 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &other, "example.net", 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &other, "example.net", 1), REPLAY_OVER);
    end(fixture);
}

/* All counts of a question move, or none. */
TEST_EACH(several_domains_in_one_step, backends)
{
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("a.example:1,b.example:2,c.example:9");

    assert_int_equal(count_once(fixture, &payload, "a.example,b.example", 1), REPLAY_WITHIN);
    for (int i = 0; i < 3; i++) { /* a is over: b stays at 1, wherever a stands */
        assert_int_equal(count_once(fixture, &payload, "a.example,b.example", 1), REPLAY_OVER);
        assert_int_equal(count_once(fixture, &payload, "c.example,a.example", 1), REPLAY_OVER);
    }
    assert_int_equal(count_once(fixture, &payload, "b.example", 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &payload, "b.example", 1), REPLAY_OVER);
    for (int i = 0; i < 9; i++)
        assert_int_equal(count_once(fixture, &payload, "c.example", 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &payload, "c.example", 1), REPLAY_OVER);
    end(fixture);
}

/* As many as a payload has room for. */
TEST_EACH(very_many_domains, backends)
{
    char receiving[RECEIVING_MAX + 1] = "";
    char rcpt[RECEIVING_MAX + 1] = "";
    struct fixture *fixture = begin(row);
    const size_t most = RECEIVING_MAX / sizeof "d00:2";

    for (unsigned i = 0; i < most; i++) {
        const char *comma = i > 0 ? "," : "";
        snprintf(receiving + strlen(receiving), sizeof ",d00:2", "%sd%02u:2", comma, i);
        snprintf(rcpt + strlen(rcpt), sizeof ",d00", "%sd%02u", comma, i);
    }
    const struct payload_opened payload = new_payload(receiving);
    assert_int_equal(count_once(fixture, &payload, rcpt, 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &payload, rcpt, 1), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &payload, rcpt, 1), REPLAY_OVER);
    end(fixture);
}

/* Many questions in one turn, with the same payload among them. */
TEST_EACH(a_batch, backends)
{
    static struct counted batch[3000];
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("example.net:1");
    unsigned within = 0;

    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        const struct payload_opened other = new_payload("example.net:1");
        hand_in(fixture, &batch[i], i % 10 == 0 ? &payload : &other, "example.net", 7);
    }
    settle(fixture);
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        assert_int_equal(batch[i].times, 1);
        if (i % 10 == 0)
            within += batch[i].item.result == REPLAY_WITHIN;
        else
            assert_int_equal(batch[i].item.result, REPLAY_WITHIN);
    }
    assert_int_equal(within, 7);
    end(fixture);
}

/* What is known is known to whoever opens it next. */
TEST_EACH(it_stays, shared)
{
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("example.net:1");

    assert_int_equal(count_once(fixture, &payload, "example.net", 2), REPLAY_WITHIN);
    replay_close(&fixture->replay);
    open_store(fixture);
    assert_int_equal(count_once(fixture, &payload, "example.net", 2), REPLAY_WITHIN);
    assert_int_equal(count_once(fixture, &payload, "example.net", 2), REPLAY_OVER);
    end(fixture);
}

/* Nothing is forgotten that was handed in. */
TEST_EACH(closing_hands_all_back, backends)
{
    static struct counted batch[100];
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("example.net:1");

    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++)
        hand_in(fixture, &batch[i], &payload, "example.net", 1);
    replay_close(&fixture->replay);
    assert_int_equal(fixture->pending, 0);
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++)
        assert_int_equal(batch[i].times, 1);
    open_store(fixture);
    end(fixture);
}

struct crowd {
    const struct fixture *fixture;
    const struct payload_opened *payload;
    unsigned *within; /* of all processes */
    unsigned *failed;
};

static bool ask_many(void *context)
{
    const struct crowd *crowd = context;
    struct fixture fixture = {.place = crowd->fixture->place, .backend = crowd->fixture->backend};

    open_store(&fixture);
    for (int i = 0; i < TIMES; i++) {
        const enum replay_count got =
                count_once(&fixture, crowd->payload, "example.net,example.com", TIMES);
        __atomic_add_fetch(crowd->within, got == REPLAY_WITHIN, __ATOMIC_RELAXED);
        __atomic_add_fetch(crowd->failed, got == REPLAY_FAILED, __ATOMIC_RELAXED);
    }
    replay_close(&fixture.replay);
    return true;
}

static bool ask_many_at_once(void *context)
{
    pid_t children[PROCESSES];
    bool good = true;

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(ask_many(context) ? 0 : 1);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        good = waitpid(children[i], &status, 0) == children[i] && status == 0 && good;
    }
    return good;
}

TEST_EACH(processes_count_together, shared)
{
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("example.net:2,example.com:1");
    unsigned *sums = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct crowd crowd = {fixture, &payload, &sums[0], &sums[1]};

    assert_ptr_not_equal(sums, MAP_FAILED);
    replay_close(&fixture->replay);
    assert_true(ask_many_at_once(&crowd));
    assert_int_equal(*crowd.failed, 0);
    assert_int_equal(*crowd.within, TIMES); /* the allowance of the one that has less */
    munmap(sums, 4096);
    open_store(fixture);
    end(fixture);
}

/* A request succeeds after one that failed: the store has no error, and says why that one failed.
 */
static void check_failure_stays(struct fixture *fixture)
{
    const struct payload_opened payload = new_payload("example.net:1");
    struct replay_health health;

    assert_int_equal(count_once(fixture, &payload, "example.net", 1), REPLAY_WITHIN);
    replay_health(fixture->replay, &health);
    assert_int_equal(health.failures, 1);
    assert_string_equal(health.error, "");
    assert_string_not_equal(health.failure, "");
}

/* Kinds that purge by themselves say up to when; others let what is over go. */
TEST_EACH(what_is_over_goes, backends)
{
    struct fixture *fixture = begin(row);
    struct payload_opened payload = new_payload("example.net:1");

    if (fixture->backend->purges) {
        payload.is.issued = TODAY - LIFETIME - 1;
        assert_int_equal(replay_purged(fixture->replay, TODAY), 0);
        (void)count_once(fixture, &payload, "example.net", 1);
        const uint64_t until = mono_ms() + 5000;
        while (replay_purged(fixture->replay, TODAY) == 0 && mono_ms() < until) {
            const struct payload_opened other = new_payload("example.net:1");
            (void)count_once(fixture, &other, "example.net", 1);
        }
        assert_int_equal(replay_purged(fixture->replay, TODAY), TODAY - LIFETIME);
        assert_int_equal(count_once(fixture, &payload, "example.net", 1), REPLAY_FAILED);
        check_failure_stays(fixture);
    } else {
        payload.is.issued = TODAY - LIFETIME - JUDGE_FUTURE + 1; /* it has one second more */
        assert_int_equal(count_once(fixture, &payload, "example.net", 1), REPLAY_WITHIN);
        assert_int_equal(count_once(fixture, &payload, "example.net", 1), REPLAY_OVER);
        const uint64_t until = mono_ms() + 5000;
        enum replay_count got = REPLAY_OVER;
        while (got == REPLAY_OVER && mono_ms() < until)
            got = count_once(fixture, &payload, "example.net", 1);
        assert_int_equal(got, REPLAY_WITHIN);
        assert_int_equal(replay_purged(fixture->replay, TODAY), 0);
    }
    end(fixture);
}

TEST_EACH(it_is_well, backends)
{
    struct fixture *fixture = begin(row);
    const struct payload_opened payload = new_payload("example.net:1");
    struct replay_health health;

    (void)count_once(fixture, &payload, "example.net", 1);
    replay_health(fixture->replay, &health);
    assert_int_equal(health.failures, 0);
    assert_string_equal(health.error, "");
    assert_true(health.bytes > 0);
    assert_false(replay_is_stale(fixture->replay));
    end(fixture);
}
