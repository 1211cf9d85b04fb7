// SPDX-License-Identifier: ISC
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "folder.h"
#include "unit.h"
#include "verimaild/keyuse.h"

#define NOW UINT64_C(1767225600)
#define DAY UINT64_C(86400)
#define LIFETIME (7 * DAY)

static struct folder folder;
static char file[65536]; /* what the file says */

/* A ring of the service with these hosts: h1.example.org and so on. */
static struct keyring *ring_of(const char *numbers)
{
    static const char *const names[] = {"h1.example.org", "h2.example.org", "h3.example.org"};
    static const unsigned char service[KEY_OCTETS] = {99};
    struct keyring *ring = keyring_init(strlen(numbers));

    assert_non_null(ring);
    for (; *numbers != '\0'; numbers++) {
        const unsigned char secret[KEY_OCTETS] = {0, (unsigned char)*numbers};
        unsigned char public[KEY_OCTETS];
        key_public(secret, public);
        assert_int_equal(keyring_add(ring, names[*numbers - '1'], public, service), KEY_OK);
    }
    keyring_seal(ring);
    return ring;
}

static const struct shared_key *key_of(const struct keyring *ring, const char *host)
{
    for (size_t i = 0; i < keyring_count(ring); i++)
        if (strcmp(keyring_at(ring, i)->host, host) == 0)
            return keyring_at(ring, i);
    fail();
    return NULL;
}

/* A line of the file. */
static const char *line_of(
        const struct shared_key *key, uint64_t used, uint64_t since, char line_r[512])
{
    char id[2 * KEY_ID_OCTETS + 1];

    sodium_bin2hex(id, sizeof id, key->id, KEY_ID_OCTETS);
    snprintf(line_r, 512, "%s %s %llu %llu\n", id, key->host, (unsigned long long)used,
            (unsigned long long)since);
    return line_r;
}

static void check_line(const struct keyring *ring, const char *host, uint64_t used, uint64_t since)
{
    char line[512];

    if (strstr(file, line_of(key_of(ring, host), used, since, line)) == NULL) {
        print_error("want %sgot:\n%s", line, file);
        fail();
    }
}

static void save(struct keyuse *use, uint64_t now)
{
    assert_true(keyuse_save(use, folder.path, now));
    assert_true(folder_read(&folder, "keys", file, sizeof file));
}

static size_t count_lines(void)
{
    size_t lines = 0;

    for (const char *at = file; *at != '\0'; at++)
        lines += *at == '\n';
    return lines;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

TEST(latest_use_is_kept)
{
    struct keyring *ring = ring_of("12");
    struct keyuse *use = keyuse_init(ring);
    const struct shared_key *first = key_of(ring, "h1.example.org");

    assert_non_null(use);
    keyuse_note(use, first, NOW - 100, NOW);
    keyuse_note(use, first, NOW - 50, NOW);
    keyuse_note(use, first, NOW - 70, NOW);
    save(use, NOW);
    assert_int_equal(count_lines(), 2);
    check_line(ring, "h1.example.org", NOW - 50, NOW);
    check_line(ring, "h2.example.org", 0, NOW);
    keyuse_note(use, first, NOW + 200, NOW); /* its clock is ahead */
    save(use, NOW);
    check_line(ring, "h1.example.org", NOW, NOW);
    keyuse_free(&use);
    assert_null(use);
    keyuse_free(&use);
    (void)keyring_free(&ring);
}

/* What a forked worker notes is seen by its parent. */
TEST(notes_are_shared)
{
    struct keyring *ring = ring_of("1");
    struct keyuse *use = keyuse_init(ring);
    int status = -1;
    const pid_t child = fork();

    assert_non_null(use);
    if (child == 0) {
        keyuse_note(use, keyring_at(ring, 0), NOW - 1, NOW);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    save(use, NOW);
    check_line(ring, "h1.example.org", NOW - 1, NOW);
    keyuse_free(&use);
    (void)keyring_free(&ring);
}

/* Saved, and saved again by one that knows nothing yet, and by one that has lost a key. */
TEST(files_are_merged)
{
    struct keyring *both = ring_of("12");
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(both);

    assert_non_null(use);
    keyuse_note(use, key_of(both, "h1.example.org"), NOW - 10, NOW);
    keyuse_note(use, key_of(both, "h2.example.org"), NOW - 20, NOW);
    save(use, NOW);
    keyuse_free(&use);
    use = keyuse_init(both);
    save(use, NOW + 5);
    check_line(both, "h1.example.org", NOW - 10, NOW);
    check_line(both, "h2.example.org", NOW - 20, NOW);
    keyuse_free(&use);
    use = keyuse_init(one);
    keyuse_note(use, key_of(one, "h1.example.org"), NOW - 11, NOW); /* older than the file's */
    save(use, NOW);
    check_line(both, "h1.example.org", NOW - 10, NOW);
    check_line(both, "h2.example.org", NOW - 20, NOW);
    keyuse_free(&use);
    use = keyuse_init(both); /* it is back */
    save(use, NOW);
    assert_int_equal(count_lines(), 2);
    check_line(both, "h2.example.org", NOW - 20, NOW);
    keyuse_free(&use);
    (void)keyring_free(&both);
    (void)keyring_free(&one);
}

TEST(removed_keys_are_forgotten_in_time)
{
    static const struct {
        uint64_t age;
        bool kept;
    } table[] = {{0, true}, {400 * DAY - 1, true}, {400 * DAY, false}, {NOW, false}};
    struct keyring *both = ring_of("12");
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    char line[512];

    assert_non_null(use);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        line_of(key_of(both, "h2.example.org"), NOW - table[i].age, 0, line);
        folder_write(&folder, "keys", line, strlen(line), 0600);
        save(use, NOW);
        if ((strstr(file, line) != NULL) != table[i].kept) {
            print_error("age %llu: got\n%s", (unsigned long long)table[i].age, file);
            fail();
        }
    }
    keyuse_free(&use);
    (void)keyring_free(&both);
    (void)keyring_free(&one);
}

/* The warnings about a file of one line, under a ring that has not its key. */
static size_t warnings(const char *line, uint64_t now, char text_r[1024])
{
    struct keyring *one = ring_of("1");
    struct problems *problems = problems_init("f");

    assert_non_null(problems);
    folder_write(&folder, "keys", line, strlen(line), 0600);
    keyuse_warn(one, folder.path, LIFETIME, now, problems);
    const size_t count = problems_count(problems);
    snprintf(text_r, 1024, "%s", problems_text(problems));
    problems_free(&problems);
    (void)keyring_free(&one);
    return count;
}

TEST(warnings_at_their_edges)
{
    static const struct {
        uint64_t used;
        uint64_t now;
        size_t want;
    } table[] = {
            {NOW, NOW, 1},
            {NOW, NOW + LIFETIME, 1},
            {NOW, NOW + LIFETIME + 300, 1},
            {NOW, NOW + LIFETIME + 301, 0},
            {NOW, NOW - 1, 0},
            {0, NOW, 0}, /* never used */
            {0, 10, 0},
            {1, 10, 1},
            {UINT64_MAX, NOW, 0},
            {UINT64_MAX - 300, NOW, 0},
    };
    struct keyring *both = ring_of("12");
    char line[512];
    char text[1024];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        line_of(key_of(both, "h2.example.org"), table[i].used, 0, line);
        const size_t got = warnings(line, table[i].now, text);
        if (got != table[i].want) {
            print_error("row %zu: got %zu, want %zu\n%s", i, got, table[i].want, text);
            fail();
        }
        line_of(key_of(both, "h1.example.org"), table[i].used, 0, line); /* is in the ring */
        assert_int_equal(warnings(line, table[i].now, text), 0);
    }
    (void)keyring_free(&both);
}

TEST(warnings_say_until_when)
{
    char text[1024];

    assert_int_equal(warnings("0123456789abcdef old.example.org 1767225600\n", NOW, text), 1);
    assert_string_equal(text, "f: warning: a key removed while its payloads are still good: host "
                              "old.example.org, key id 0123456789abcdef: expected it to stay until "
                              "2026-01-08 00:05:00 UTC\n");
}

/* Lines that are none are passed over, those around them are not. */
TEST(broken_files)
{
    static const char *const broken[] = {
            "\n",
            "x\n",
            "0123456789abcdef\n",
            "0123456789abcdef h.example.org\n",
            "0123456789abcdef h.example.org \n",
            "0123456789abcdef h.example.org x\n",
            "0123456789abcdef h.example.org 01\n",
            "0123456789abcdef h.example.org 18446744073709551616\n",
            "0123456789abcdef  1767225600\n",
            "0123456789abcdef h_x 1767225600\n",
            "0123456789abcde h.example.org 1767225600\n",
            "0123456789abcdef00 h.example.org 1767225600\n",
            "0123456789abcdeg h.example.org 1767225600\n",
            "0123456789abcdef h.example.org 1767225600 x\n",
            "\xff\xfe\x01\n",
    };
    char text[1024];

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char content[512];
        if (warnings(broken[i], NOW, text) != 0) {
            print_error("%s was read: %s", broken[i], text);
            fail();
        }
        snprintf(content, sizeof content, "%sfedcba9876543210 a.org 1767225600\n%s", broken[i],
                broken[i]);
        assert_int_equal(warnings(content, NOW, text), 1);
        assert_non_null(strstr(text, "host a.org, key id fedcba9876543210"));
    }
    assert_int_equal(warnings("", NOW, text), 0);
    assert_int_equal(warnings("0123456789abcdef h.example.org 1767225600", NOW, text), 1);
}

TEST(long_lines)
{
    static char content[5000];
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    char text[1024];

    assert_non_null(use);
    memset(content, 'x', sizeof content - 1);
    assert_int_equal(warnings(content, NOW, text), 0);
    save(use, NOW);
    assert_int_equal(count_lines(), 1);
    keyuse_free(&use);
    (void)keyring_free(&one);
}

/* A clock that was wrong once leaves no key in use for ever. */
TEST(uses_from_the_future)
{
    struct keyring *one = ring_of("1");
    struct keyring *both = ring_of("12");
    struct keyuse *use = keyuse_init(one);
    char content[1024];
    char line[512];

    assert_non_null(use);
    strcpy(content, line_of(key_of(both, "h1.example.org"), NOW + 1000 * DAY, UINT64_MAX, line));
    strcat(content, line_of(key_of(both, "h2.example.org"), UINT64_MAX, 0, line));
    folder_write(&folder, "keys", content, strlen(content), 0600);
    save(use, NOW);
    check_line(both, "h1.example.org", NOW, NOW);
    check_line(both, "h2.example.org", NOW, 0);
    keyuse_free(&use);
    (void)keyring_free(&both);
    (void)keyring_free(&one);
}

/* Since when a pair is here outlives whoever has not got it, and whoever was older. */
TEST(first_days_are_kept)
{
    struct keyring *both = ring_of("12");
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);

    assert_non_null(use);
    save(use, NOW - DAY);
    check_line(one, "h1.example.org", 0, NOW - DAY);
    keyuse_free(&use);
    use = keyuse_init(both);
    save(use, NOW);
    check_line(both, "h1.example.org", 0, NOW - DAY);
    check_line(both, "h2.example.org", 0, NOW);
    struct keyuse *old = keyuse_init(one);
    save(old, NOW + 1);
    check_line(both, "h1.example.org", 0, NOW - DAY);
    check_line(both, "h2.example.org", 0, NOW);
    save(use, NOW + 2);
    assert_int_equal(count_lines(), 2);
    check_line(both, "h2.example.org", 0, NOW);
    keyuse_free(&old);
    keyuse_free(&use);
    (void)keyring_free(&both);
    (void)keyring_free(&one);
}

/* The folder may be a worker's: what lies there in place of the files is not followed. */
TEST(links_are_not_followed)
{
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    struct problems *problems = problems_init("f");
    char keys[FOLDER_PATH_MAX];
    char new_keys[FOLDER_PATH_MAX];
    char elsewhere[FOLDER_PATH_MAX];
    char buffer[512];
    struct stat st;

    assert_non_null(use);
    assert_non_null(problems);
    static const char line[] = "0123456789abcdef old.example.org 1767225600\n";
    folder_write(&folder, "elsewhere", line, strlen(line), 0600);
    folder_path(&folder, "keys", keys);
    folder_path(&folder, "keys.new", new_keys);
    folder_path(&folder, "elsewhere", elsewhere);
    assert_int_equal(symlink(elsewhere, keys), 0);
    assert_int_equal(symlink(elsewhere, new_keys), 0);
    keyuse_warn(one, folder.path, LIFETIME, NOW, problems);
    assert_int_equal(problems_count(problems), 0);
    save(use, NOW);
    assert_int_equal(count_lines(), 1); /* nothing of what the link led to */
    assert_int_equal(lstat(keys, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(lstat(new_keys, &st), -1);
    assert_true(folder_read(&folder, "elsewhere", buffer, sizeof buffer));
    assert_string_equal(buffer, line);
    problems_free(&problems);
    keyuse_free(&use);
    (void)keyring_free(&one);
}

/* Nothing waits for a writer. */
TEST(fifos_are_no_files)
{
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    char path[FOLDER_PATH_MAX];

    assert_non_null(use);
    folder_path(&folder, "keys", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    save(use, NOW);
    assert_int_equal(count_lines(), 1);
    keyuse_free(&use);
    (void)keyring_free(&one);
}

TEST(folders_that_cannot_be_written)
{
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    struct problems *problems = problems_init("f");
    char path[FOLDER_PATH_MAX];

    assert_non_null(use);
    assert_non_null(problems);
    folder_path(&folder, "nothing", path);
    errno = 0;
    assert_false(keyuse_save(use, path, NOW));
    assert_int_equal(errno, ENOENT);
    keyuse_warn(one, path, LIFETIME, NOW, problems);
    assert_int_equal(problems_count(problems), 0);
    /* A folder in place of the file: it stays as it was. */
    folder_path(&folder, "keys", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(keyuse_save(use, folder.path, NOW));
    keyuse_warn(one, folder.path, LIFETIME, NOW, problems);
    assert_int_equal(problems_count(problems), 0);
    problems_free(&problems);
    keyuse_free(&use);
    (void)keyring_free(&one);
}

/* A file that cannot be opened once: nothing is written without what it says. */
TEST(an_old_file_that_cannot_be_opened)
{
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    char path[FOLDER_PATH_MAX];
    struct stat st;

    assert_non_null(use);
    folder_path(&folder, "keys", path);
    assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0);
    errno = 0;
    assert_false(keyuse_save(use, folder.path, NOW));
    assert_int_equal(errno, ENXIO);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(unlink(path), 0);
    save(use, NOW);
    assert_int_equal(count_lines(), 1);
    keyuse_free(&use);
    (void)keyring_free(&one);
}

/* Whatever fails before the new file is on the disk: the old one stays. */
TEST(an_old_file_stays_until_the_new_one_is_whole)
{
    static const char *const kinds[] = {"open", "fsync", "rename"};
    struct keyring *one = ring_of("1");
    struct keyuse *use = keyuse_init(one);
    char got[512];

    assert_non_null(use);
    save(use, NOW);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        keyuse_note(use, keyring_at(one, 0), NOW + 1 + i, NOW + 1 + i);
        fault_once(kinds[i], 1);
        assert_false(keyuse_save(use, folder.path, NOW + 1 + i));
        assert_int_equal(fault_end(), 1);
        assert_true(folder_read(&folder, "keys", got, sizeof got));
        assert_string_equal(got, file);
    }
    save(use, NOW + 10);
    check_line(one, "h1.example.org", NOW + 3, NOW);
    keyuse_free(&use);
    (void)keyring_free(&one);
}

TEST(no_keys_at_all)
{
    struct keyring *none = ring_of("");
    struct keyuse *use = keyuse_init(none);

    assert_non_null(use);
    save(use, NOW);
    assert_string_equal(file, "");
    keyuse_free(&use);
    (void)keyring_free(&none);
}
