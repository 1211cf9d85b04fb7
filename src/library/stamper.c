// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdlib.h>

#include "library/output.h"
#include "protocol/digest.h"
#include "protocol/domain.h"
#include "protocol/sealer.h"
#include "protocol/stamp.h"

_Static_assert(VERIMAIL_STAMP_SIZE == STAMP_FIELD_MAX + 1, "room for any stamp");
_Static_assert(VERIMAIL_PAYLOAD_SIZE == STAMP_PAYLOAD_MAX + 1, "room for any payload");

/* 23:59:59 on the last day of the year 9999: milliseconds, and a negative number, are beyond it. */
#define ISSUED_MAX UINT64_C(253402300799)

struct verimail_stamper {
    char host[DOMAIN_MAX + 1];
    struct sealer *sealer;
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

static enum verimail_result stamper_read_keys(struct verimail_stamper *stamper,
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
    stamper->sealer = sealer_init(stamper->host, host_secret, service_public, &result);
    sodium_memzero(host_secret, sizeof host_secret);
    if (stamper->sealer == NULL && result == KEY_OK)
        return VERIMAIL_MEMORY;
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
    if (!domain_to_ascii(text_of(host), stamper->host))
        result = VERIMAIL_HOST;
    else
        result = stamper_read_keys(stamper, host_secret_key, service_public_key);
    if (result != VERIMAIL_OK) {
        verimail_stamper_free(&stamper);
        return result;
    }
    *stamper_r = stamper;
    return VERIMAIL_OK;
}

void verimail_stamper_free(struct verimail_stamper **stamper)
{
    if (*stamper == NULL)
        return;
    (void)sealer_free(&(*stamper)->sealer); /* else its key stays until the process ends */
    free(*stamper);
    *stamper = NULL;
}

static bool stamper_add_recipients(
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

static const enum verimail_result sealer_results[] = {
        [SEALER_OK] = VERIMAIL_OK,
        [SEALER_RECEIVING] = VERIMAIL_RECEIVING,
        [SEALER_LENGTH] = VERIMAIL_STAMP_LENGTH,
};

/* Writes the field, name and value. The parts of `message` are valid: only its recipients are still
 * to be added. */
static enum verimail_result stamper_write(const struct verimail_stamper *stamper,
        const struct verimail_recipients *recipients, size_t count, const char *eol,
        struct sealer_message *message, struct writer *w)
{
    struct receiving *receiving = receiving_init();
    unsigned char nonce[PAYLOAD_NONCE];
    enum verimail_result result = VERIMAIL_RECEIVING;

    if (receiving == NULL)
        return VERIMAIL_MEMORY;
    message->receiving = receiving;
    randombytes_buf(nonce, sizeof nonce);
    writer_string(w, STAMP_NAME ":");
    if (stamper_add_recipients(receiving, recipients, count))
        result = sealer_results[sealer_seal(stamper->sealer, nonce, message, eol, w)];
    receiving_free(&receiving);
    return result;
}

enum verimail_result verimail_stamp(const struct verimail_stamper *stamper, const char *user,
        const struct verimail_recipients *receiving, size_t receiving_count, uint64_t issued,
        const char *digest, enum verimail_line_end line_end, char *field_r, size_t field_size,
        size_t *field_len_r)
{
    char buffer[STAMP_FIELD_MAX];
    struct writer field = writer_of(buffer, sizeof buffer);
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
    struct sealer_message message = {
            .user = &address,
            .issued = issued,
            .digest = text_of(digest != NULL ? digest : "-"),
    };
    enum verimail_result result = stamper_write(stamper, receiving, receiving_count,
            line_end == VERIMAIL_CRLF ? "\r\n" : "\n", &message, &field);
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
