// SPDX-License-Identifier: ISC
#include "fixture_library.h"
#include "unit.h"

/* libverimail's stampers and stamps: what they refuse, and their edges. */

TEST(stamper_refuses)
{
    static const char weak[] = "service-public:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA95MkQ";
    static const struct {
        const char *host, *host_key, *service_key;
        enum verimail_result want;
    } table[] = {
            {"mail.example.org", host_key, service_key, VERIMAIL_OK},
            {"MAIL.b\xc3\xbc"
             "cher.example",
                    host_key, service_key, VERIMAIL_OK},
            {"", host_key, service_key, VERIMAIL_HOST},
            {"mail.example.org.", host_key, service_key, VERIMAIL_HOST},
            {"leg_it.example", host_key, service_key, VERIMAIL_HOST},
            {"a", "", service_key, VERIMAIL_HOST_KEY},
            {"a", service_key, service_key, VERIMAIL_HOST_KEY_KIND},
            {"a", "host-secret:o8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk", service_key,
                    VERIMAIL_HOST_KEY_CHECK},
            {"a", host_key, "", VERIMAIL_SERVICE_KEY},
            {"a", host_key, host_key, VERIMAIL_SERVICE_KEY_KIND},
            {"a", host_key, "service-public:d13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv",
                    VERIMAIL_SERVICE_KEY_CHECK},
            {"a", host_key, weak, VERIMAIL_SERVICE_KEY_WEAK},
            /* What a file holds */
            {"a", "# mine\n\nhost-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk\n",
                    "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\n",
                    VERIMAIL_OK},
            {"a",
                    "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk\n"
                    "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk\n",
                    service_key, VERIMAIL_HOST_KEY_SEVERAL},
            {"a", host_key,
                    "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\n"
                    "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\n",
                    VERIMAIL_SERVICE_KEY_SEVERAL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct verimail_stamper *stamper;
        check_result("table", i,
                verimail_stamper_new(
                        table[i].host, table[i].host_key, table[i].service_key, &stamper),
                table[i].want);
        assert_int_equal(stamper != NULL, table[i].want == VERIMAIL_OK);
        verimail_stamper_free(&stamper);
        assert_null(stamper);
        verimail_stamper_free(&stamper);
    }
}

TEST(stamp_refuses)
{
    static const struct verimail_recipients none = {"example.net", 0};
    static const struct verimail_recipients most = {"example.net", 1000000};
    static const struct verimail_recipients too_many[] = {
            {"example.net", 1000000}, {"example.com", 1}};
    static const struct verimail_recipients literal = {"[192.0.2.1]", 1};
    static const struct verimail_recipients idn = {"B\xc3\xbc"
                                                   "cher.example",
            2};
    static const struct {
        const char *user;
        const struct verimail_recipients *receiving;
        size_t count;
        uint64_t issued;
        const char *digest;
        enum verimail_line_end line_end;
        enum verimail_result want;
    } table[] = {
            {"a@b.cd", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_OK},
            {"a@b.cd", &most, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_OK},
            {"a@b.cd", &idn, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_OK},
            {"a@b.cd", &one_recipient, 1, 253402300799, some_digest, VERIMAIL_LF, VERIMAIL_OK},
            {"a@b.cd", &one_recipient, 1, 253402300800, some_digest, VERIMAIL_LF, VERIMAIL_ISSUED},
            {"a@b.cd", &one_recipient, 1, ISSUED * UINT64_C(1000), some_digest, VERIMAIL_LF,
                    VERIMAIL_ISSUED},
            {"", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_USER},
            {"alice", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_USER},
            {"<a@b.cd>", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_USER},
            {"a b@b.cd", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_USER},
            {"*@b.cd", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_USER},
            {"a@b.cd", NULL, 0, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_RECEIVING},
            {"a@b.cd", &none, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_RECEIVING},
            {"a@b.cd", too_many, 2, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_RECEIVING},
            {"a@b.cd", &literal, 1, ISSUED, some_digest, VERIMAIL_LF, VERIMAIL_RECEIVING},
            {"a@b.cd", &one_recipient, 1, ISSUED, "", VERIMAIL_LF, VERIMAIL_DIGEST},
            {"a@b.cd", &one_recipient, 1, ISSUED, "-", VERIMAIL_LF, VERIMAIL_DIGEST},
            {"a@b.cd", &one_recipient, 1, ISSUED, some_digest + 1, VERIMAIL_LF, VERIMAIL_DIGEST},
            {"a@b.cd", &one_recipient, 1, ISSUED, some_digest, (enum verimail_line_end)2,
                    VERIMAIL_LINE_END},
    };
    struct verimail_stamper *stamper = stamper_of("mail.example.org");

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char field[VERIMAIL_STAMP_SIZE] = "unchanged";
        size_t len = 1;
        check_result("table", i,
                verimail_stamp(stamper, table[i].user, table[i].receiving, table[i].count,
                        table[i].issued, table[i].digest, table[i].line_end, field, sizeof field,
                        &len),
                table[i].want);
        assert_int_equal(len, strlen(field));
        assert_int_equal(len == 0, table[i].want != VERIMAIL_OK);
    }
    verimail_stamper_free(&stamper);
}

TEST(folds_end_as_asked)
{
    struct verimail_stamper *stamper = stamper_of("mail.example.org");
    char field[VERIMAIL_STAMP_SIZE];
    size_t len;

    for (enum verimail_line_end end = VERIMAIL_CRLF; end <= VERIMAIL_LF; end++) {
        size_t crs = 0;
        size_t lfs = 0;
        check_result("stamp", 0,
                verimail_stamp(stamper, "alice@example.org", &one_recipient, 1, ISSUED, some_digest,
                        end, field, sizeof field, &len),
                VERIMAIL_OK);
        for (size_t i = 0; i < len; i++) {
            crs += field[i] == '\r';
            lfs += field[i] == '\n';
            if (field[i] == '\n')
                assert_int_equal(field[i + 1], ' ');
        }
        assert_true(lfs > 1);
        assert_int_equal(crs, end == VERIMAIL_CRLF ? lfs : 0);
    }
    verimail_stamper_free(&stamper);
}

TEST(no_two_stamps_are_alike)
{
    struct verimail_stamper *stamper = stamper_of("mail.example.org");
    char fields[16][VERIMAIL_STAMP_SIZE];
    size_t len;

    for (size_t i = 0; i < 16; i++) {
        check_result("stamp", 0,
                verimail_stamp(stamper, "alice@example.org", &one_recipient, 1, ISSUED, some_digest,
                        VERIMAIL_LF, fields[i], sizeof fields[i], &len),
                VERIMAIL_OK);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(fields[i], fields[j]);
    }
    verimail_stamper_free(&stamper);
}

/* Room that is one octet too small takes nothing, and nothing behind it is written. */
TEST(room_at_its_edge)
{
    static const char value[] = " alice@example.org AbCd";
    struct verimail_stamper *stamper = stamper_of("mail.example.org");
    char field[VERIMAIL_STAMP_SIZE];
    char user[VERIMAIL_USER_SIZE] = "x";
    char payload[VERIMAIL_PAYLOAD_SIZE] = "x";
    char line[64];
    size_t len;

    check_result("stamp", 0,
            verimail_stamp(stamper, "a@b.cd", &one_recipient, 1, ISSUED, some_digest, VERIMAIL_LF,
                    field, sizeof field, &len),
            VERIMAIL_OK);
    const size_t field_len = len;
    for (size_t size = 0; size <= field_len + 1; size++) {
        memset(field, '!', sizeof field);
        check_result("stamp", 0,
                verimail_stamp(stamper, "a@b.cd", &one_recipient, 1, ISSUED, some_digest,
                        VERIMAIL_LF, field, size, &len),
                size > field_len ? VERIMAIL_OK : VERIMAIL_ROOM);
        assert_int_equal(len, size > field_len ? field_len : 0);
        assert_int_equal(field[size], '!');
        assert_true(size == 0 || strlen(field) == len);
    }
    for (size_t less = 0; less < 2; less++) {
        check_result("parse", 0,
                verimail_stamp_parse(value, sizeof value - 1, user, 18 - less, payload, 5),
                less ? VERIMAIL_ROOM : VERIMAIL_OK);
        assert_string_equal(user, less ? "" : "alice@example.org");
        assert_string_equal(payload, less ? "" : "AbCd");
        check_result("parse", 0,
                verimail_stamp_parse(value, sizeof value - 1, user, 18, payload, 5 - less),
                less ? VERIMAIL_ROOM : VERIMAIL_OK);
        assert_string_equal(user, less ? "" : "alice@example.org");
        assert_string_equal(payload, less ? "" : "AbCd");
        check_result("question", 0,
                verimail_question("a@b.cd", NULL, NULL, 0, NULL, NULL, line, 11 - less, &len),
                less ? VERIMAIL_ROOM : VERIMAIL_OK);
        assert_string_equal(line, less ? "" : "a@b.cd -\r\n");
        assert_int_equal(len, strlen(line));
    }
    verimail_stamper_free(&stamper);
}

TEST(vector_stamps)
{
    struct vectors *v = vectors_open("stamps.txt");

    while (vectors_next(v)) {
        char user[VERIMAIL_USER_SIZE] = "x";
        char payload[VERIMAIL_PAYLOAD_SIZE] = "x";
        const bool is_field = vectors_has(v, "field");
        struct text value = vectors_get(v, is_field ? "field" : "value");
        if (is_field)
            value = (struct text){value.at + 9, value.len - 9};
        const struct text in = exact_copy(value);
        const enum verimail_result want = vectors_has(v, "stamp") ? VERIMAIL_STAMP : VERIMAIL_OK;
        check_result("stamps.txt", vectors_line(v),
                verimail_stamp_parse(in.at, in.len, user, sizeof user, payload, sizeof payload),
                want);
        exact_free(in);
        if (want != VERIMAIL_OK ? user[0] != '\0' || payload[0] != '\0'
                                : !is(vectors_get(v, "user"), user) ||
                                          !is(vectors_get(v, "payload"), payload)) {
            print_error("stamps.txt:%u: got %s %s\n", vectors_line(v), user, payload);
            fail();
        }
    }
    vectors_free(&v);
}
