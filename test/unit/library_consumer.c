// SPDX-License-Identifier: ISC
#include <verimail.h>

/* A program of an integrator, in what C99 and C++11 have in common; test/unit/library_consumer
 * compiles it as either, against the library as it is installed. Ends with the step that failed. */

static const char host_key[] = "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk";
static const char service_key[] = "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv";
static const char from[] = " Alice <alice@example.org>";
static const char message[] = "From: Alice <alice@example.org>\r\n\r\nHello\r\n";
static const char answer[] = "YES stamped\r\n";

static enum verimail_result digest_message(char text_r[VERIMAIL_DIGEST_SIZE])
{
    struct verimail_digest *digest;
    enum verimail_result result = verimail_digest_new(&digest);

    if (result == VERIMAIL_OK)
        result = verimail_digest_message(digest, message, sizeof message - 1);
    if (result == VERIMAIL_OK)
        result = verimail_digest_final(digest, text_r, VERIMAIL_DIGEST_SIZE);
    verimail_digest_free(&digest);
    return result;
}

static enum verimail_result stamp_message(const char *user, const char *digest,
        char field_r[VERIMAIL_STAMP_SIZE], size_t *field_len_r)
{
    const struct verimail_recipients receiving = {"example.net", 1};
    struct verimail_stamper *stamper;
    enum verimail_result result =
            verimail_stamper_new("mail.example.org", host_key, service_key, &stamper);

    if (result == VERIMAIL_OK)
        result = verimail_stamp(stamper, user, &receiving, 1, 1767225600, digest, VERIMAIL_LF,
                field_r, VERIMAIL_STAMP_SIZE, field_len_r);
    verimail_stamper_free(&stamper);
    return result;
}

int main(void)
{
    const char *rcpt[] = {"example.net"};
    char author[VERIMAIL_USER_SIZE];
    char user[VERIMAIL_USER_SIZE];
    char payload[VERIMAIL_PAYLOAD_SIZE];
    char digest[VERIMAIL_DIGEST_SIZE];
    char field[VERIMAIL_STAMP_SIZE];
    char line[VERIMAIL_QUESTION_SIZE];
    size_t len;
    enum verimail_verdict verdict;
    enum verimail_reason reason;
    uint32_t ttl;
    bool scope_domain;

    if (verimail_init() != VERIMAIL_OK)
        return 1;
    if (verimail_author(from, sizeof from - 1, author, sizeof author) != VERIMAIL_OK)
        return 2;
    if (digest_message(digest) != VERIMAIL_OK)
        return 3;
    if (stamp_message(author, digest, field, &len) != VERIMAIL_OK)
        return 4;
    if (verimail_stamp_parse(field + sizeof "Verimail:" - 1, len - (sizeof "Verimail:" - 1), user,
                sizeof user, payload, sizeof payload) != VERIMAIL_OK)
        return 5;
    if (!verimail_user_equal(author, user))
        return 6;
    if (verimail_question(author, payload, rcpt, 1, digest, "192.0.2.1", line, sizeof line, &len) !=
            VERIMAIL_OK)
        return 7;
    if (verimail_answer(payload, answer, sizeof answer - 1, &verdict, &reason, &ttl,
                &scope_domain) != VERIMAIL_OK)
        return 8;
    return verdict == VERIMAIL_VERDICT_YES && reason == VERIMAIL_REASON_STAMPED ? 0 : 9;
}
