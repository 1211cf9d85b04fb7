// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "capture.h"
#include "unit.h"

#define ROOM (256 * 1024)

static char caught[ROOM];

/* Whether lines are as the journal wants them: without a time, so that they can be compared. */
static void configure(bool journal, enum log_format format)
{
    if (journal)
        setenv("JOURNAL_STREAM", "8:1", 1);
    else
        unsetenv("JOURNAL_STREAM");
    log_init();
    log_configure(LOG_LEVEL_INFO, format);
    log_buffer(false);
}

static void write_value(struct text value)
{
    struct log_line line;

    log_begin(&line, LOG_LEVEL_INFO, "e");
    log_text(&line, "v", value);
    log_number(&line, "n", 7);
    log_string(&line, "w", "x");
    log_end(&line);
}

/* What is written for a value, in `caught`. */
static size_t written(bool journal, enum log_format format, struct text value)
{
    struct capture capture = capture_begin();

    configure(journal, format);
    write_value(value);
    const size_t len = capture_read(&capture, caught, sizeof caught);
    capture_end(&capture);
    return len;
}

TEST(values_are_escaped)
{
    static const struct {
        struct text value;
        const char *text;
        const char *json;
    } table[] = {
            {{"a", 1}, "a", "\"a\""},
            {{"", 0}, "\"\"", "\"\""},
            {{"a b", 3}, "\"a b\"", "\"a b\""},
            {{"a=b", 3}, "\"a=b\"", "\"a=b\""},
            {{"a>", 2}, "a>", "\"a>\""},
            {{"{", 1}, "{", "\"{\""},
            {{"\"\\", 2}, "\"\\\"\\\\\"", "\"\\\"\\\\\""},
            {{"\n", 1}, "\"\\x0a\"", "\"\\u000a\""},
            {{"\0", 1}, "\"\\x00\"", "\"\\u0000\""},
            {{"\x7f", 1}, "\"\\x7f\"", "\"\\u007f\""},
            {{"\x1f!~", 3}, "\"\\x1f!~\"", "\"\\u001f!~\""},
            {{"\xc3\xa9\xff", 3}, "\"\\xc3\\xa9\\xff\"", "\"\\u00c3\\u00a9\\u00ff\""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char want[256];
        snprintf(want, sizeof want, "<6>level=info event=e v=%s n=7 w=x\n", table[i].text);
        written(true, LOG_FORMAT_TEXT, table[i].value);
        assert_string_equal(caught, want);
        snprintf(want, sizeof want,
                "<6>{\"level\":\"info\",\"event\":\"e\",\"v\":%s,\"n\":7,\"w\":\"x\"}\n",
                table[i].json);
        written(true, LOG_FORMAT_JSON, table[i].value);
        assert_string_equal(caught, want);
    }
}

TEST(time_stands_first)
{
    static const char shape[] = "time=dddd-dd-ddTdd:dd:dd.dddZ level=info event=e v=a n=7 w=x\n";

    assert_int_equal(written(false, LOG_FORMAT_TEXT, text_of("a")), strlen(shape));
    for (size_t i = 0; shape[i] != '\0'; i++) {
        const bool digit = shape[i] == 'd' && i < strlen("time=dddd-dd-ddTdd:dd:dd.dddZ");
        if (digit ? caught[i] < '0' || caught[i] > '9' : caught[i] != shape[i]) {
            print_error("got %swant %s", caught, shape);
            fail();
        }
    }
    written(false, LOG_FORMAT_JSON, text_of("a"));
    assert_memory_equal(caught, "{\"time\":\"", 9);
    assert_string_equal(caught + strlen("{\"time\":\"dddd-dd-ddTdd:dd:dd.dddZ\""),
            ",\"level\":\"info\",\"event\":\"e\",\"v\":\"a\",\"n\":7,\"w\":\"x\"}\n");
}

TEST(levels)
{
    static const struct {
        const char *name;
        enum log_level level;
    } table[] = {{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING},
            {"notice", LOG_LEVEL_NOTICE}, {"info", LOG_LEVEL_INFO}};
    enum log_level level;

    for (size_t least = 0; least < 4; least++) {
        char want[256] = "";
        struct capture capture = capture_begin();
        configure(true, LOG_FORMAT_TEXT);
        const bool found = log_level_find(table[least].name, &level);
        log_configure(level, LOG_FORMAT_TEXT);
        for (size_t i = 0; i < 4; i++) {
            log_event(table[i].level, "e", NULL, NULL);
            if (i <= least)
                snprintf(want + strlen(want), sizeof want - strlen(want), "<%d>level=%s event=e\n",
                        table[i].level, table[i].name);
        }
        capture_read(&capture, caught, sizeof caught);
        capture_end(&capture);
        assert_true(found);
        assert_string_equal(caught, want);
    }
    assert_false(log_level_find("debug", &level));
    assert_false(log_level_find("", &level));
    assert_false(log_level_find("Info", &level));
}

TEST(whole_lines_of_their_own)
{
    struct capture capture = capture_begin();

    configure(true, LOG_FORMAT_TEXT);
    log_event(LOG_LEVEL_NOTICE, "one", "name", "va lue");
    errno = ENOENT;
    log_errno(LOG_LEVEL_ERROR, "two", "path", "/x");
    errno = EACCES;
    log_errno(LOG_LEVEL_ERROR, "three", NULL, NULL);
    capture_read(&capture, caught, sizeof caught);
    capture_end(&capture);
    assert_string_equal(caught, "<5>level=notice event=one name=\"va lue\"\n"
                                "<3>level=error event=two path=/x error=\"No such file or "
                                "directory\"\n"
                                "<3>level=error event=three error=\"Permission denied\"\n");
}

/* The parts of a value's octets, as they are escaped, that stand in a line: all of it, or a
 * beginning with `...`. */
static void check_value(const char *got, char octet, size_t len)
{
    const size_t got_len = strlen(got);
    const bool cut = got_len >= 3 && strcmp(got + got_len - 3, "...") == 0;
    const size_t kept = cut ? got_len - 3 : got_len;

    assert_true(cut ? kept < len : kept == len);
    for (size_t i = 0; i < kept; i++)
        assert_int_equal((unsigned char)got[i], (unsigned char)octet);
}

static void check_json(size_t line_len, char octet, size_t len)
{
    json_error_t error;
    json_t *object =
            json_loadb(caught, line_len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

    if (object == NULL) {
        print_error("%zu octets 0x%02x: %s: %s", len, (unsigned char)octet, error.text, caught);
        fail();
    }
    assert_string_equal(json_string_value(json_object_get(object, "event")), "e");
    check_value(json_string_value(json_object_get(object, "v")), octet, len);
    json_decref(object);
}

/* A value that grows by an octet from far before the cut to far behind it. */
TEST(lines_are_cut_whole)
{
    static const char octets[] = {'a', '"', '\\', '\x01', ' '};
    static char value[LOG_LINE_MAX + 10];

    for (size_t o = 0; o < sizeof octets; o++) {
        memset(value, octets[o], sizeof value);
        for (size_t len = LOG_LINE_MAX / 6 - 40; len < sizeof value; len++) {
            const struct text text = {value, len};
            const size_t json = written(false, LOG_FORMAT_JSON, text);
            assert_in_range(json, 1, LOG_LINE_MAX);
            assert_int_equal(caught[json - 1], '\n');
            check_json(json, octets[o], len);
            const size_t plain = written(true, LOG_FORMAT_TEXT, text);
            assert_in_range(plain, 1, LOG_LINE_MAX);
            assert_ptr_equal(strchr(caught, '\n'), caught + plain - 1);
            if (plain < LOG_LINE_MAX - 64)
                assert_string_equal(caught + plain - 9, " n=7 w=x\n");
        }
    }
}

TEST(many_names_fill_a_line)
{
    static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};

    for (size_t shift = 0; shift < 60; shift++) {
        for (size_t f = 0; f < 2; f++) {
            char first[64];
            struct capture capture = capture_begin();
            struct log_line line;
            configure(false, formats[f]);
            memset(first, 'f', shift);
            log_begin(&line, LOG_LEVEL_INFO, "e");
            log_text(&line, "first", (struct text){first, shift});
            for (int i = 0; i < 200; i++) {
                char name[16];
                snprintf(name, sizeof name, "name%d", i);
                if (i % 2 == 0)
                    log_number(&line, name, i % 4 == 0 ? UINT64_MAX : 0);
                else
                    log_string(&line, name, "\x02\"");
            }
            log_end(&line);
            const size_t len = capture_read(&capture, caught, sizeof caught);
            capture_end(&capture);
            assert_in_range(len, LOG_LINE_MAX - 200, LOG_LINE_MAX);
            assert_ptr_equal(strchr(caught, '\n'), caught + len - 1);
            if (formats[f] != LOG_FORMAT_JSON)
                continue;
            json_error_t error;
            json_t *object = json_loadb(
                    caught, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
            if (object == NULL) {
                print_error("%s at %d: ...%s", error.text, error.position, caught + len - 100);
                fail();
            }
            json_decref(object);
        }
    }
}

/* Kept lines are written when their time has come, or when there is a chunk of them. */
TEST(buffered_lines_wait)
{
    static const char line[] = "<6>level=info event=e\n";
    struct capture capture = capture_begin();
    bool ok = true;
    size_t count = 0;

    configure(true, LOG_FORMAT_TEXT);
    log_buffer(true);
    ok = ok && log_pending() == -1;
    log_event(LOG_LEVEL_INFO, "e", NULL, NULL);
    ok = ok && log_pending() > 0 && capture_read(&capture, caught, sizeof caught) == 0;
    log_tick(1000);
    log_tick(1019);
    ok = ok && capture_read(&capture, caught, sizeof caught) == 0;
    log_tick(1020);
    ok = ok && capture_read(&capture, caught, sizeof caught) == strlen(line);
    ok = ok && log_pending() == -1;
    for (; count * strlen(line) < 4096; count++)
        log_event(LOG_LEVEL_INFO, "e", NULL, NULL);
    log_tick(2000);
    ok = ok && capture_read(&capture, caught, sizeof caught) == count * strlen(line);
    log_event(LOG_LEVEL_INFO, "e", NULL, NULL);
    log_flush();
    ok = ok && capture_read(&capture, caught, sizeof caught) == strlen(line);
    log_buffer(false);
    capture_end(&capture);
    assert_true(ok);
}

static void fill(int fd)
{
    char page[4096] = {0};

    while (write(fd, page, sizeof page) > 0 || write(fd, page, 1) > 0)
        continue;
}

static bool drain(struct capture *capture)
{
    while (capture_read(capture, caught, sizeof caught) == sizeof caught - 1)
        continue;
    return true;
}

/* Takes lines as long as anybody writes. Returns how many octets there were, the last in `caught`.
 */
static size_t flush_all(struct capture *capture)
{
    size_t total = 0;
    size_t len;

    do {
        log_flush();
        len = capture_read(capture, caught + total, sizeof caught - total);
        total += len;
    } while (len > 0);
    return total;
}

static size_t count(const char *in, const char *what)
{
    size_t n = 0;

    for (const char *at = in; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* Nobody reads the pipe: lines are kept up to a limit, then counted; nothing waits, nothing is
 * torn. */
TEST(lines_that_cannot_be_written)
{
    enum { LINES = 5000 };
    struct capture capture = capture_begin();
    unsigned long lost = 0;

    configure(true, LOG_FORMAT_TEXT);
    fill(STDERR_FILENO);
    for (int i = 0; i < LINES; i++)
        log_event(LOG_LEVEL_INFO, "kept", "value", "0123456789");
    const bool pending = log_pending() > 0;
    drain(&capture);
    const size_t len = flush_all(&capture);
    const bool done = log_pending() == -1;
    capture_end(&capture);
    assert_true(pending);
    assert_true(done);
    const size_t kept = count(caught, "<6>level=info event=kept value=0123456789\n");
    const char *said = strstr(caught, "<4>level=warning event=log-lines-lost count=");
    assert_non_null(said);
    assert_int_equal(sscanf(strrchr(said, '='), "=%lu", &lost), 1);
    assert_int_equal(kept + lost, LINES);
    assert_true(kept > 1000 && lost > 1000);
    assert_int_equal(kept + 1, count(caught, "\n"));
    assert_int_equal(caught[len - 1], '\n');
}

/* The reader is gone for a while: what was lost is known when there is one again. */
TEST(closed_pipe_loses_no_count)
{
    struct capture capture = capture_begin();

    signal(SIGPIPE, SIG_IGN);
    configure(true, LOG_FORMAT_TEXT);
    close(capture.pipe);
    for (int i = 0; i < 10; i++) {
        log_event(LOG_LEVEL_INFO, "lost", NULL, NULL);
        log_flush();
    }
    capture.pipe = dup(capture.kept);
    capture_end(&capture);
    capture = capture_begin();
    configure(true, LOG_FORMAT_TEXT);
    log_flush();
    capture_read(&capture, caught, sizeof caught);
    capture_end(&capture);
    assert_string_equal(caught, "<4>level=warning event=log-lines-lost count=10\n");
    assert_int_equal(log_pending(), -1);
}

/* Standard error is a socket where a supervisor made it one. */
TEST(socket_that_is_full)
{
    struct capture capture = capture_begin();
    int ends[2];
    int size = 4096;
    size_t total = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    dup2(ends[1], STDERR_FILENO);
    configure(true, LOG_FORMAT_TEXT);
    for (int i = 0; i < 500; i++)
        log_event(LOG_LEVEL_INFO, "e", NULL, NULL);
    const bool pending = log_pending() > 0;
    for (ssize_t got = 1; got > 0 || log_pending() > 0; log_flush()) {
        got = read(ends[0], caught + total, sizeof caught - 1 - total);
        total += got > 0 ? (size_t)got : 0;
    }
    caught[total] = '\0';
    capture_end(&capture);
    close(ends[0]);
    close(ends[1]);
    configure(true, LOG_FORMAT_TEXT);
    assert_true(pending);
    assert_int_equal(count(caught, "<6>level=info event=e\n"), 500);
    assert_int_equal(total, 500 * strlen("<6>level=info event=e\n"));
}
