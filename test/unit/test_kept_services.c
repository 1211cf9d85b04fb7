// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "client/kept_services.h"
#include "folder.h"
#include "unit.h"

#define NOW 1800000000

static struct folder folder;
static char path[FOLDER_PATH_MAX];

BEFORE_EACH()
{
    folder = folder_make();
    folder_path(&folder, "services", path);
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static struct discovery_answer answer_of(const char *domain, const char *address, bool defer)
{
    struct discovery_answer answer = {.result = DISCOVERY_FOUND,
            .secure = true,
            .policy_result = POLICY_RECORD_OK,
            .policy = {.defer = defer},
            .count = 2};

    snprintf(answer.domain, sizeof answer.domain, "%s", domain);
    assert_true(endpoint_parse(address, &answer.servers[0].endpoint));
    assert_true(endpoint_parse("[2001:db8::1]:4443", &answer.servers[1].endpoint));
    strcpy(answer.servers[0].target, "mx.test");
    return answer;
}

static void put(struct kept_services *kept, const char *domain, uint64_t now)
{
    const struct discovery_answer answer = answer_of(domain, "192.0.2.1:26", true);

    kept_services_put(kept, &answer, now);
}

static bool has(struct kept_services *kept, const char *domain, uint64_t now)
{
    struct discovery_answer answer;

    return kept_services_get(kept, text_of(domain), now, &answer);
}

static struct kept_services *open_kept(const char *file, size_t max, uint64_t now)
{
    struct kept_services *kept = kept_services_init(file, max, now);

    assert_non_null(kept);
    return kept;
}

static char logged[2048];

/* The same; `logged` is what it said. */
static struct kept_services *open_captured(const char *file, size_t max)
{
    struct capture capture = capture_begin();
    struct kept_services *kept = kept_services_init(file, max, NOW);

    (void)capture_read(&capture, logged, sizeof logged);
    capture_end(&capture);
    assert_non_null(kept);
    return kept;
}

static const struct {
    struct unit_row row;
    bool is_file;
} stores[] = {{{"in memory", NULL}, false}, {{"in a file", NULL}, true}};

TEST_EACH(what_was_found_is_kept_whole, stores)
{
    struct kept_services *kept = open_kept(row->is_file ? path : NULL, 4, NOW);
    struct discovery_answer put_answer = answer_of("a.test", "192.0.2.1:26", true);
    struct discovery_answer got;

    put_answer.policy.has_key = true;
    put_answer.policy_secure = true;
    memset(put_answer.policy.key, 9, KEY_OCTETS);
    kept_services_put(kept, &put_answer, NOW);
    assert_true(kept_services_get(kept, text_of("a.test"), NOW + 1, &got));
    assert_int_equal(got.result, DISCOVERY_FOUND);
    assert_true(got.is_kept && got.secure && got.policy_secure);
    assert_true(got.policy.defer && got.policy.has_key);
    assert_memory_equal(got.policy.key, put_answer.policy.key, KEY_OCTETS);
    assert_int_equal(got.policy_result, POLICY_RECORD_OK);
    assert_string_equal(got.domain, "a.test");
    assert_int_equal(got.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(endpoint_equal(&got.servers[i].endpoint, &put_answer.servers[i].endpoint));
    kept_services_free(&kept);
    kept_services_free(&kept);
}

TEST(for_seven_days)
{
    static const struct {
        uint64_t now;
        bool want;
    } table[] = {
            {NOW, true}, {NOW + KEPT_SERVICES_SECONDS, true},
            {NOW + KEPT_SERVICES_SECONDS + 1, false}, {NOW - 100, true}, /* the clock went back */
    };
    struct kept_services *kept = open_kept(NULL, 4, NOW);

    put(kept, "a.test", NOW);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(has(kept, "a.test", table[i].now), table[i].want);
    put(kept, "a.test", NOW + 3600);
    assert_true(has(kept, "a.test", NOW + 3600 + KEPT_SERVICES_SECONDS));
    kept_services_free(&kept);
}

TEST(only_this_domain)
{
    struct kept_services *kept = open_kept(NULL, 4, NOW);

    put(kept, "a.test", NOW);
    assert_false(has(kept, "b.a.test", NOW));
    assert_false(has(kept, "test", NOW));
    assert_false(has(kept, "", NOW));
    kept_services_drop(kept, text_of("b.test"));
    kept_services_drop(kept, text_of("a.test"));
    assert_false(has(kept, "a.test", NOW));
    put(kept, "a.test", NOW);
    assert_true(has(kept, "a.test", NOW));
    kept_services_free(&kept);
}

TEST(the_one_that_was_not_used_for_longest_goes)
{
    struct kept_services *kept = open_kept(path, 3, NOW);

    put(kept, "a.test", NOW);
    put(kept, "b.test", NOW + 1);
    put(kept, "c.test", NOW + 2);
    assert_true(has(kept, "a.test", NOW));
    put(kept, "d.test", NOW + 3);
    assert_true(has(kept, "a.test", NOW) && has(kept, "c.test", NOW) && has(kept, "d.test", NOW));
    assert_false(has(kept, "b.test", NOW));
    kept_services_free(&kept);
    /* Afterwards the oldest go. */
    kept = open_kept(path, 3, NOW + 4);
    put(kept, "e.test", NOW + 4);
    assert_false(has(kept, "a.test", NOW + 4));
    assert_true(has(kept, "c.test", NOW + 4) && has(kept, "d.test", NOW + 4));
    kept_services_free(&kept);
}

TEST(what_changed_takes_its_place)
{
    struct kept_services *kept = open_kept(path, 2, NOW);
    struct discovery_answer got;

    put(kept, "a.test", NOW);
    const struct discovery_answer changed = answer_of("a.test", "192.0.2.9:26", false);
    kept_services_put(kept, &changed, NOW + 1);
    assert_true(kept_services_get(kept, text_of("a.test"), NOW, &got));
    assert_false(got.policy.defer);
    assert_true(endpoint_equal(&got.servers[0].endpoint, &changed.servers[0].endpoint));
    put(kept, "b.test", NOW);
    assert_true(has(kept, "a.test", NOW) && has(kept, "b.test", NOW));
    kept_services_free(&kept);
}

TEST(a_file_survives)
{
    struct kept_services *kept = open_kept(path, 4, NOW);
    struct stat st;

    put(kept, "a.test", NOW);
    put(kept, "b.test", NOW);
    put(kept, "wrong.test", NOW + 1000000); /* the clock was wrong */
    kept_services_drop(kept, text_of("b.test"));
    kept_services_free(&kept);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    kept = open_kept(path, 4, NOW + 10);
    assert_true(has(kept, "a.test", NOW + 10));
    assert_false(has(kept, "b.test", NOW + 10));
    assert_true(has(kept, "wrong.test", NOW + 10 + KEPT_SERVICES_SECONDS));
    assert_false(has(kept, "wrong.test", NOW + 11 + KEPT_SERVICES_SECONDS));
    kept_services_free(&kept);
    kept = open_kept(path, 4, NOW + 10);
    assert_true(has(kept, "wrong.test", NOW + 10));
    kept_services_free(&kept);
    assert_int_equal(folder_count(&folder), 1);
}

/* What is in the file at first, and whether it is set aside. */
static const struct {
    struct unit_row row;
    const char *content;
    size_t len;
} strange_files[] = {
        {{"an empty one", NULL}, "", 0},
        {{"text", NULL}, "verimail services 1\n", 20},
        {{"octets", NULL}, "\0\xff\0", 3},
};

TEST_EACH(a_strange_file_is_set_aside, strange_files)
{
    char kept_content[64];

    folder_write(&folder, "services", row->content, row->len, 0600);
    struct kept_services *kept = open_captured(path, 4);
    assert_non_null(strstr(logged, "event=kept-services-damaged set_aside="));
    assert_true(folder_read(&folder, "services.damaged", kept_content, sizeof kept_content));
    put(kept, "a.test", NOW);
    kept_services_free(&kept);
    kept = open_kept(path, 4, NOW);
    assert_true(has(kept, "a.test", NOW));
    kept_services_free(&kept);
}

/* Each octet of the file is changed once: either the file is set aside, or one record is dropped,
 * or nothing was lost. Nothing else is ever read. */
TEST(damaged_octets)
{
    char content[8192];
    struct stat st;
    struct kept_services *kept = open_kept(path, 2, NOW);

    put(kept, "a.test", NOW);
    put(kept, "b.test", NOW);
    kept_services_free(&kept);
    assert_int_equal(stat(path, &st), 0);
    const size_t size = (size_t)st.st_size;
    assert_in_range(size, 100, sizeof content - 1);
    assert_true(folder_read(&folder, "services", content, sizeof content));
    for (size_t i = 0; i < size; i++) {
        struct discovery_answer got;
        content[i] ^= 0x41;
        folder_write(&folder, "services", content, size, 0600);
        content[i] ^= 0x41;
        kept = open_captured(path, 2);
        const bool said = strstr(logged, "kept-services-damaged") != NULL;
        size_t found = 0;
        for (const char *const *name = (const char *const[]){"a.test", "b.test", NULL};
                *name != NULL; name++) {
            if (!kept_services_get(kept, text_of(*name), NOW, &got))
                continue;
            found++;
            assert_true(got.count == 2 && got.policy.defer);
        }
        assert_true(found == 2 || said);
        kept_services_free(&kept);
        (void)unlink(path);
    }
}

TEST(another_process_has_the_file)
{
    struct kept_services *first = open_kept(path, 4, NOW);

    struct kept_services *second = open_captured(path, 4);
    assert_non_null(strstr(logged, "event=kept-services-not-saved path="));
    put(second, "b.test", NOW);
    assert_true(has(second, "b.test", NOW));
    assert_false(has(first, "b.test", NOW));
    kept_services_free(&second);
    kept_services_free(&first);
}

TEST(a_folder_that_is_not_there)
{
    struct kept_services *kept = open_captured("/nowhere/services", 4);
    assert_non_null(strstr(logged, "event=kept-services-not-saved path=/nowhere/services"));
    put(kept, "a.test", NOW);
    assert_true(has(kept, "a.test", NOW));
    kept_services_free(&kept);
}

TEST(no_link_is_followed)
{
    char target[FOLDER_PATH_MAX];
    char content[16];

    folder_write(&folder, "mine", "text", 4, 0600);
    folder_path(&folder, "mine", target);
    assert_int_equal(symlink(target, path), 0);
    struct kept_services *kept = open_kept(path, 4, NOW);
    put(kept, "a.test", NOW);
    kept_services_free(&kept);
    assert_true(folder_read(&folder, "mine", content, sizeof content));
    assert_string_equal(content, "text");
}
