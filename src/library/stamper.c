// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdlib.h>

#include "library/output.h"
#include "protocol/digest.h"
#include "protocol/domain.h"
#include "protocol/keyring.h"
#include "protocol/payload.h"
#include "protocol/receiving.h"
#include "protocol/stamp.h"

_Static_assert(VERIMAIL_STAMP_SIZE == STAMP_FIELD_MAX + 1, "room for any stamp");
_Static_assert(VERIMAIL_PAYLOAD_SIZE == STAMP_PAYLOAD_MAX + 1, "room for any payload");

/* 23:59:59 on the last day of the year 9999: milliseconds, and a negative number, are beyond it. */
#define ISSUED_MAX UINT64_C(253402300799)

struct verimail_stamper {
    char host[DOMAIN_MAX + 1];
    struct keyring *ring; /* of one pair */
};

static const enum verimail_result host_key_results[] = {
        [KEY_OK] = VERIMAIL_OK,
        [KEY_NOT_KEY] = VERIMAIL_HOST_KEY,
        [KEY_WRONG_KIND] = VERIMAIL_HOST_KEY_KIND,
        [KEY_CHECK] = VERIMAIL_HOST_KEY_CHECK,
        [KEY_WEAK] = VERIMAIL_HOST_KEY, /* secret keys are not */
        [KEY_SEVERAL] = VERIMAIL_HOST_KEY_SEVERAL,
};

static const enum verimail_result service_key_results[] = {
        [KEY_OK] = VERIMAIL_OK,
        [KEY_NOT_KEY] = VERIMAIL_SERVICE_KEY,
        [KEY_WRONG_KIND] = VERIMAIL_SERVICE_KEY_KIND,
        [KEY_CHECK] = VERIMAIL_SERVICE_KEY_CHECK,
        [KEY_WEAK] = VERIMAIL_SERVICE_KEY_WEAK,
        [KEY_SEVERAL] = VERIMAIL_SERVICE_KEY_SEVERAL,
        [KEY_TWICE] = VERIMAIL_SERVICE_KEY, /* a ring of one has none twice */
};

static enum verimail_result stamper_add_pair(struct verimail_stamper *stamper,
        const char *host_secret_key, const char *service_public_key)
{
    unsigned char host_secret[KEY_OCTETS];
    unsigned char service_public[KEY_OCTETS];

    enum key_result result =
            key_parse_file(text_of(service_public_key), KEY_SERVICE_PUBLIC, service_public);
    if (result != KEY_OK)
        return service_key_results[result];
    result = key_parse_file(text_of(host_secret_key), KEY_HOST_SECRET, host_secret);
    if (result != KEY_OK)
        return host_key_results[result];
    result = keyring_add_sender(stamper->ring, stamper->host, host_secret, service_public);
    sodium_memzero(host_secret, sizeof host_secret);
    return service_key_results[result];
}

enum verimail_result verimail_stamper_new(const char *host, const char *host_secret_key,
        const char *service_public_key, struct verimail_stamper **stamper_r)
{
    enum verimail_result result = verimail_init();

    *stamper_r = NULL;
    if (result != VERIMAIL_OK)
        return result;
    struct verimail_stamper *stamper = calloc(1, sizeof *stamper);
    if (stamper == NULL)
        return VERIMAIL_MEMORY;
    stamper->ring = keyring_init(1);
    if (stamper->ring == NULL)
        result = VERIMAIL_MEMORY;
    else if (!domain_to_ascii(text_of(host), stamper->host))
        result = VERIMAIL_HOST;
    else
        result = stamper_add_pair(stamper, host_secret_key, service_public_key);
    if (result != VERIMAIL_OK) {
        verimail_stamper_free(&stamper);
        return result;
    }
    keyring_seal(stamper->ring);
    *stamper_r = stamper;
    return VERIMAIL_OK;
}

void verimail_stamper_free(struct verimail_stamper **stamper)
{
    if (*stamper == NULL)
        return;
    keyring_free(&(*stamper)->ring);
    free(*stamper);
    *stamper = NULL;
}

static bool add_recipients(
        struct receiving *receiving, const struct verimail_recipients *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char ascii[DOMAIN_MAX + 1] = "*";
        const struct text domain = text_of(recipients[i].domain);
        if (!text_equal(domain, text_of("*")) && !domain_to_ascii(domain, ascii))
            return false;
        if (!receiving_add(receiving, text_of(ascii), recipients[i].count))
            return false;
    }
    return true;
}

static enum verimail_result write_receiving(
        const struct verimail_recipients *recipients, size_t count, struct writer *w)
{
    struct receiving *receiving = receiving_init();

    if (receiving == NULL)
        return VERIMAIL_MEMORY;
    const bool ok = add_recipients(receiving, recipients, count) && receiving_format(receiving, w);
    receiving_free(&receiving);
    return ok ? VERIMAIL_OK : VERIMAIL_RECEIVING;
}

/* Its parts are each known to be good: what can fail is only the length of them all. */
static enum verimail_result write_stamp(const struct verimail_stamper *stamper,
        const struct payload *payload, const struct address *user, const char *eol,
        struct writer *w)
{
    unsigned char nonce[PAYLOAD_NONCE];
    char room[PAYLOAD_TEXT_MAX];
    struct writer sealed = writer_of(room, sizeof room);

    randombytes_buf(nonce, sizeof nonce);
    if (!payload_seal(keyring_at(stamper->ring, 0), nonce, payload, &sealed) ||
            !stamp_format(user, writer_text(&sealed), eol, w))
        return VERIMAIL_STAMP_LENGTH;
    return VERIMAIL_OK;
}

enum verimail_result verimail_stamp(const struct verimail_stamper *stamper, const char *user,
        const struct verimail_recipients *receiving, size_t receiving_count, uint64_t issued,
        const char *digest, enum verimail_line_end line_end, char *field_r, size_t field_size,
        size_t *field_len_r)
{
    char receiving_room[RECEIVING_MAX];
    struct writer receiving_text = writer_of(receiving_room, sizeof receiving_room);
    char field_room[STAMP_FIELD_MAX];
    struct writer field = writer_of(field_room, sizeof field_room);
    struct address address;

    output_clear(field_r, field_size);
    *field_len_r = 0;
    if (!address_parse(text_of(user), text_of(""), &address))
        return VERIMAIL_USER;
    if (issued > ISSUED_MAX)
        return VERIMAIL_ISSUED;
    if (digest != NULL && !digest_is_text(text_of(digest)))
        return VERIMAIL_DIGEST;
    if (line_end != VERIMAIL_CRLF && line_end != VERIMAIL_LF)
        return VERIMAIL_LINE_END;
    enum verimail_result result = write_receiving(receiving, receiving_count, &receiving_text);
    if (result != VERIMAIL_OK)
        return result;
    const struct payload payload = {
            .host = text_of(stamper->host),
            .receiving = writer_text(&receiving_text),
            .issued = issued,
            .user = address_text(&address),
            .digest = text_of(digest != NULL ? digest : "-"),
    };
    result = write_stamp(
            stamper, &payload, &address, line_end == VERIMAIL_CRLF ? "\r\n" : "\n", &field);
    if (result == VERIMAIL_OK)
        result = output_put(writer_text(&field), field_r, field_size);
    if (result == VERIMAIL_OK)
        *field_len_r = writer_text(&field).len;
    return result;
}

enum verimail_result verimail_stamp_parse(const char *value, size_t value_len, char *user_r,
        size_t user_size, char *payload_r, size_t payload_size)
{
    struct stamp stamp;

    output_clear(user_r, user_size);
    output_clear(payload_r, payload_size);
    if (!stamp_parse((struct text){value, value_len}, &stamp))
        return VERIMAIL_STAMP;
    enum verimail_result result = output_put(address_text(&stamp.user), user_r, user_size);
    if (result == VERIMAIL_OK)
        result = output_put(text_of(stamp.payload), payload_r, payload_size);
    if (result != VERIMAIL_OK)
        output_clear(user_r, user_size);
    return result;
}
