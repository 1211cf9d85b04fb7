// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "protocol/message.h"
#include "protocol/returned.h"
#include "unit.h"

#define MEGABYTE ((size_t)1 << 20)

/* A bounce on its way to the parser. */
struct feeding {
    struct returned *returned;
    size_t piece; /* octets of the body at once */
};

static void give_field(void *context, const struct field *field)
{
    returned_field(((struct feeding *)context)->returned, field);
}

static void give_header_end(void *context)
{
    returned_header_end(((struct feeding *)context)->returned);
}

static void give_body(void *context, struct text piece)
{
    const struct feeding *feeding = context;

    for (size_t i = 0; i < piece.len; i += feeding->piece) {
        const size_t len = piece.len - i < feeding->piece ? piece.len - i : feeding->piece;
        const struct text copy = exact_copy((struct text){piece.at + i, len});
        returned_body(feeding->returned, copy);
        exact_free(copy);
    }
}

static const struct message_events events = {give_field, give_header_end, give_body, NULL};

/* What a bounce returns: "none", "uncertain", or the author and the stamp's payload or "-". */
static char *seen_of(struct text bounce, size_t piece)
{
    static char seen[2048];
    struct feeding feeding = {returned_init(), piece};
    struct message *message = message_init(&events, &feeding);

    assert_non_null(feeding.returned);
    assert_non_null(message);
    assert_int_equal(message_feed(message, bounce), MESSAGE_OK);
    assert_int_equal(message_end(message), MESSAGE_OK);
    const bool found = returned_end(feeding.returned);
    const struct address *author = returned_author(feeding.returned);
    const struct stamp *stamp = returned_stamp(feeding.returned);
    if (author == NULL) {
        assert_null(stamp);
        snprintf(seen, sizeof seen, "%s", found ? "uncertain" : "none");
    } else {
        assert_true(found);
        snprintf(seen, sizeof seen, "%s %s", author->text, stamp != NULL ? stamp->payload : "-");
    }
    message_free(&message);
    returned_free(&feeding.returned);
    assert_null(feeding.returned);
    return seen;
}

static void returns(struct text bounce, const char *want)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, MEGABYTE};

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        assert_string_equal(seen_of(bounce, pieces[i]), want);
}

/* With CR LF. */
static struct text with_crlf(struct text t)
{
    char *copy = malloc(2 * t.len + 1);
    size_t len = 0;

    assert_non_null(copy);
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '\n')
            copy[len++] = '\r';
        copy[len++] = t.at[i];
    }
    return (struct text){copy, len};
}

static void text_free(struct text t)
{
    free((void *)(uintptr_t)t.at);
}

static void returns_either_way(struct text bounce, const char *want)
{
    const struct text crlf = with_crlf(bounce);

    returns(bounce, want);
    returns(crlf, want);
    text_free(crlf);
}

/* Bounces as mail servers write them: the fuzzer's corpus. */

static struct text corpus_read(const char *name)
{
    char path[1024];
    char *content = malloc(MEGABYTE);

    snprintf(path, sizeof path, "%s/../fuzz/corpus/returned/%s", getenv("VERIMAIL_VECTORS"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(content);
    const size_t len = fread(content, 1, MEGABYTE, file);
    fclose(file);
    assert_true(len > 0);
    return (struct text){content, len};
}

#define OURS                                                                                       \
    "alice@origin.test "                                                                           \
    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5"                 \
    "Ojs8PT4_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFy"

static const struct corpus_case {
    struct unit_row row;
    const char *want;
} corpus[] = {
        {{.name = "postfix-full"}, OURS},
        {{.name = "postfix-headers"}, OURS},
        {{.name = "postfix-smtputf8"}, OURS},
        {{.name = "postfix-forged"}, "alice@origin.test -"},
        {{.name = "sendmail-full"}, OURS},
        {{.name = "sendmail-headers"}, OURS},
        {{.name = "exim-dsn"}, OURS},
        {{.name = "exim-text"}, OURS},
        {{.name = "exim-text-headers"}, OURS},
        {{.name = "qmail"}, OURS},
        {{.name = "qmail-forged"}, "alice@origin.test -"},
        {{.name = "exchange-full"}, OURS},
        {{.name = "exchange-headers"}, OURS},
        {{.name = "exchange-text"}, OURS},
        {{.name = "gmail-full"}, OURS},
        {{.name = "gmail-headers"}, OURS},
        {{.name = "gmail-text"}, OURS},
        {{.name = "part-base64"}, OURS},
        {{.name = "part-quoted"}, OURS},
        {{.name = "text-base64"}, OURS},
        {{.name = "mbox-line"}, OURS},
        {{.name = "prefixes"}, OURS},
        {{.name = "vacation"}, "none"},
        {{.name = "receipt"}, "none"},
        {{.name = "summary"}, "none"},
};

TEST_EACH(a_bounce_of_a_mail_server, corpus)
{
    const struct text bounce = corpus_read(row->row.name);

    returns_either_way(bounce, row->want);
    text_free(bounce);
}

/* A bounce may end anywhere in its body. What is found in less than all of it is the author, as far
 * as that came, or nothing. */
TEST_EACH(a_bounce_that_is_cut, corpus)
{
    const struct text bounce = corpus_read(row->row.name);

    const char *body = memmem(bounce.at, bounce.len, "\n\n", 2);

    assert_non_null(body);
    for (size_t len = (size_t)(body - bounce.at) + 2; len <= bounce.len; len += 13) {
        const char *seen = seen_of((struct text){bounce.at, len}, MEGABYTE);
        const bool is_known = strcmp(seen, "none") == 0 || strcmp(seen, "uncertain") == 0 ||
                              strncmp(seen, "alice@", 6) == 0;
        assert_true(is_known);
        assert_true(strcmp(row->want, "none") != 0 || strcmp(seen, "none") == 0);
    }
    text_free(bounce);
}

#define MULTIPART(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\n\n"
#define PART(type) "--b\nContent-Type: " type "\n\n"
#define IN_PART(text) MULTIPART("b") PART("message/rfc822") text
#define IN_TEXT(text) "Subject: x\n\n" text

static const struct text_case {
    struct unit_row row;
    const char *bounce;
    const char *want;
} texts[] = {
        {{.name = "nothing"}, "\n", "none"},
        {{.name = "no body"}, "Content-Type: message/rfc822\n\n", "none"},
        {{.name = "no parts"}, "Content-Type: message/rfc822\n\nFrom: a@b.test\n\nbody\n",
                "a@b.test -"},
        /* a part of its own */
        {{.name = "empty part"}, IN_PART("--b--\n"), "none"},
        {{.name = "no From"}, IN_PART("Message-ID: <x@y>\nVerimail: a@b.test AQID\n\nx\n--b--\n"),
                "none"},
        {{.name = "From alone"}, IN_PART("From: a@b.test\n\nx\n--b--\n"), "a@b.test -"},
        {{.name = "two From fields"}, IN_PART("From: a@b.test\nFrom: a@b.test\n\nx\n--b--\n"),
                "uncertain"},
        {{.name = "a From that is no mailbox"}, IN_PART("From: a@b.test, c@d.test\n\n--b--\n"),
                "uncertain"},
        {{.name = "white space before the colon"},
                IN_PART("From : c@d.test\nFrom: a@b.test\n\n--b--\n"), "a@b.test -"},
        {{.name = "folded"},
                IN_PART("From:\n Alice\n\t<a@b.test>\nVerimail: a@b.test\n  AQ\n ID\n\n--b--\n"),
                "a@b.test AQID"},
        {{.name = "stamp above From"},
                IN_PART("VERIMAIL: A@b.test AQID\nfrom: a@B.test\n\n--b--\n"), "a@b.test AQID"},
        {{.name = "another's stamp"}, IN_PART("Verimail: c@b.test AQID\nFrom: a@b.test\n\n--b--\n"),
                "a@b.test -"},
        {{.name = "the same stamp twice"},
                IN_PART("Verimail: a@b.test AQID\nVerimail: a@b.test AQID\nFrom: a@b.test\n"
                        "\n--b--\n"),
                "a@b.test AQID"},
        {{.name = "two stamps"},
                IN_PART("Verimail: a@b.test AQID\nVerimail: a@b.test AQIE\nFrom: a@b.test\n"
                        "\n--b--\n"),
                "a@b.test -"},
        {{.name = "beside those of others"},
                IN_PART("Verimail: c@b.test AQID\nVerimail: d@b.test AQID\nVerimail: e@b.test "
                        "AQID\nVerimail: a@b.test AQID\nVerimail: f@b.test AQID\nFrom: a@b.test\n"
                        "\n--b--\n"),
                "a@b.test AQID"},
        {{.name = "below too many of others"},
                IN_PART("Verimail: c@b.test AQID\nVerimail: d@b.test AQID\nVerimail: e@b.test "
                        "AQID\nVerimail: f@b.test AQID\nVerimail: a@b.test AQID\nFrom: a@b.test\n"
                        "\n--b--\n"),
                "a@b.test -"},
        {{.name = "a stamp that is none"},
                IN_PART("Verimail: a@b.test -\nFrom: a@b.test\n\n--b--\n"), "a@b.test -"},
        {{.name = "empty lines above"}, IN_PART("\n\nFrom: a@b.test\n\n--b--\n"), "a@b.test -"},
        {{.name = "lines that are no fields"},
                IN_PART("From x@y Tue Dec  1\n>From z\nFrom: a@b.test\nsomething else\n"
                        "Verimail: a@b.test AQID\n\n--b--\n"),
                "a@b.test AQID"},
        {{.name = "below the header"}, IN_PART("Subject: x\n\nFrom: a@b.test\n--b--\n"), "none"},
        {{.name = "no end"}, IN_PART("From: a@b.test"), "a@b.test -"},
        {{.name = "a second part"},
                IN_PART("Subject: x\n\n--b\nContent-Type: message/rfc822\n\nFrom: a@b.test\n\n"),
                "a@b.test -"},
        {{.name = "the first part counts"},
                IN_PART("From: a@b.test\n\n--b\nContent-Type: message/rfc822\n\nFrom: c@d.test\n"),
                "a@b.test -"},
        {{.name = "parts of a returned message"},
                IN_PART("Subject: x\n" MULTIPART("c") "--c\nContent-Type: message/rfc822\n\n"
                                                      "From: c@d.test\n\n--c--\n--b--\n"),
                "none"},
        {{.name = "behind the last boundary"},
                MULTIPART("b") "--b--\n" PART("message/rfc822") "From: a@b.test\n", "none"},
        {{.name = "before the first boundary"},
                MULTIPART("b") "From: a@b.test\nMessage-ID: <x@y>\n\n", "none"},
        {{.name = "a boundary that never comes"},
                MULTIPART("c") PART("message/rfc822") "From: a@b.test\n", "none"},
        {{.name = "white space behind a boundary"},
                MULTIPART("b") "--b \t\nContent-Type: message/rfc822\n\nFrom: a@b.test\n\n",
                "a@b.test -"},
        {{.name = "an inner multipart that does not end"},
                MULTIPART("b") PART("multipart/mixed; boundary=c") "--c\n\ntext\n" PART(
                        "message/rfc822") "From: a@b.test\n\n",
                "a@b.test -"},
        {{.name = "the first Content-Type counts"},
                MULTIPART("b") "--b\nContent-Type: message/rfc822\nContent-Type: image/png\n\n"
                               "From: a@b.test\n\n",
                "a@b.test -"},
        {{.name = "a boundary in the header section of a part"},
                MULTIPART("b") "--b\nContent-Type: message/rfc822\n--b\n\nFrom: a@b.test\n\n",
                "none"},
        {{.name = "NUL and other octets"},
                IN_PART("\x01\xff: x\nSubject: \xff\x80\nFrom: a@b.test\n\n"), "a@b.test -"},
        {{.name = "a CR inside"}, IN_PART("From: a@b.test\rx\n\n"), "uncertain"},
        {{.name = "a CR at the end"}, IN_PART("From: a@b.test\n\r"), "a@b.test -"},
        /* a block in a text */
        {{.name = "block"}, IN_TEXT("Sorry.\nFrom: a@b.test\nMessage-ID: <x@y>\n"), "a@b.test -"},
        {{.name = "block without Message-ID"}, IN_TEXT("Sorry.\n\nFrom: a@b.test\nTo: x@y\n\n"),
                "none"},
        {{.name = "block without From"}, IN_TEXT("Sorry.\n\nMessage-ID: <x@y>\nTo: x@y\n\n"),
                "none"},
        {{.name = "two halves"}, IN_TEXT("From: a@b.test\n\nMessage-ID: <x@y>\n"), "none"},
        {{.name = "two halves around a line"}, IN_TEXT("From: a@b.test\n--\nMessage-ID: <x@y>\n"),
                "none"},
        {{.name = "folds"},
                IN_TEXT("Subject: x\n\ty\nFrom: a@b.test\nVerimail: a@b.test\n AQID\n"
                        "Message-ID:\n <x@y>\n\n"),
                "a@b.test AQID"},
        {{.name = "indented"}, IN_TEXT("Sorry.\n\n  From: a@b.test\n  Message-ID: <x@y>\n"),
                "none"},
        {{.name = "quoted"}, IN_TEXT("> From: a@b.test\n> Message-ID: <x@y>\n"), "none"},
        {{.name = "the first block"},
                IN_TEXT("From: a@b.test\nMessage-ID: <x@y>\n\nFrom: c@d.test\nMessage-ID: <x@y>\n"),
                "a@b.test -"},
        {{.name = "the block with a stamp"},
                IN_TEXT("From: a@b.test\nMessage-ID: <x@y>\n\nFrom: a@b.test\nMessage-ID: <x@y>\n"
                        "Verimail: a@b.test AQID\n"),
                "a@b.test AQID"},
        {{.name = "a part before a block"},
                MULTIPART("b") PART("text/plain") "From: c@d.test\nMessage-ID: <x@y>\nVerimail: "
                                                  "c@d.test AQID\n" PART(
                                                          "message/rfc822") "From: a@b.test\n\n",
                "a@b.test -"},
        {{.name = "a block if the part has no From"},
                MULTIPART("b") PART("text/plain") "From: c@d.test\nMessage-ID: <x@y>\n" PART(
                        "message/rfc822") "To: a@b.test\n\n",
                "c@d.test -"},
        {{.name = "in HTML"}, "Content-Type: text/html\n\nFrom: a@b.test\nMessage-ID: <x@y>\n",
                "none"},
        {{.name = "multipart without a boundary"},
                "Content-Type: multipart/mixed\n\nFrom: a@b.test\nMessage-ID: <x@y>\n",
                "a@b.test -"},
};

TEST_EACH(a_bounce, texts)
{
    returns_either_way(text_of(row->bounce), row->want);
}

/* `inner` so deep inside multiparts. */
static struct text nested(unsigned depth, const char *inner)
{
    const size_t size = (size_t)depth * 128 + 1024;
    char *bounce = malloc(size);
    struct writer w = writer_of(bounce, size);

    assert_non_null(bounce);
    for (unsigned i = 0; i < depth; i++) {
        writer_string(&w, "Content-Type: multipart/mixed; boundary=b");
        writer_decimal(&w, i);
        writer_string(&w, "\n\n--b");
        writer_decimal(&w, i);
        writer_string(&w, "\n");
    }
    writer_string(&w, inner);
    assert_false(w.failed);
    return writer_text(&w);
}

static const struct depth_case {
    struct unit_row row;
    unsigned depth;
    const char *want;
} depths[] = {
        {{.name = "1"}, 1, "a@b.test -"},
        {{.name = "16"}, RETURNED_DEPTH_MAX, "a@b.test -"},
        {{.name = "17"}, RETURNED_DEPTH_MAX + 1, "none"},
        {{.name = "1000"}, 1000, "none"},
};

TEST_EACH(a_depth, depths)
{
    const struct text bounce =
            nested(row->depth, "Content-Type: message/rfc822\n\nFrom: a@b.test\n\nx\n");

    returns_either_way(bounce, row->want);
    text_free(bounce);
}

/* Behind what is too deep to be looked into, the outer multiparts go on. */
TEST(a_part_behind_a_deep_one)
{
    const struct text bounce =
            nested(1000, "\n--b3\nContent-Type: message/rfc822\n\nFrom: a@b.test\n\n");

    returns_either_way(bounce, "a@b.test -");
    text_free(bounce);
}

/* `before`, so many octets `x`, `behind`. */
static struct text stretched(const char *before, size_t count, const char *behind)
{
    const size_t before_len = strlen(before);
    const size_t behind_len = strlen(behind);
    char *bounce = malloc(before_len + count + behind_len + 1);

    assert_non_null(bounce);
    memcpy(bounce, before, before_len);
    memset(bounce + before_len, 'x', count);
    memcpy(bounce + before_len + count, behind, behind_len);
    return (struct text){bounce, before_len + count + behind_len};
}

static const struct long_case {
    struct unit_row row;
    const char *before;
    size_t count;
    const char *behind;
    const char *want;
} long_ones[] = {
        {{.name = "an unknown field"}, IN_PART("Subject: "), MEGABYTE, "\nFrom: a@b.test\n\n",
                "a@b.test -"},
        {{.name = "a name"}, IN_PART("X"), MEGABYTE, ": y\nFrom: a@b.test\n\n", "a@b.test -"},
        {{.name = "From"}, IN_PART("From: "), RETURNED_FIELD_MAX, "@b.test\n\n", "uncertain"},
        {{.name = "a stamp"}, IN_PART("From: a@b.test\nVerimail: a@b.test "), RETURNED_FIELD_MAX,
                "\n\n", "a@b.test -"},
        {{.name = "a line of text"}, IN_TEXT(""), MEGABYTE, "\nFrom: a@b.test\nMessage-ID: <x>\n",
                "a@b.test -"},
        {{.name = "a line like a boundary"}, MULTIPART("b") "--b\n\n--b", MEGABYTE,
                "\n" PART("message/rfc822") "From: a@b.test\n\n", "a@b.test -"},
};

TEST_EACH(a_long, long_ones)
{
    const struct text bounce = stretched(row->before, row->count, row->behind);

    assert_string_equal(seen_of(bounce, MEGABYTE), row->want);
    assert_string_equal(seen_of(bounce, 1), row->want);
    text_free(bounce);
}
