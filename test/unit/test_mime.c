// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/mime.h"
#include "unit.h"

static const struct type_case {
    struct unit_row row;
    const char *value;
    enum mime_kind kind;
    const char *boundary;
} types[] = {
        {{.name = "empty"}, "", MIME_TEXT, ""},
        {{.name = "no subtype"}, " text", MIME_TEXT, ""},
        {{.name = "no subtype behind the slash"}, " image/ ; x=y", MIME_TEXT, ""},
        {{.name = "text"}, " text/plain; charset=utf-8", MIME_TEXT, ""},
        {{.name = "html"}, " text/html", MIME_OTHER, ""},
        {{.name = "status"}, " message/delivery-status", MIME_OTHER, ""},
        {{.name = "message"}, " message/rfc822", MIME_MESSAGE, ""},
        {{.name = "upper case"}, "\tMESSAGE/RFC822\n", MIME_MESSAGE, ""},
        {{.name = "headers"}, " text/rfc822-headers; charset=us-ascii", MIME_MESSAGE, ""},
        {{.name = "global"}, " message/global", MIME_MESSAGE, ""},
        {{.name = "global headers"}, " message/global-headers", MIME_MESSAGE, ""},
        {{.name = "comments"}, " (a (b) \\) ) message(c) / (d)rfc822", MIME_MESSAGE, ""},
        {{.name = "an open comment"}, " (a message/rfc822", MIME_TEXT, ""},
        {{.name = "multipart without a boundary"}, " multipart/mixed", MIME_TEXT, ""},
        {{.name = "multipart with an empty one"}, " multipart/mixed; boundary=\"\"", MIME_TEXT, ""},
        {{.name = "bare"}, " multipart/report; boundary=a=b/c:1; x=y", MIME_MULTIPART, "a=b/c:1"},
        {{.name = "quoted"}, " multipart/report;\n\tboundary=\"a;b \\\"c\"", MIME_MULTIPART,
                "a;b \"c"},
        {{.name = "space at its ends"}, " multipart/mixed; boundary=\" a \"", MIME_MULTIPART, "a"},
        {{.name = "not closed"}, " multipart/mixed; boundary=\"ab", MIME_MULTIPART, "ab"},
        {{.name = "folded"}, " multipart/mixed; boundary=\"a\r\n b\"", MIME_MULTIPART, "a b"},
        {{.name = "behind others"},
                " multipart/report; report-type=delivery-status; x=\";boundary=no\";; BOUNDARY = "
                "\"yes\"",
                MIME_MULTIPART, "yes"},
        {{.name = "behind a name without a value"}, " multipart/mixed; x; boundary=b",
                MIME_MULTIPART, "b"},
        {{.name = "the first counts"}, " multipart/mixed; boundary=a; boundary=b", MIME_MULTIPART,
                "a"},
        {{.name = "128 octets"},
                " multipart/mixed; "
                "boundary="
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                MIME_MULTIPART,
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {{.name = "129 octets"},
                " multipart/mixed; "
                "boundary="
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg",
                MIME_TEXT, NULL},
};

TEST_EACH(a_type, types)
{
    const struct text value = exact_copy(text_of(row->value));
    struct mime_type type;

    mime_type_parse(value, &type);
    assert_int_equal(type.kind, row->kind);
    if (row->boundary != NULL)
        assert_string_equal(type.boundary, row->boundary);
    exact_free(value);
}

static const struct decoding_case {
    struct unit_row row;
    const char *encoding;
    const char *in;
    const char *want;
} decodings[] = {
        {{.name = "none"}, "", "a=3D\r\n", "a=3D\r\n"},
        {{.name = "8bit"}, " 8bit", "a=3D\xff", "a=3D\xff"},
        {{.name = "unknown"}, " x-uuencode", "a", "a"},
        {{.name = "digits"}, " Quoted-Printable (x)", "a=3Db=3d=41", "a=b=A"},
        {{.name = "soft line breaks"}, "quoted-printable", "ab=\r\nc=\nd= \t\r\ne", "abcde"},
        {{.name = "hard line breaks"}, "quoted-printable", "ab\r\nc\n", "ab\r\nc\n"},
        {{.name = "no digits"}, "quoted-printable", "a=xb=4xc==41=4=41", "a=xb=4xc=A=4A"},
        {{.name = "white space inside a line"}, "quoted-printable", "a= b", "a=b"},
        {{.name = "the end inside"}, "quoted-printable", "a=4", "a"},
        {{.name = "base64"}, " BASE64", "aGVsbG8gd29ybGQ=", "hello world"},
        {{.name = "base64 in lines"}, "base64", "aGVs\r\n bG8g\nd29 ybGQ", "hello world"},
        {{.name = "several"}, "base64", "YQ==Yg==YWI=YWJj", "abababc"},
        {{.name = "other octets"}, "base64", "a-G*V\x01s\xff", "hel"},
};

TEST_EACH(a_decoding, decodings)
{
    char out[256];
    struct writer w = writer_of(out, sizeof out);
    const struct text in = exact_copy(text_of(row->in));
    struct mime_decoder decoder = mime_decoder_of(mime_encoding_parse(text_of(row->encoding)));

    for (size_t i = 0; i < in.len; i++) {
        char octets[MIME_DECODED_MAX];
        const size_t count = mime_decode(&decoder, in.at[i], octets);
        writer_put(&w, (struct text){octets, count});
    }
    writer_char(&w, '\0');
    assert_string_equal(out, row->want);
    exact_free(in);
}
