// SPDX-License-Identifier: ISC
#include "counting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct folder counting_folder;
char counting_path[FOLDER_PATH_MAX];
struct replay_item counting_many[COUNTING_BATCH];

static char address[FOLDER_PATH_MAX + 8];

static void on_done(void *context, struct replay_item *item)
{
    struct counting *counting = context;

    if (item->result == REPLAY_PENDING)
        abort();
    counting->done++;
}

void counting_open(struct counting *counting, uint64_t today)
{
    const struct replay_setup setup = {
            .address = address, .keep = COUNTING_KEEP, .done = on_done, .context = counting};

    *counting = (struct counting){.now = 1000, .today = today};
    counting->replay = replay_open(&setup, counting->now, today);
    if (counting->replay == NULL)
        abort();
}

struct replay_item counting_item(
        uint64_t issued, uint64_t number, uint32_t allowance, size_t domains)
{
    struct replay_item item = {.issued = issued,
            .expires = issued + COUNTING_KEEP,
            .entries_count = domains,
            .result = REPLAY_PENDING};

    memcpy(item.nonce, &number, sizeof number);
    for (size_t i = 0; i < domains; i++) {
        memcpy(item.entries[i].domain, &i, sizeof i);
        item.entries[i].allowance = allowance;
    }
    return item;
}

void counting_turn(struct counting *counting, struct replay_item *items, size_t count)
{
    const size_t before = counting->done;

    counting->now += 1000;
    for (size_t i = 0; i < count; i++) {
        items[i].result = REPLAY_PENDING;
        replay_submit(counting->replay, &items[i], counting->now, counting->today);
    }
    replay_commit(counting->replay, counting->now, counting->today);
    if (counting->done != before + count)
        abort();
}

enum replay_count counting_ask(
        struct counting *counting, uint64_t issued, uint64_t number, uint32_t allowance)
{
    struct replay_item item = counting_item(issued, number, allowance, 1);

    counting_turn(counting, &item, 1);
    return item.result;
}

void counting_at(const char *name)
{
    folder_path(&counting_folder, name, counting_path);
    snprintf(address, sizeof address, "lmdb:%s", counting_path);
}

void counting_set_up(void)
{
    counting_folder = folder_make();
    counting_at("replay");
}

void counting_tear_down(void)
{
    folder_remove(&counting_folder);
}

void counting_must(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "line %d of the test does not hold\n", line);
    abort();
}

const char *counting_beside(const char *suffix)
{
    static char room[FOLDER_PATH_MAX + 8];

    snprintf(room, sizeof room, "%s%s", counting_path, suffix);
    return room;
}

bool counting_is_there(const char *suffix)
{
    return access(counting_beside(suffix), F_OK) == 0;
}

off_t counting_length(void)
{
    struct stat about;

    must(stat(counting_path, &about) == 0);
    return about.st_size;
}

struct replay_health counting_health(const struct counting *c)
{
    struct replay_health health;

    replay_health(c->replay, &health);
    return health;
}

void counting_fails(const char *want)
{
    struct counting c;

    counting_open(&c, COUNTING_TODAY);
    if (strstr(counting_health(&c).why, want) == NULL)
        fprintf(stderr, "%s, want %s\n", counting_health(&c).why, want);
    must(strstr(counting_health(&c).why, want) != NULL);
    must(counting_ask(&c, COUNTING_TODAY, 1, 4) == REPLAY_FAILED);
    must(counting_health(&c).failures == 1);
    must(!replay_is_stale(c.replay));
    const int left = replay_time_left(c.replay, c.now);
    must(left > 0 && left <= 60000);
    replay_commit(c.replay, c.now + (uint64_t)left, COUNTING_TODAY);
    must(replay_is_stale(c.replay)); /* let another try */
    replay_close(&c.replay);
}

uint64_t counting_ask_all(
        struct counting *c, uint64_t first, uint64_t count, enum replay_count want)
{
    uint64_t other = 0;

    for (uint64_t i = first; i < first + count; i++)
        other += counting_ask(c, COUNTING_TODAY, i, 1) != want;
    return other;
}

void counting_fill(void)
{
    struct counting c;

    counting_open(&c, COUNTING_TODAY);
    must(counting_ask_all(&c, 0, 100, REPLAY_WITHIN) == 0);
    replay_close(&c.replay);
}

void counting_is_begun_anew(uint64_t today)
{
    struct counting c;

    counting_open(&c, today);
    must(strstr(counting_health(&c).why, "was begun anew") != NULL);
    must(counting_ask_all(&c, 0, 100, REPLAY_FAILED) == 0);
    must(strstr(counting_health(&c).why, "was begun anew") != NULL);
    must(counting_health(&c).failures == 100);
    must(counting_ask(&c, today, 200, 1) == REPLAY_FAILED);
    must(counting_ask(&c, today + 1, 201, 1) == REPLAY_WITHIN);
    must(counting_ask(&c, today + 1, 201, 1) == REPLAY_OVER);
    must(counting_health(&c).why[0] == '\0');
    c.today = today + COUNTING_HOUR - 1;
    must(counting_ask(&c, COUNTING_TODAY, 0, 1) == REPLAY_FAILED);
    c.today = today + COUNTING_HOUR;
    must(counting_ask_all(&c, 0, 100, REPLAY_WITHIN) == 0);
    must(counting_ask_all(&c, 0, 100, REPLAY_OVER) == 0);
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

void counting_wide_turn(struct counting *c, uint64_t number, struct tally *tally)
{
    for (size_t k = 0; k < COUNTING_BATCH; k++)
        counting_many[k] = counting_item(COUNTING_TODAY, number + k, 1, COUNTING_DOMAINS);
    counting_turn(c, counting_many, COUNTING_BATCH);
    for (size_t k = 0; k < COUNTING_BATCH; k++) {
        tally->within += counting_many[k].result == REPLAY_WITHIN;
        tally->wrong += counting_many[k].result == REPLAY_FAILED;
    }
}
