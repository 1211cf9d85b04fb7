// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/problems.h"
#include "folder.h"
#include "unit.h"

static struct folder folder;

static struct config *read_file(const char *text, struct problems *problems)
{
    char path[FOLDER_PATH_MAX];

    assert_non_null(problems);
    folder_write(&folder, "conf", text, strlen(text), 0600);
    folder_path(&folder, "conf", path);
    return config_read(path, problems);
}

BEFORE_ALL()
{
    folder = folder_make();
}

AFTER_ALL()
{
    folder_remove(&folder);
}

TEST(a_file_is_read)
{
    struct problems *problems = problems_init("f");
    struct config *config = read_file("domain a.b { }\ndomain c.d { default = yes }\n", problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    assert_non_null(config);
    config_free(&config);
    assert_null(config);
    config_free(&config);
    problems_free(&problems);
}

/* Whatever kind of mistake it is: there is no configuration, and there is a sentence. */
TEST(any_mistake_is_no_configuration)
{
    static const struct {
        const char *text;
        const char *want;
    } table[] = {
            {"/* ", "f:1: a comment that does not end: expected */\n"},
            {"x { }", "f:1: no such option or section: x: expected a name that verimail.conf(5) "
                      "lists\n"},
            {"domain a.b { ttl = 2h }",
                    "f:1: bad ttl: 2h: expected a time from 0s to 1h, as in 90s, 15m\n"},
            {"host a.b { }", "f:1: host without keys: expected keys = {\"host-public:...\"}\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_null(read_file(table[i].text, problems));
        assert_string_equal(problems_text(problems), table[i].want);
        problems_free(&problems);
    }
}

/* One reading leaves nothing behind for the next, not even after a syntax error. */
TEST(readings_are_apart)
{
    for (int i = 0; i < 3; i++) {
        struct problems *problems = problems_init("f");
        assert_null(read_file("domain a.b { user x { hosts = {a.b, \"", problems));
        assert_null(read_file("domain a.b { user x { hosts = {a.b, } nothing", problems));
        assert_null(read_file("domain a.b { user x { nothing = 1 } }", problems));
        struct config *config = read_file("domain a.b { user x { hosts = {} } }\n", problems);
        assert_non_null(config);
        assert_int_equal(problems_count(problems), 4);
        config_free(&config);
        problems_free(&problems);
    }
}

TEST(memory_is_read_as_a_file_is)
{
    static const char *const texts[] = {"", "# nothing", "domain a.b { }\n",
            "domain a.b {\n ttl = 2h }", "domain a.b {", "host a.b { }", "x",
            "verify { authserv_id = a.b }\nmilter { socket = \"unix:/m\" }"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct problems *by_file = problems_init("f");
        struct problems *by_memory = problems_init("f");
        const size_t len = strlen(texts[i]);
        char *copy = calloc(1, len > 0 ? len : 1); /* without a NUL behind it */
        memcpy(copy, texts[i], len);
        struct config *file = read_file(texts[i], by_file);
        struct config *memory = config_read_text(copy, len, by_memory);
        assert_int_equal(file != NULL, memory != NULL);
        assert_string_equal(problems_text(by_memory), problems_text(by_file));
        assert_int_equal(memcmp(copy, texts[i], len), 0);
        free(copy);
        config_free(&file);
        config_free(&memory);
        problems_free(&by_file);
        problems_free(&by_memory);
    }
}

TEST(a_nul_in_memory_is_named)
{
    struct problems *problems = problems_init("f");

    assert_non_null(problems);
    assert_null(config_read_text("\n#\0\n", 4, problems));
    assert_string_equal(problems_text(problems), "f:2: a NUL octet: expected text\n");
    problems_free(&problems);
}

static struct config *read_memory(const char *text, struct problems *problems)
{
    assert_non_null(problems);
    return config_read_text(text, strlen(text), problems);
}

TEST(verify_is_read)
{
    struct problems *problems = problems_init("f");
    struct config *config =
            read_memory("verify {\n"
                        "  authserv_id = MX.example.NET mode = monitor\n"
                        "  on_no = quarantine on_permerror = mark on_backscatter = reject\n"
                        "  on_temperror = tempfail send_ip = no\n"
                        "  resolver = \"::1@53\"\n"
                        "  trust_anchors = {\". IN DS 1 8 2 00\"}\n"
                        "  allow_networks = {10.0.0.0/8,\n \"::1\"}\n"
                        "  allow_ports = {25, 587}\n"
                        "  budget_per_domain = 1\n"
                        "}\n",
                    problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    assert_int_equal(config->verify_count, 1);
    assert_int_equal(config->milter_count, 0);
    const struct config_verify *v = config->verify;
    assert_int_equal(v->line, 1);
    assert_string_equal(v->authserv_id.at, "mx.example.net");
    assert_int_equal(v->authserv_id.line, 2);
    assert_string_equal(v->mode.at, "monitor");
    assert_string_equal(v->on_no.at, "quarantine");
    assert_string_equal(v->on_permerror.at, "mark");
    assert_string_equal(v->on_backscatter.at, "reject");
    assert_string_equal(v->on_temperror.at, "tempfail");
    assert_false(v->send_ip);
    assert_string_equal(v->resolver.at, "::1@53");
    assert_int_equal(v->trust_anchors.count, 1);
    assert_true(v->trust_anchors_given);
    assert_int_equal(v->allow_networks.count, 2);
    assert_int_equal(v->allow_networks.at[1].line, 8);
    assert_int_equal(v->allow_ports.count, 2);
    assert_string_equal(v->allow_ports.at[1].at, "587");
    assert_int_equal(v->budget_per_domain, 1);
    config_free(&config);
    problems_free(&problems);
}

TEST(milter_is_read)
{
    struct problems *problems = problems_init("f");
    struct config *config = read_memory("milter {\n"
                                        "  socket = \"inet:8891@127.0.0.1\" socket_mode = 0666\n"
                                        "  socket_group = postfix run_as = nobody\n"
                                        "  trusted_networks = {192.0.2.0/24}\n"
                                        "  trusted_daemons = {MSA, \"a b\"}\n"
                                        "  stamp_relayed = {192.0.2.7} logins = /l\n"
                                        "  on_foreign_from = reject\n"
                                        "}\n"
                                        "verify { authserv_id = a.b }\n",
            problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    assert_int_equal(config->milter_count, 1);
    const struct config_milter *m = config->milter;
    assert_int_equal(m->line, 1);
    assert_string_equal(m->socket.at, "inet:8891@127.0.0.1");
    assert_int_equal(m->socket_mode, 0666);
    assert_string_equal(m->socket_group.at, "postfix");
    assert_string_equal(m->run_as.at, "nobody");
    assert_int_equal(m->trusted_networks.count, 1);
    assert_string_equal(m->trusted_networks.at[0].at, "192.0.2.0/24");
    assert_int_equal(m->trusted_daemons.count, 2);
    assert_string_equal(m->trusted_daemons.at[1].at, "a b");
    assert_int_equal(m->stamp_relayed.count, 1);
    assert_string_equal(m->logins.at, "/l");
    assert_int_equal(m->logins.line, 6);
    assert_string_equal(m->on_foreign_from.at, "reject");
    assert_string_equal(m->state.at, "/var/lib/verimail");
    config_free(&config);
    problems_free(&problems);
}

TEST(the_log_is_as_the_file_says_or_text_at_info)
{
    static const struct {
        const char *text;
        const char *format;
        const char *level;
    } table[] = {
            {"", "text", "info"},
            {"log { }", "text", "info"},
            {"log { format = json }", "json", "info"},
            {"log { level = error }", "text", "error"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        struct config *config = read_memory(table[i].text, problems);
        assert_string_equal(problems_text(problems), "");
        assert_int_equal(config->log_count, 1);
        assert_string_equal(config->log->format.at, table[i].format);
        assert_string_equal(config->log->level.at, table[i].level);
        config_free(&config);
        problems_free(&problems);
    }
}

/* How a file of so many octets ends; only its last one is no blank. */
static void check_size(size_t size, const char *want)
{
    struct problems *problems = problems_init("f");
    char path[FOLDER_PATH_MAX];
    char *content = malloc(size + 1);

    assert_non_null(problems);
    assert_non_null(content);
    memset(content, ' ', size + 1);
    if (size > 0)
        content[size - 1] = '}';
    folder_write(&folder, "f", content, size, 0600);
    folder_path(&folder, "f", path);
    struct config *config = config_read(path, problems);
    if (strcmp(problems_text(problems), want) != 0) {
        print_error("%zu octets: got %swant %s", size, problems_text(problems), want);
        fail();
    }
    assert_true((config != NULL) == (want[0] == '\0'));
    config_free(&config);
    free(content);
    problems_free(&problems);
}

TEST(files_at_their_edges)
{
    static const char brace[] = "f:1: unexpected: }: expected a section\n";
    static const size_t sizes[] = {1, 16383, 16384, 16385, 32768, 32769, 100000, CONFIG_MAX};

    check_size(0, "");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(sizes[i], brace);
    check_size(CONFIG_MAX + 1, "f: cannot be read: File too large\n");
}

TEST(files_that_cannot_be_read)
{
    struct problems *problems = problems_init("f");
    char path[FOLDER_PATH_MAX];

    assert_non_null(problems);
    folder_path(&folder, "nothing", path);
    assert_null(config_read(path, problems));
    assert_null(config_read(folder.path, problems));
    assert_string_equal(problems_text(problems), "f: cannot be read: No such file or directory\n"
                                                 "f: cannot be read: Is a directory\n");
    problems_free(&problems);
}

TEST(lists_grow_and_are_freed)
{
    struct config_list list = {0};

    for (unsigned i = 0; i < 100; i++)
        assert_true(config_list_add(&list, (struct config_text){strdup("x"), i}));
    assert_int_equal(list.count, 100);
    assert_int_equal(list.at[99].line, 99);
    config_list_free(&list);
    assert_int_equal(list.count, 0);
    assert_null(list.at);
    config_list_free(&list);
}
