// SPDX-License-Identifier: ISC
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/clock.h"
#include "client/attempt.h"
#include "fake_service.h"
#include "unit.h"

#define LONG 60000 /* milliseconds: no test waits for so long */
#define SHORT 200  /* less than ATTEMPT_DELAY */
#define QUESTION "alice@example.org P rcpt=example.net\r\n"

static void ask_at(
        const struct endpoint *endpoints, size_t count, uint64_t timeout, struct attempt *got)
{
    const uint64_t deadline = mono_ms() + timeout;
    const int fd = attempt_connect(endpoints, count, deadline, got);

    if (fd >= 0)
        attempt_converse(fd, text_of(QUESTION), NULL, true, deadline, got);
}

static void ask_all(
        struct fake_service **services, size_t count, uint64_t timeout, struct attempt *got)
{
    struct endpoint endpoints[ATTEMPT_ADDRESSES_MAX];

    for (size_t i = 0; i < count; i++)
        endpoints[i] = fake_service_endpoint(services[i]);
    ask_at(endpoints, count, timeout, got);
}

static void ask_one(
        enum fake_service_manner manner, const char *reply, uint64_t timeout, struct attempt *got)
{
    struct fake_service *service = fake_service_start("127.0.0.2", manner, reply);
    char question[FAKE_SERVICE_QUESTION_MAX];

    ask_all(&service, 1, timeout, got);
    if (manner == FAKE_SERVICE_AT_ONCE || manner == FAKE_SERVICE_IN_OCTETS) {
        fake_service_last(service, question);
        assert_string_equal(question, QUESTION);
    }
    fake_service_stop(&service);
}

/* `NO unstamped x=yyy...` of this length, line end included. */
static const char *answer_of(size_t len)
{
    static char answer[ANSWER_MAX + 100];

    memset(answer, 'y', sizeof answer);
    memcpy(answer, "NO unstamped x=", strlen("NO unstamped x="));
    strcpy(answer + len - 2, "\r\n");
    return answer;
}

TEST(replies)
{
    static const struct {
        const char *reply;
        enum attempt_result want;
    } table[] = {
            {"YES stamped\r\n", ATTEMPT_ANSWERED},
            {"NO unstamped ttl=3600 scope=domain\r\n", ATTEMPT_ANSWERED},
            {"ALLOW\r\n", ATTEMPT_ANSWERED},
            {"", ATTEMPT_CLOSED},
            {"YES", ATTEMPT_NOT_ANSWER},
            {"YES stamped\n", ATTEMPT_NOT_ANSWER},
            {"YES stamped\r\nYES stamped\r\n", ATTEMPT_NOT_ANSWER},
            {"220 mail.example.org ESMTP\r\n", ATTEMPT_NOT_ANSWER},
    };
    static const enum fake_service_manner manners[] = {
            FAKE_SERVICE_AT_ONCE, FAKE_SERVICE_IN_OCTETS};

    for (size_t i = 0; i < 2 * (sizeof table / sizeof *table); i++) {
        const char *reply = table[i / 2].reply;
        struct attempt got;
        ask_one(manners[i % 2], reply, LONG, &got);
        if (got.result != table[i / 2].want || got.reply_len != strlen(reply) ||
                memcmp(got.reply, reply, got.reply_len) != 0) {
            print_error("%s: got %d, %.*s, want %d\n", reply, (int)got.result, (int)got.reply_len,
                    got.reply, (int)table[i / 2].want);
            fail();
        }
        assert_true(got.connected && got.addresses[0].state == ATTEMPT_SPOKE);
    }
}

TEST(the_longest_reply)
{
    struct attempt got;

    ask_one(FAKE_SERVICE_AT_ONCE, answer_of(ANSWER_MAX), LONG, &got);
    assert_int_equal(got.result, ATTEMPT_ANSWERED);
    assert_int_equal(got.answer.verdict, VERDICT_NO);
    ask_one(FAKE_SERVICE_AT_ONCE, answer_of(ANSWER_MAX + 1), LONG, &got);
    assert_int_equal(got.result, ATTEMPT_NOT_ANSWER);
    assert_int_equal(got.reply_len, ANSWER_MAX + 1);
    /* No more is waited for: this one would take more than ten seconds. */
    ask_one(FAKE_SERVICE_AT_ONCE, answer_of(ANSWER_MAX + 90), LONG, &got);
    assert_int_equal(got.result, ATTEMPT_NOT_ANSWER);
    assert_int_equal(got.reply_len, ANSWER_MAX + 1);
}

TEST(no_answer_in_time)
{
    static const enum fake_service_manner manners[] = {
            FAKE_SERVICE_SLOWLY, FAKE_SERVICE_WHEN_RELEASED, FAKE_SERVICE_NO_PACKET};

    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        const uint64_t began = mono_ms();
        struct attempt got;
        ask_one(manners[i], answer_of(200), SHORT, &got);
        assert_int_equal(got.result, ATTEMPT_TIMEOUT);
        assert_int_equal(got.addresses[0].state, ATTEMPT_SILENT);
        assert_in_range(got.addresses[0].time_ms, 1, SHORT);
        assert_int_equal(got.connected, manners[i] != FAKE_SERVICE_NO_PACKET);
        assert_true(mono_ms() - began >= SHORT);
    }
}

TEST(time_was_up_before)
{
    struct fake_service *service = fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "YES\r\n");
    struct attempt got;

    ask_all(&service, 1, 0, &got);
    assert_int_equal(got.result, ATTEMPT_TIMEOUT);
    assert_int_equal(got.addresses[0].state, ATTEMPT_UNTRIED);
    assert_int_equal(fake_service_questions(service), 0);
    fake_service_stop(&service);
}

TEST(a_connection_that_breaks)
{
    struct attempt got;
    char text[80];

    ask_one(FAKE_SERVICE_WITH_RESET, "YES stamped\r\n", LONG, &got);
    assert_int_equal(got.result, ATTEMPT_CLOSED);
    assert_int_equal(got.addresses[0].state, ATTEMPT_SPOKE);
    attempt_describe(&got, text, sizeof text);
    assert_string_equal(text, "closed without an answer: Connection reset by peer");
    ask_one(FAKE_SERVICE_NOBODY, "", LONG, &got);
    assert_int_equal(got.result, ATTEMPT_NO_CONNECTION);
    assert_int_equal(got.addresses[0].state, ATTEMPT_REFUSED);
    attempt_describe(&got, text, sizeof text);
    assert_string_equal(text, "no connection: Connection refused");
}

/* In order; `states` has a letter for each: untried, slower, refused, silent, spoke. */
TEST(several)
{
    enum {
        AT_ONCE = FAKE_SERVICE_AT_ONCE,
        NOBODY = FAKE_SERVICE_NOBODY,
        NO_PACKET = FAKE_SERVICE_NO_PACKET
    };
    static const struct {
        int manners[ATTEMPT_ADDRESSES_MAX];
        uint64_t timeout;
        enum attempt_result want;
        const char *states;
        size_t which;
    } table[] = {
            {{AT_ONCE, AT_ONCE, NOBODY, NO_PACKET}, LONG, ATTEMPT_ANSWERED, "puuu", 0},
            {{NOBODY, AT_ONCE, AT_ONCE, AT_ONCE}, LONG, ATTEMPT_ANSWERED, "rpuu", 1},
            {{NOBODY, NOBODY, NOBODY, AT_ONCE}, LONG, ATTEMPT_ANSWERED, "rrrp", 3},
            {{NOBODY, NOBODY, NOBODY, NOBODY}, LONG, ATTEMPT_NO_CONNECTION, "rrrr", 0},
            {{NO_PACKET, AT_ONCE, AT_ONCE, AT_ONCE}, LONG, ATTEMPT_ANSWERED, "lpuu", 1},
            {{NO_PACKET, NOBODY, AT_ONCE, AT_ONCE}, LONG, ATTEMPT_ANSWERED, "lrpu", 2},
            {{NO_PACKET, AT_ONCE, AT_ONCE, AT_ONCE}, SHORT, ATTEMPT_TIMEOUT, "suuu", 0},
            {{NOBODY, NO_PACKET, AT_ONCE, AT_ONCE}, SHORT, ATTEMPT_TIMEOUT, "rsuu", 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_service *services[ATTEMPT_ADDRESSES_MAX];
        char states[ATTEMPT_ADDRESSES_MAX + 1] = "";
        struct attempt got;
        for (size_t n = 0; n < ATTEMPT_ADDRESSES_MAX; n++)
            services[n] = fake_service_start(
                    "127.0.0.3", (enum fake_service_manner)table[i].manners[n], "YES stamped\r\n");
        ask_all(services, ATTEMPT_ADDRESSES_MAX, table[i].timeout, &got);
        for (size_t n = 0; n < ATTEMPT_ADDRESSES_MAX; n++) {
            states[n] = "ulrsp"[got.addresses[n].state];
            fake_service_stop(&services[n]);
        }
        if (got.result != table[i].want || got.which != table[i].which ||
                strcmp(states, table[i].states) != 0) {
            print_error("row %zu: got %d, %s, which %zu, want %d, %s, which %zu\n", i,
                    (int)got.result, states, got.which, (int)table[i].want, table[i].states,
                    table[i].which);
            fail();
        }
    }
}

/* What is told is what happened last. */
TEST(one_refuses_and_one_closes)
{
    struct fake_service *services[] = {
            fake_service_start("127.0.0.2", FAKE_SERVICE_NOBODY, ""),
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, ""),
    };
    struct attempt got;
    char text[80];

    ask_all(services, 2, LONG, &got);
    attempt_describe(&got, text, sizeof text);
    assert_string_equal(text, "closed without an answer");
    fake_service_stop(&services[0]);
    fake_service_stop(&services[1]);
}

TEST(nothing_to_ask)
{
    struct attempt got;

    ask_at(NULL, 0, LONG, &got);
    assert_int_equal(got.result, ATTEMPT_NO_CONNECTION);
    assert_int_equal(got.error, 0);
}

/* That we are short of descriptors is nobody else's fault. */
TEST(no_descriptor_is_left)
{
    struct fake_service *service =
            fake_service_start("127.0.0.2", FAKE_SERVICE_NOBODY, ""); /* no thread */
    struct rlimit before;
    struct rlimit none;
    struct attempt got;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const struct endpoint endpoint = fake_service_endpoint(service);
    ask_at(&endpoint, 1, LONG, &got);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(got.result, ATTEMPT_SHORTAGE);
    assert_int_equal(got.error, EMFILE);
    assert_int_equal(got.addresses[0].state, ATTEMPT_UNTRIED);
    fake_service_stop(&service);
}

static atomic_int alarms;
static struct fake_service *waiting;

static void on_alarm(int signal)
{
    (void)signal;
    alarms++;
}

static void *release_after_alarms(void *context)
{
    while (alarms < 20)
        (void)sched_yield();
    fake_service_release(waiting);
    return context;
}

TEST(signals_come)
{
    const struct sigaction catching = {.sa_handler = on_alarm};
    const struct itimerval often = {{0, 1000}, {0, 1000}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    sigset_t alarm_only;
    pthread_t releaser;
    struct attempt got;

    /* The other threads are begun without it. */
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &alarm_only, NULL), 0);
    waiting = fake_service_start("127.0.0.2", FAKE_SERVICE_WHEN_RELEASED, "YES stamped\r\n");
    assert_int_equal(pthread_create(&releaser, NULL, release_after_alarms, NULL), 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &catching, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    ask_all(&waiting, 1, LONG, &got);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(got.result, ATTEMPT_ANSWERED);
    pthread_join(releaser, NULL);
    fake_service_stop(&waiting);
}
