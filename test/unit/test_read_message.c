// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/read_message.h"
#include "exact.h"
#include "unit.h"

/* Of the message read last. */
static bool is_crlf;
static uint64_t mbox_len;
static const struct message_parser_missing missing = {
        .date = "Thu, 01 Jan 1970 00:00:00 +0000", .message_id = "<x@y>"};

/* The whole message at once, or in pieces of one octet. */
static struct message_parser *read_in(const char *message, size_t piece,
        const struct message_parser_missing *add, enum status *status_r,
        char error_r[READ_MESSAGE_ERROR_MAX])
{
    struct message_parser *letter = message_parser_init(add);
    struct read_message *intake = read_message_init(letter);
    struct text rest = text_of(message);

    assert_non_null(letter);
    assert_non_null(intake);
    while (rest.len > 0) {
        const size_t len = piece < rest.len ? piece : rest.len;
        const struct text chunk = exact_copy((struct text){rest.at, len});
        read_message_feed(intake, chunk);
        exact_free(chunk);
        rest = (struct text){rest.at + len, rest.len - len};
    }
    error_r[0] = '\0';
    *status_r = read_message_end(intake, error_r);
    is_crlf = read_message_is_crlf(intake);
    mbox_len = read_message_mbox_len(intake);
    read_message_free(&intake);
    return letter;
}

static struct message_parser *read_good(
        const char *message, size_t piece, const struct message_parser_missing *add)
{
    char fault[READ_MESSAGE_ERROR_MAX];
    enum status status;
    struct message_parser *letter = read_in(message, piece, add, &status, fault);

    if (status != STATUS_OK) {
        print_error("%s: got %d %s\n", message, status, fault);
        fail();
    }
    return letter;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(authors)
{
    static const struct {
        const char *message;
        const char *author; /* NULL: none */
    } table[] = {
            {"From: a@b.example\n\n", "a@b.example"},
            {"FROM: \"x\" <a@B.example>\r\n", "a@b.example"},
            {"Subject: x\nFrom: a@b.example", "a@b.example"},
            {"Subject: x\n\nFrom: a@b.example\n", NULL},
            {"", NULL},
            {"\n", NULL},
            {"From: a@b.example\nFrom: a@b.example\n\n", NULL},
            {"From: a@b.example\nfrom : c@d.example\n\n", NULL},
            {"From : a@b.example\n\n", NULL},
            {"From\n : a@b.example\n\n", NULL},
            {"From: a@b.example, c@d.example\n\n", NULL},
            /* behind an mbox line */
            {"From x@y.example Thu Jan  1 00:00:00 1970\nFrom: a@b.example\n\n", "a@b.example"},
            {"From - Thu Jan  1 00:00:00 1970\r\nFrom: a@b.example\r\n\r\n", "a@b.example"},
            {"From x@y.example", NULL},
            {"From ", NULL},
            {"Fro", NULL},
            {"From\t: a@b.example\n\n", NULL},
            {"From  : a@b.example\n\n", NULL},
            {"From \n : a@b.example\n\n", NULL},
            {"From \r\n : a@b.example\r\n\r\n", NULL},
            {"From:\n\n", NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (size_t piece = 1; piece < 1000; piece += 998) {
            char read_error[READ_MESSAGE_ERROR_MAX];
            enum status status;
            struct message_parser *letter =
                    read_in(table[i].message, piece, NULL, &status, read_error);
            char error[READ_MESSAGE_ERROR_MAX] = "";
            const struct address *author = read_message_author(letter, error);
            const char *got = author != NULL ? author->text : NULL;
            if ((got == NULL) != (table[i].author == NULL) || (got == NULL) != (error[0] != '\0') ||
                    (got != NULL && strcmp(got, table[i].author) != 0)) {
                print_error("%s: got %s (%s), want %s\n", table[i].message,
                        got != NULL ? got : "none", error,
                        table[i].author != NULL ? table[i].author : "none");
                fail();
            }
            message_parser_free(&letter);
        }
    }
}

TEST(what_is_no_message)
{
    static const struct {
        const char *message;
        const char *fault; /* a part of it */
    } table[] = {
            {" From: a@b.example\n\n", "line 1 "},
            {"From: a@b.example\nno field\n\n", "line 2 "},
            {"From: a@b.example\nX: \n y\nno field", "line 4 "},
            {"from alice Thu Jan  1 1970\nFrom: a@b.example\n\n", "line 1 "},
            {"From alice Thu Jan  1 1970\nFrom bob Thu Jan  1 1970\n\n", "line 2 "},
            {"From: a@b.example\nFrom bob Thu Jan  1 1970\n\n", "line 2 "},
            {"From ", "line 1 "},
            {"Fro", "line 1 "},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char fault[READ_MESSAGE_ERROR_MAX];
        enum status status;
        struct message_parser *letter = read_in(table[i].message, 1, NULL, &status, fault);
        if (status != STATUS_DATA || strstr(fault, table[i].fault) == NULL) {
            print_error(
                    "%s: got %d %s, want %s\n", table[i].message, status, fault, table[i].fault);
            fail();
        }
        message_parser_free(&letter);
    }
}

/* What is added is digested as if it had been there. */
TEST(fields_that_are_missing)
{
    static const char whole[] = "Date: Thu, 01 Jan 1970 00:00:00 +0000\n"
                                "Message-ID: <x@y>\nFrom: a@b.example\n\nbody\n";
    static const struct {
        const char *message;
        bool lacks_date;
        bool lacks_id;
    } table[] = {
            {whole, false, false},
            {"From: a@b.example\r\n\r\nbody\r\n", true, true},
            {"message-id: <x@y>\nFrom: a@b.example\n\nbody\n", true, false},
            {"From: a@b.example\nDATE: Thu, 01 Jan 1970 00:00:00 +0000\n\nbody\n", false, true},
    };

    struct message_parser *wanted = read_good(whole, 1000, NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *letter = read_good(table[i].message, 1, &missing);
        assert_int_equal(message_parser_lacks_date(letter), table[i].lacks_date);
        assert_int_equal(message_parser_lacks_message_id(letter), table[i].lacks_id);
        assert_string_equal(message_parser_digest(letter), message_parser_digest(wanted));
        message_parser_free(&letter);
    }
    message_parser_free(&wanted);
}

TEST(nothing_is_added_unasked)
{
    struct message_parser *letter = read_good("From: a@b.example\n\n", 1, NULL);

    assert_false(message_parser_lacks_date(letter));
    assert_false(message_parser_lacks_message_id(letter));
    message_parser_free(&letter);
}

/* It is no part of the message: of its digest, or of where its stamps are. */
TEST(mbox_line)
{
    static const char message[] = "Verimail: a@b.example AAAA\nFrom: a@b.example\n\nx\n";
    static const char mbox[] = "From a@b.example Thu Jan  1 00:00:00 1970\n";
    char both[sizeof message + sizeof mbox];
    struct message_parser *wanted = read_good(message, 1000, NULL);
    size_t count;

    snprintf(both, sizeof both, "%s%s", mbox, message);
    for (size_t piece = 1; piece < sizeof both; piece++) {
        struct message_parser *letter = read_good(both, piece, NULL);
        assert_int_equal(mbox_len, strlen(mbox));
        assert_string_equal(message_parser_digest(letter), message_parser_digest(wanted));
        assert_int_equal(message_parser_stamps(letter, &count)[0].offset, 0);
        message_parser_free(&letter);
    }
    message_parser_free(&wanted);
}

TEST(line_ends)
{
    struct message_parser *letter = read_good("From: a@b.example\r\nX: y\n\n", 1, NULL);
    assert_true(is_crlf);
    message_parser_free(&letter);
    letter = read_good("From: a@b.example\nX: y\r\n\r\n", 1, NULL);
    assert_false(is_crlf);
    message_parser_free(&letter);
}

TEST(stamps)
{
    static const char message[] = "Verimail: a@b.example AAAA\n"
                                  "verimail: c@d.example BBBB\n CCCC\n"
                                  "Verimail: no stamp at all\n"
                                  "From: a@b.example\n"
                                  "VERIMAIL: C@D.example DDDD\n\n"
                                  "Verimail: a@b.example EEEE\n";
    size_t count;
    struct address user;

    for (size_t piece = 1; piece < 1000; piece += 998) {
        struct message_parser *letter = read_good(message, piece, NULL);
        const struct message_parser_stamp *found = message_parser_stamps(letter, &count);
        assert_int_equal(count, 3);
        assert_int_equal(found[1].offset, strlen("Verimail: a@b.example AAAA\n"));
        assert_int_equal(found[1].len, strlen("verimail: c@d.example BBBB\n CCCC\n"));
        assert_string_equal(found[1].stamp.payload, "BBBBCCCC");

        assert_true(address_parse(text_of("A@b.example"), text_of(""), &user));
        const struct stamp *by = message_parser_stamp_by(letter, &user, &count);
        assert_non_null(by);
        assert_string_equal(by->payload, "AAAA");
        assert_int_equal(count, 1);

        assert_true(address_parse(text_of("c@d.example"), text_of(""), &user));
        assert_null(message_parser_stamp_by(letter, &user, &count));
        assert_int_equal(count, 2);

        assert_true(address_parse(text_of("e@b.example"), text_of(""), &user));
        assert_null(message_parser_stamp_by(letter, &user, &count));
        assert_int_equal(count, 0);
        message_parser_free(&letter);
    }
}
