// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "unit.h"

#define S "00000000000000a1|"
#define T "00000000000000b2|"
#define REPORT "report|0.6|1.2|smtp-in|"
#define LINE "filter|0.6|1.2|smtp-in|data-line|" S T
#define COMMIT "filter|0.6|1.2|smtp-in|commit|" S T
#define PUT "filter-dataline|" S T
#define RESULT "filter-result|" S T
#define CONNECT REPORT "link-connect|" S "mx.example.org|pass|192.0.2.7:2525|192.0.2.1:25\n"
#define BEGIN                                                                                      \
    REPORT "tx-begin|" S "deadbeef\n" REPORT "tx-mail|" S "deadbeef|ok|a@b\n" REPORT "tx-rcpt|" S  \
           "deadbeef|ok|c@d\n"
#define MESSAGE LINE "From: a@b\n" LINE "\n" LINE "..dot|bar\n" LINE ".\n"

/* Allocations until the one that fails; 0: none does. */
static unsigned allocations_left;

static bool allocation_fails(void)
{
    if (allocations_left == 0 || --allocations_left > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__real_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(at, size);
}

void *__real_reallocarray(void *at, size_t count, size_t size);
void *__wrap_reallocarray(void *at, size_t count, size_t size);
void *__wrap_reallocarray(void *at, size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_reallocarray(at, count, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return allocation_fails() ? NULL : __real_strdup(text);
}

char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len)
{
    return allocation_fails() ? NULL : __real_strndup(text, len);
}

FILE *__real_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode)
{
    return allocation_fails() ? NULL : __real_fdopen(fd, mode);
}

static struct mail *handed;
static char envelope[1024];

static void note_mail(struct mail *mail)
{
    const struct milter_client_mail *from = &mail->envelope;

    handed = mail;
    snprintf(envelope, sizeof envelope, "%s %s %s %u %s %s %s %s %s %.*s%s",
            from->daemon_name != NULL ? from->daemon_name : "-",
            from->client_name != NULL ? from->client_name : "-",
            from->client_address != NULL ? from->client_address : "-", from->client_port,
            from->queue_id != NULL ? from->queue_id : "-", from->login != NULL ? from->login : "-",
            from->auth_type != NULL ? from->auth_type : "-",
            from->sender != NULL ? from->sender : "-",
            mail->hostname != NULL ? mail->hostname : "-", (int)mail->recipients_len,
            mail->recipients_len > 0 ? mail->recipients : "",
            mail->fault != NULL ? mail->fault : "");
}

static void say(const char *lines)
{
    for (const char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1)
        filter_line(lines, (size_t)(end - lines), false);
}

/* What it writes, of which it forgets `keep` octets at a time. */
static void check_output(const char *wanted)
{
    char got[4096];
    size_t len, all = 0;
    const char *output;

    while ((output = filter_output(&len)), len > 0) {
        len = len < 7 ? len : 7;
        assert_true(all + len < sizeof got);
        memcpy(got + all, output, len);
        all += len;
        filter_written(len);
    }
    got[all] = '\0';
    assert_string_equal(got, wanted);
}

BEFORE_EACH()
{
    handed = NULL;
    allocations_left = 0;
    filter_open(note_mail);
}

AFTER_EACH()
{
    allocations_left = 0;
    filter_close();
}

TEST(it_registers)
{
    say("config|smtpd-version|7.6\nconfig|ready\n");
    check_output("register|report|smtp-in|link-connect\nregister|report|smtp-in|link-greeting\n"
                 "register|report|smtp-in|link-auth\nregister|report|smtp-in|link-disconnect\n"
                 "register|report|smtp-in|tx-begin\nregister|report|smtp-in|tx-mail\n"
                 "register|report|smtp-in|tx-rcpt\nregister|filter|smtp-in|data-line\n"
                 "register|filter|smtp-in|commit\nregister|ready\n");
}

static const struct envelope_row {
    struct unit_row unit;
    const char *lines;
    const char *wanted;
} envelope_rows[] = {
        {{"a stranger"}, CONNECT BEGIN MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - - a@b - c@d"},
        {{"a name that is not its"},
                REPORT "link-connect|" S
                       "mx.example.org|fail|192.0.2.7:2525|192.0.2.1:587\n" BEGIN MESSAGE,
                "587 - 192.0.2.7 2525 deadbeef - - a@b - c@d"},
        {{"IPv6"}, REPORT "link-connect|" S "-|error|[2001:db8::1]:9|[::1]:25\n" BEGIN MESSAGE,
                "25 - 2001:db8::1 9 deadbeef - - a@b - c@d"},
        {{"IPv6 with its name"},
                REPORT "link-connect|" S "-|error|[IPv6:2001:db8::1]:9|[::1]:25\n" BEGIN MESSAGE,
                "25 - 2001:db8::1 9 deadbeef - - a@b - c@d"},
        {{"a program"},
                REPORT "link-connect|" S "local|pass|unix:/run/x|unix:/run/x\n" BEGIN MESSAGE,
                "- - - 0 deadbeef - - a@b - c@d"},
        {{"a login, 0.6"}, CONNECT REPORT "link-auth|" S "al|ice|pass\n" BEGIN MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef al|ice smtpd a@b - c@d"},
        {{"no login, 0.6"}, CONNECT REPORT "link-auth|" S "alice|fail\n" BEGIN MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - - a@b - c@d"},
        {{"a login, 0.7"},
                CONNECT "report|0.7|1.2|smtp-in|link-auth|" S "pass|al|ice\n" BEGIN MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef al|ice smtpd a@b - c@d"},
        {{"no login, 0.7"},
                CONNECT "report|0.7|1.2|smtp-in|link-auth|" S "fail|pass\n" BEGIN MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - - a@b - c@d"},
        {{"the listener's name"},
                CONNECT REPORT "link-greeting|" S "mx.example.net\n" BEGIN MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - - a@b mx.example.net c@d"},
        {{"a bounce"}, CONNECT BEGIN REPORT "tx-mail|" S "deadbeef|ok|\n" MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - -  - c@d"},
        {{"a recipient that is refused"},
                CONNECT BEGIN REPORT "tx-rcpt|" S "deadbeef|permfail|x@d\n" MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - - a@b - c@d"},
        {{"no sender"}, CONNECT REPORT "tx-begin|" S "deadbeef\n" MESSAGE,
                "25 mx.example.org 192.0.2.7 2525 deadbeef - - - - " MAIL_NOT_KEPT},
};

TEST_EACH(envelopes, envelope_rows)
{
    say(row->lines);
    assert_non_null(handed);
    assert_string_equal(envelope, row->wanted);
    mail_refuse(handed, "550 no");
    filter_judged(handed);
    check_output(PUT ".\n");
}

static const struct output_row {
    struct unit_row unit;
    const char *before, *reply, *header, *after;
    const char *wanted;
} output_rows[] = {
        {{"accepted"}, CONNECT BEGIN MESSAGE, "", "X: y\nFrom: a@b\n", COMMIT "\n",
                PUT "X: y\n" PUT "From: a@b\n" PUT "\n" PUT "..dot|bar\n" PUT ".\n" RESULT
                    "proceed\n"},
        {{"refused"}, CONNECT BEGIN MESSAGE, "550 5.7.1 No", NULL, COMMIT "\n",
                PUT ".\n" RESULT "reject|550 5.7.1 No\n"},
        {{"the client has gone"}, CONNECT BEGIN MESSAGE REPORT "link-disconnect|" S "\n", "",
                "X: y\n", "", ""},
        {{"the next message is not judged"}, CONNECT BEGIN MESSAGE, "", "X: y\n", BEGIN COMMIT "\n",
                PUT "X: y\n" PUT "\n" PUT "..dot|bar\n" PUT ".\n" RESULT
                    "reject|451 4.3.0 The message was not judged; try again later\n"},
        {{"commit of nobody"}, CONNECT BEGIN MESSAGE REPORT "link-disconnect|" S "\n", "", "X: y\n",
                COMMIT "\n",
                RESULT "reject|451 4.3.0 The message was not judged; try again later\n"},
        {{"another step"}, CONNECT BEGIN MESSAGE, "550 no", NULL,
                "filter|0.6|1.2|smtp-in|auth|" S T "x\n", PUT ".\n" RESULT "proceed\n"},
        {{"lines of nothing that is known"}, CONNECT BEGIN MESSAGE, "550 no", NULL,
                "\n|\nfilter\nfilter|||||||\nreport|0.6|1|smtp-in|tx-rcpt\nreport|0.6|1|smtp-in|"
                "x|" S "\nfilter|0.6|1|smtp-in|commit|-1|1|\nfilter|0.6|1|smtp-in|commit|g|1|\n"
                "filter|0.6|1|smtp-in|commit|11112222333344445|1|\nreport|0.6|1|smtp-out|tx-mail|" S
                "\nx|y\n",
                PUT ".\n"},
};

TEST_EACH(outputs, output_rows)
{
    size_t len;

    say(row->before);
    mail_refuse(handed, row->reply);
    assert_int_equal(fflush(handed->file), 0);
    if (row->header != NULL) {
        handed->header = strdup(row->header);
        handed->header_len = strlen(row->header);
    }
    filter_judged(handed);
    (void)filter_output(&len); /* the session knows what commit is answered */
    say(row->after);
    check_output(row->wanted);
}

TEST(messages_are_put_out_in_turn_while_answers_pass)
{
    size_t len;

    say(CONNECT BEGIN);
    for (int i = 0; i < 20000; i++)
        say(LINE "a line of a message, which is followed by so many others\n");
    say(LINE ".\n");
    assert_int_equal(fflush(handed->file), 0);
    handed->body_at = 0;
    filter_judged(handed);
    (void)filter_output(&len);
    assert_true(len > 100000);
    assert_true(filter_has_room());
    for (int i = 0; i < 1000; i++)
        if (filter_has_room())
            say("filter|0.6|1.2|smtp-in|commit|" S T "\n");
    assert_false(filter_has_room());
    while ((void)filter_output(&len), len > 0)
        filter_written(len > 9999 ? 9999 : len);
    assert_true(filter_has_room());
}

static void judge_at_once(struct mail *mail)
{
    mail_judge(mail, "unix:/nonexistent/socket");
    filter_judged(mail);
}

/* The first one that fails leaves its message refused, and everything is answered. */
TEST(each_allocation_fails_once)
{
    bool met = true;

    for (unsigned n = 1; met; n++) {
        size_t len;
        filter_open(judge_at_once);
        allocations_left = n;
        say(CONNECT REPORT "link-auth|" S "alice|pass\n" REPORT "link-greeting|" S
                           "mx.example.net\n" BEGIN LINE "To: bob\n" MESSAGE COMMIT "\n");
        met = allocations_left == 0;
        allocations_left = 0;
        const char *output = filter_output(&len);
        assert_true(memmem(output, len, PUT ".\n", strlen(PUT ".\n")) != NULL);
        assert_true(
                memmem(output, len, RESULT "reject|451 ", strlen(RESULT "reject|451 ")) != NULL);
        assert_true(memmem(output, len, "proceed", 7) == NULL);
        filter_written(len);
        filter_close();
        assert_true(n < 1000);
    }
}
