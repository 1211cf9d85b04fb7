// SPDX-License-Identifier: ISC
#include "fixture_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct folder fixture_replay_folder;
char fixture_replay_path[FOLDER_PATH_MAX];
struct count_request fixture_replay_many[FIXTURE_REPLAY_BATCH];

static char address[FOLDER_PATH_MAX + 8];

static void on_done(void *context, struct count_request *item)
{
    struct fixture_replay *fixture = context;

    if (item->result == REPLAY_PENDING)
        abort();
    fixture->done++;
}

void fixture_replay_open(struct fixture_replay *fixture, uint64_t unix_now)
{
    const struct replay_setup setup = {
            .address = address, .keep = FIXTURE_REPLAY_KEEP, .done = on_done, .context = fixture};

    *fixture = (struct fixture_replay){.mono_ms = 1000, .unix_now = unix_now};
    fixture->replay = replay_open(&setup, fixture->mono_ms, unix_now);
    if (fixture->replay == NULL)
        abort();
}

struct count_request fixture_replay_item(
        uint64_t issued, uint64_t number, uint32_t allowance, size_t domains)
{
    struct count_request item = {.issued = issued,
            .expires = issued + FIXTURE_REPLAY_KEEP,
            .entries_count = domains,
            .result = REPLAY_PENDING};

    memcpy(item.nonce, &number, sizeof number);
    for (size_t i = 0; i < domains; i++) {
        memcpy(item.entries[i].domain, &i, sizeof i);
        item.entries[i].allowance = allowance;
    }
    return item;
}

void fixture_replay_turn(struct fixture_replay *fixture, struct count_request *items, size_t count)
{
    const size_t before = fixture->done;

    fixture->mono_ms += 1000;
    for (size_t i = 0; i < count; i++) {
        items[i].result = REPLAY_PENDING;
        replay_submit(fixture->replay, &items[i], fixture->mono_ms, fixture->unix_now);
    }
    replay_commit(fixture->replay, fixture->mono_ms, fixture->unix_now);
    if (fixture->done != before + count)
        abort();
}

enum replay_count fixture_replay_ask(
        struct fixture_replay *fixture, uint64_t issued, uint64_t number, uint32_t allowance)
{
    struct count_request item = fixture_replay_item(issued, number, allowance, 1);

    fixture_replay_turn(fixture, &item, 1);
    return item.result;
}

void fixture_replay_at(const char *name)
{
    folder_path(&fixture_replay_folder, name, fixture_replay_path);
    snprintf(address, sizeof address, "lmdb:%s", fixture_replay_path);
}

void fixture_replay_set_up(void)
{
    fixture_replay_folder = folder_make();
    fixture_replay_at("replay");
}

void fixture_replay_tear_down(void)
{
    folder_remove(&fixture_replay_folder);
}

void fixture_replay_must(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "line %d of the test does not hold\n", line);
    abort();
}

const char *fixture_replay_beside(const char *suffix)
{
    static char buffer[FOLDER_PATH_MAX + 8];

    snprintf(buffer, sizeof buffer, "%s%s", fixture_replay_path, suffix);
    return buffer;
}

bool fixture_replay_is_there(const char *suffix)
{
    return access(fixture_replay_beside(suffix), F_OK) == 0;
}

off_t fixture_replay_length(void)
{
    struct stat about;

    must(stat(fixture_replay_path, &about) == 0);
    return about.st_size;
}

struct clean_flag *fixture_replay_flag(void)
{
    char error[CLEAN_FLAG_ERROR_MAX] = "";
    struct clean_flag *flag = clean_flag_open(fixture_replay_beside("-mark"), error);

    if (flag == NULL)
        fprintf(stderr, "%s\n", error);
    must(flag != NULL);
    return flag;
}

void fixture_replay_forget(void)
{
    static const char *const suffixes[] = {"", "-mark", "-lock", ".lost"};

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        (void)unlink(fixture_replay_beside(suffixes[i]));
}

struct replay_health fixture_replay_health(const struct fixture_replay *c)
{
    struct replay_health health;

    replay_health(c->replay, &health);
    return health;
}

void fixture_replay_fails(const char *want)
{
    struct fixture_replay c;

    fixture_replay_open(&c, FIXTURE_REPLAY_TODAY);
    if (strstr(fixture_replay_health(&c).error, want) == NULL)
        fprintf(stderr, "%s, want %s\n", fixture_replay_health(&c).error, want);
    must(strstr(fixture_replay_health(&c).error, want) != NULL);
    const int left = replay_time_left(c.replay, c.mono_ms);
    must(left > 0 && left <= 1000);
    replay_commit(c.replay, c.mono_ms + (uint64_t)left - 1, FIXTURE_REPLAY_TODAY);
    must(!replay_is_stale(c.replay));
    must(fixture_replay_ask(&c, FIXTURE_REPLAY_TODAY, 1, 4) == REPLAY_FAILED);
    must(fixture_replay_health(&c).failures == 1);
    must(replay_is_stale(c.replay)); /* let another try */
    replay_close(&c.replay);
}

uint64_t fixture_replay_ask_all(
        struct fixture_replay *c, uint64_t first, uint64_t count, enum replay_count want)
{
    uint64_t other = 0;

    for (uint64_t i = first; i < first + count; i++)
        other += fixture_replay_ask(c, FIXTURE_REPLAY_TODAY, i, 1) != want;
    return other;
}

void fixture_replay_fill(void)
{
    struct fixture_replay c;

    fixture_replay_open(&c, FIXTURE_REPLAY_TODAY);
    must(fixture_replay_ask_all(&c, 0, 100, REPLAY_WITHIN) == 0);
    replay_close(&c.replay);
}

void fixture_replay_is_recreated(uint64_t unix_now)
{
    struct fixture_replay c;

    fixture_replay_open(&c, unix_now);
    must(strstr(fixture_replay_health(&c).error, "was recreated") != NULL);
    must(fixture_replay_ask_all(&c, 0, 100, REPLAY_FAILED) == 0);
    must(strstr(fixture_replay_health(&c).error, "was recreated") != NULL);
    must(fixture_replay_health(&c).failures == 100);
    must(fixture_replay_ask(&c, unix_now, 200, 1) == REPLAY_FAILED);
    must(fixture_replay_ask(&c, unix_now + 1, 201, 1) == REPLAY_WITHIN);
    must(fixture_replay_ask(&c, unix_now + 1, 201, 1) == REPLAY_OVER);
    must(fixture_replay_health(&c).error[0] == '\0');
    c.unix_now = unix_now + FIXTURE_REPLAY_HOUR - 1;
    must(fixture_replay_ask(&c, FIXTURE_REPLAY_TODAY, 0, 1) == REPLAY_FAILED);
    c.unix_now = unix_now + FIXTURE_REPLAY_HOUR;
    must(fixture_replay_ask_all(&c, 0, 100, REPLAY_WITHIN) == 0);
    must(fixture_replay_ask_all(&c, 0, 100, REPLAY_OVER) == 0);
    must(!replay_is_stale(c.replay));
    replay_close(&c.replay);
}

struct tally *tally_make(void)
{
    struct tally *tally =
            mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    must(tally != MAP_FAILED);
    return tally;
}

pid_t tally_start(void (*work)(struct tally *), struct tally *tally)
{
    const pid_t pid = fork();

    must(pid >= 0);
    if (pid == 0) {
        work(tally);
        _exit(0);
    }
    return pid;
}

void tally_wait(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        must(waitpid(pids[i], &status, 0) == pids[i]);
        must(status == 0);
    }
}

void fixture_replay_wide_turn(struct fixture_replay *c, uint64_t number, struct tally *tally)
{
    for (size_t k = 0; k < FIXTURE_REPLAY_BATCH; k++)
        fixture_replay_many[k] =
                fixture_replay_item(FIXTURE_REPLAY_TODAY, number + k, 1, FIXTURE_REPLAY_DOMAINS);
    fixture_replay_turn(c, fixture_replay_many, FIXTURE_REPLAY_BATCH);
    for (size_t k = 0; k < FIXTURE_REPLAY_BATCH; k++) {
        tally->within += fixture_replay_many[k].result == REPLAY_WITHIN;
        tally->wrong += fixture_replay_many[k].result == REPLAY_FAILED;
    }
}
